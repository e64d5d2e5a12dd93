package publish_test

import (
	"testing"
	"time"

	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
)

// told returns the deliveries reported so far and advances the clock so that pending ones
// are.
func (w *world) told() []publish.Delivery {
	w.clock.Advance(50 * time.Millisecond)
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]publish.Delivery(nil), w.deliveries...)
}

func (w *world) last() publish.Delivery {
	all := w.told()
	if len(all) == 0 {
		return publish.Delivery{}
	}
	return all[len(all)-1]
}

// Status hears of connections, listeners, synchrony and rejections, and of nothing else.
func TestDelivery(t *testing.T) {
	w := newWorld(t)
	w.apply(hosts(t, 1))
	w.ready()
	w.eventually("an unconnected gateway is reported", func() bool {
		d := w.last()
		return d.Gateway == gatewayKey && d.Connected == 0 && !d.Synced && len(d.Listeners) == 1 && !d.Listeners["l"]
	})
	p := w.proxy(deltatest.Options{Reject: refuse})
	w.eventually("the listener is accepted", func() bool { d := w.last(); return d.Synced && d.Listeners["l"] && d.Connected == 1 })

	before := len(w.told())
	second := w.proxy(deltatest.Options{Node: "two"})
	w.eventually("two proxies", func() bool { return w.publisher.Delivery(gatewayKey).Connected == 2 })
	w.synced()
	for port := range uint32(50) {
		w.apply([]resource.Resource{deltatest.Endpoints(t, "c-h00000", port+1)})
		w.synced()
	}
	second.Disconnect()
	w.eventually("one proxy", func() bool { return w.publisher.Delivery(gatewayKey).Connected == 1 })
	w.synced()
	if after := len(w.told()); after > before {
		t.Errorf("%d reports although nothing changed for status", after-before)
	}

	w.apply([]resource.Resource{deltatest.Listener(t, "bad", 81)})
	w.eventually("the rejection", func() bool {
		d := w.last()
		return len(d.Rejected) == 1 && !d.Listeners["bad"] && d.Listeners["l"] && !d.Synced
	})
	w.apply(nil, key(resource.Listener, "bad"))
	w.eventually("its end", func() bool { d := w.last(); return len(d.Rejected) == 0 && len(d.Listeners) == 1 && d.Synced })
	p.Disconnect()
	w.eventually("the disconnection", func() bool { d := w.last(); return d.Connected == 0 && !d.Listeners["l"] && !d.Synced })
}

// An edit that proxies accept quickly is not reported; one that they do not is.
func TestDeliveryOfSlowProxy(t *testing.T) {
	w, p := oneHost(t, deltatest.Options{})
	w.eventually("the proxy is in sync", func() bool { return w.last().Synced })
	p.Pause(resource.Listener)
	w.apply([]resource.Resource{deltatest.Listener(t, "l", 8080)})
	w.eventually("the listener is not accepted", func() bool { d := w.last(); return !d.Listeners["l"] && !d.Synced })
	p.Resume(resource.Listener)
	w.eventually("the listener is accepted", func() bool { d := w.last(); return d.Listeners["l"] && d.Synced })
}
