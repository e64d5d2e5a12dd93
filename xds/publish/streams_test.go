package publish_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kedify/inference-gateway/api/debug"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
)

// TestStreams: a proxy counts while it answers what it is sent. One that rejects a resource answers; one
// that stays silent for five seconds does not.
func TestStreams(t *testing.T) {
	w := newWorld(t)
	want := func(what string, connected, accepting int, ready bool) {
		t.Helper()
		expected := []debug.ProxyStreams{{Gateway: debug.Key(gatewayKey), Ready: ready, Connected: connected, Accepting: accepting}}
		w.eventually(what, func() bool { return cmp.Equal(expected, w.publisher.Streams()) })
	}
	if streams := w.publisher.Streams(); len(streams) != 0 {
		t.Errorf("streams of no gateway: %+v", streams)
	}
	w.apply(hosts(t, 1))
	p := w.proxy(deltatest.Options{Reject: refuse})
	want("connected before the gateway is ready", 1, 0, false)
	w.ready()
	want("the proxy accepts", 1, 1, true)
	w.synced()

	w.apply([]resource.Resource{deltatest.Listener(t, "bad", 81)})
	w.eventually("the rejection", func() bool { return len(w.publisher.Delivery(gatewayKey).Rejected) == 1 })
	w.clock.Advance(time.Minute)
	want("a minute after a rejection", 1, 1, true)
	w.apply(nil, key(resource.Listener, "bad"))
	w.synced()

	p.Pause(resource.Listener)
	w.apply([]resource.Resource{deltatest.Listener(t, "l", 8080)})
	w.eventually("the listener is sent", func() bool {
		return slices.ContainsFunc(w.publisher.Dump(gatewayKey).Proxies[0].Resources, func(r debug.ProxyResource) bool {
			return r.Name == "l" && r.Sent == r.Desired && r.Acked != r.Sent
		})
	})
	w.clock.Advance(4 * time.Second)
	want("silent for four seconds", 1, 1, true)
	w.clock.Advance(2 * time.Second)
	want("silent for six", 1, 0, true)
	second := w.proxy(deltatest.Options{Node: "two"})
	want("another one accepts", 2, 1, true)
	p.Resume(resource.Listener)
	want("both accept", 2, 2, true)
	second.Disconnect()
	p.Disconnect()
	want("none is connected", 0, 0, true)
}
