package streams

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"github.com/kedify/inference-gateway/api/debug"
	"github.com/kedify/inference-gateway/wiring/health"
)

const (
	interval = time.Second
	// askTimeout bounds one question; maxAnswer what is read of an answer, some 100,000 Gateways.
	askTimeout = time.Second
	maxAnswer  = 16 << 20
	// lastsFor is how long an answer counts.
	lastsFor = 3 * time.Second
	// maxControllers are asked at most; with more, nothing is known.
	maxControllers = 16
)

// Options of a Poller.
type Options struct {
	// Controllers returns where the ready controllers answer, see Addresses. None: nothing is known.
	Controllers func() []string
	// Token returns the token that opens the view of a controller (controllers/access). Optional.
	Token func() (string, error)
	// Changed is called with each Gateway whose state became another one. It must not block. Optional.
	Changed func(gateway types.NamespacedName)
	Clock   clock.WithTicker
}

// Poller asks the controllers.
type Poller struct {
	options Options
	client  *http.Client

	mu      sync.Mutex
	answers []answer
	at      time.Time // of the round
}

// New returns a Poller that has heard nothing; Run asks.
func New(options Options) *Poller {
	if options.Changed == nil {
		options.Changed = func(types.NamespacedName) {}
	}
	if options.Token == nil {
		options.Token = func() (string, error) { return "", nil }
	}
	// A connection to a controller that was replaced at its address is not worth keeping.
	return &Poller{options: options, client: &http.Client{Timeout: askTimeout, Transport: &http.Transport{DisableKeepAlives: true}}}
}

// Run asks every second until the context ends.
func (p *Poller) Run(ctx context.Context) error {
	ticker := p.options.Clock.NewTicker(interval)
	defer ticker.Stop()
	for {
		p.round(ctx)
		select {
		case <-ticker.C():
		case <-ctx.Done():
			return nil
		}
	}
}

// State says whether a proxy of a Gateway follows a controller.
func (p *Poller) State(gateway types.NamespacedName) health.State {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.options.Clock.Since(p.at) > lastsFor {
		return health.Unknown
	}
	return judge(p.answers, gateway)
}

// round asks each controller once. One that does not answer leaves an empty answer.
func (p *Poller) round(ctx context.Context) {
	addresses := p.options.Controllers()
	if len(addresses) > maxControllers {
		addresses = nil
	}
	answers := make([]answer, len(addresses))
	token, err := p.options.Token()
	if err != nil {
		addresses = nil // each controller would refuse
	}
	var asking sync.WaitGroup
	for i, address := range addresses {
		asking.Go(func() {
			if said, err := p.ask(ctx, address, token); err == nil {
				answers[i] = answerOf(said)
			}
		})
	}
	asking.Wait()
	p.mu.Lock()
	before := p.answers
	p.answers, p.at = answers, p.options.Clock.Now()
	p.mu.Unlock()
	for _, gateway := range changed(before, answers) {
		p.options.Changed(gateway)
	}
}

func (p *Poller) ask(ctx context.Context, address, token string) (said debug.Streams, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/status/proxies", nil)
	if err != nil {
		return said, err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := p.client.Do(request)
	if err != nil {
		return said, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return said, fmt.Errorf("%s answers %s", address, response.Status)
	}
	return said, json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(&said)
}
