package access

import (
	"context"
	"crypto/sha256"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/time/rate"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Audience that tokens for the views should be made for: one that is read on its way opens nothing but the views.
// Tokens for the API server are taken as well.
const Audience = "kedify-gateway"

const (
	// fresh is how long a decision that allowed counts without a look, lasting how long it does while the API
	// server cannot be asked. One that refused counts for refusing: the role may just have been bound.
	fresh    = time.Minute
	lasting  = 10 * time.Minute
	refusing = 5 * time.Second
	// reviewTime bounds a look; reviewRate and reviewBurst bound the looks of all requests together.
	reviewTime  = 2 * time.Second
	reviewRate  = 10
	reviewBurst = 20
	// maxDecisions are kept, maxToken is the longest token in bytes that is looked at.
	maxDecisions = 1024
	maxToken     = 16 << 10
)

// Options of a Guard.
type Options struct {
	// Client creates reviews.
	Client client.Client
	Clock  clock.PassiveClock
	Log    logr.Logger
}

// Guard lets requests pass whose sender may read the path.
type Guard struct {
	options Options
	limit   *rate.Limiter

	mu        sync.Mutex
	decisions map[request]decision
}

// request is a token and the path that it is to open.
type request struct {
	token [sha256.Size]byte
	path  string
}

type decision struct {
	answer int // an HTTP status
	at     time.Time
}

// lifetime is how long a decision counts without a look.
func (d decision) lifetime() time.Duration {
	if d.answer == http.StatusOK {
		return fresh
	}
	return refusing
}

// New returns a Guard that has decided nothing.
func New(options Options) *Guard {
	return &Guard{options: options, limit: rate.NewLimiter(reviewRate, reviewBurst), decisions: map[request]decision{}}
}

// Protect returns a handler that calls another one for callers with the right to read the path.
func (g *Guard) Protect(view http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if answer := g.decide(r); answer != http.StatusOK {
			http.Error(w, http.StatusText(answer), answer)
			return
		}
		view.ServeHTTP(w, r)
	})
}

// decide returns the status of the answer to a request.
func (g *Guard) decide(r *http.Request) int {
	token, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if token = strings.TrimSpace(token); !found || token == "" || len(token) > maxToken {
		return http.StatusUnauthorized
	}
	if r.Method != http.MethodGet {
		return http.StatusMethodNotAllowed
	}
	key := request{sha256.Sum256([]byte(token)), r.URL.Path}
	now := g.options.Clock.Now()
	known, decided := g.known(key)
	if decided && now.Sub(known.at) < known.lifetime() {
		return known.answer
	}
	answer := http.StatusServiceUnavailable
	if g.limit.AllowN(now, 1) {
		ctx, cancel := context.WithTimeout(r.Context(), reviewTime)
		defer cancel()
		var err error
		if answer, err = g.review(ctx, token, r.URL.Path); err != nil {
			g.options.Log.Error(err, "Failed to review a request for a view", "path", r.URL.Path)
			answer = http.StatusServiceUnavailable
		}
	}
	if answer != http.StatusServiceUnavailable {
		g.keep(key, decision{answer, now})
		return answer
	}
	if decided && known.answer == http.StatusOK && now.Sub(known.at) < lasting {
		return http.StatusOK
	}
	return answer
}

func (g *Guard) known(key request) (decision, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	known, decided := g.decisions[key]
	return known, decided
}

// keep remembers a decision. When there are too many, those that refuse go, and those that are too old to count: a
// flood of foreign tokens must not push out the readers.
func (g *Guard) keep(key request, made decision) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, known := g.decisions[key]; !known && len(g.decisions) >= maxDecisions {
		for other, old := range g.decisions {
			if old.answer != http.StatusOK || made.at.Sub(old.at) >= lasting {
				delete(g.decisions, other)
			}
		}
		if len(g.decisions) >= maxDecisions {
			return // decided again next time
		}
	}
	g.decisions[key] = made
}
