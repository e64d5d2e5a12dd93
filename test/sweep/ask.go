package sweep

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// patience is how long a request of the neighbour may take to be answered as it should be: workers of Envoy
// take a listener a moment after it was acknowledged.
const patience = 15 * time.Second

// goodAnswer is what the backend of the neighbour says.
const goodAnswer = "good"

// balanced is a client behind a load balancer, which begins its connections with a PROXY header.
var balanced = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
	connection, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	_, err = io.WriteString(connection, "PROXY TCP4 192.0.2.1 192.0.2.2 40000 80\r\n")
	return connection, err
}}}

// askAll sends the requests of all neighbours.
func askAll(ctx context.Context, outcomes []*Outcome) {
	var running sync.WaitGroup
	for _, o := range outcomes {
		if !o.Served {
			continue
		}
		running.Go(func() {
			for _, probe := range o.World.probes(!o.Refused && o.World.needsProxyHeader()) {
				if err := probe.ask(ctx); err != nil {
					o.find("the neighbour is hurt: %v", err)
				}
			}
		})
	}
	running.Wait()
}

// ask sends a request until it is answered as it should be.
func (p Probe) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	pause := time.NewTicker(20 * time.Millisecond)
	defer pause.Stop()
	for {
		err := p.once(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-pause.C:
		}
	}
}

func (p Probe) once(ctx context.Context) error {
	address := net.JoinHostPort("127.0.0.1", strconv.FormatInt(p.Port, 10))
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/neighbour", nil)
	if err != nil {
		return err
	}
	request.Host, request.Close = p.Host, true
	client := http.DefaultClient
	if p.Proxied {
		client = balanced
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<10))
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK || string(body) != goodAnswer {
		return fmt.Errorf("GET %s/neighbour on port %d: %d %q", p.Host, p.Port, response.StatusCode, body)
	}
	return nil
}
