package hold_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/scaler/hold"
	"github.com/kedify/inference-gateway/xds/server/envoytest"
)

const coldStart = "X-Keda-Http-Cold-Start"

// A request to nothing waits until there is a pod; then it is told that it waited, and others
// that they did not.
func TestEnvoyHolds(t *testing.T) {
	envoytest.Binary(t)
	p := newPlane(t, hold.Options{})
	s := newSite(t, service())
	s.start(p)
	c := newClient(t, s.port)
	answers := make(chan answer, 1)
	go func() { answers <- c.post("1", "hello") }()
	<-p.held
	seen := &sync.Map{}
	pod := newPod(t, seen)
	at := time.Now()
	p.apply(s.endpoints(pod))
	got := <-answers
	t.Logf("released after %s: %s", time.Since(at), got)
	if got.status != http.StatusOK || got.header.Get(coldStart) != "true" {
		t.Errorf("%s, %s", got, got.header)
	}
	if got := c.post("2", "hello"); got.status != http.StatusOK || got.header.Get(coldStart) != "false" {
		t.Errorf("%s, %s", got, got.header)
	}
	eventually(t, "no unconfirmed answer", func() bool { return p.backend().Unconfirmed == 0 })
	for range 30 {
		c.post("3", "hello")
	}
	eventually(t, "the backend to be disarmed", func() bool { return !p.backend().Armed })
	eventually(t, "Envoy to ask no more", func() bool {
		got := c.do(context.Background(), http.MethodGet, "/", "", "x-id", "4")
		return got.status == http.StatusOK && got.header.Get(coldStart) == ""
	})
	t.Logf("%+v", p.backend())
}
