package hold_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"github.com/kedify/inference-gateway/scaler/hold"
	"github.com/kedify/inference-gateway/xds/server/envoytest"
)

// TestG5HeldBeyondTheLimit: a request that is held for longer than its rule lets it take is answered 504
// then, a handshake of a WebSocket as well. It was demand, too, and the next one is served.
func TestG5HeldBeyondTheLimit(t *testing.T) {
	envoytest.Binary(t)
	p := newPlane(t, hold.Options{})
	s := newSite(t, service())
	limit := time.Second
	s.limit = &limit
	s.start(p)
	c := newClient(t, s.port)
	for name, headers := range map[string][]string{
		"a request":   nil,
		"a WebSocket": {"Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Key", "x", "Sec-WebSocket-Version", "13"},
	} {
		answers := make(chan answer, 1)
		go func() { answers <- c.do(context.Background(), http.MethodGet, "/", "", headers...) }()
		<-p.held // that it arrived was told to the registry of demand
		got := <-answers
		if got.status != http.StatusGatewayTimeout || got.took < limit-50*time.Millisecond || got.took > limit+1500*time.Millisecond {
			t.Errorf("%s: %s", name, got)
		}
		gomega.NewWithT(t).Eventually(func() int { return p.backend().Held }).Should(gomega.BeZero(), name+" is held no more")
	}
	p.apply(s.endpoints(newPod(t, &sync.Map{})))
	if got := c.post("1", "hello"); got.status != http.StatusOK {
		t.Errorf("once there is a Pod: %s", got)
	}
}
