package translate_test

import (
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/proxytest"
)

const coldStart = "x-keda-http-cold-start"

// held makes requests to a target wait for the holder, or pass at once when there is none.
func (w *world) held(target ir.Target, holder *proxytest.Holder) ir.Target {
	w.t.Helper()
	var replicas []string
	if holder != nil {
		replicas = append(replicas, holder.Address)
	}
	target.Hold = &ir.Hold{Cluster: target.Cluster.HoldCluster(), Demand: ir.Key{Namespace: "test", Name: "scaler"}, Timeout: time.Minute}
	w.cluster(ir.Cluster{Key: target.Hold.Cluster, Protocol: ir.HTTP2}, replicas...)
	return target
}

// Requests to a backend that holds are asked about, in each table that finds their host, and without
// a holder they are routed at once.
func TestHolds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	holder := proxytest.StartHolder(t)
	armed := w.held(ir.Target{Cluster: w.service("armed"), Weight: 1}, holder)
	disarmed := w.held(ir.Target{Cluster: w.service("disarmed"), Weight: 1}, nil)
	attempt := 200 * time.Millisecond
	to := func(targets ...ir.Target) *ir.Forward {
		return &ir.Forward{Targets: targets, Timeouts: ir.Timeouts{BackendRequest: &attempt}}
	}
	w.host("hold.test",
		route("disarmed", prefix("/disarmed"), to(disarmed)),
		route("plain", prefix("/plain"), to(ir.Target{Cluster: w.service("plain"), Weight: 1})),
		route("armed", prefix("/"), to(armed)))
	w.wildcards(ir.Host{Chain: w.chain, Hostname: "*.hold.test", Routes: []ir.Route{route("wild", prefix("/"), to(armed))}})
	w.apply()

	body := strings.Repeat("x", 256<<10)
	for _, host := range []string{"hold.test", "HOLD.test", "x.hold.test"} {
		before := len(holder.Asked())
		out := w.expect(ask{host: host, path: "/a", method: "POST", body: body}, 200, "armed")
		if out.Headers.Get(coldStart) != "" || len(out.Body) != len(body) {
			t.Errorf("%s: the backend got %q and %d bytes", host, out.Headers.Get(coldStart), len(out.Body))
		}
		asked := holder.Asked()
		want := proxytest.Question{Backend: "service/test/armed/80", Demand: "test/scaler", Node: "test/proxy", Path: "/a"}
		if len(asked) != before+1 || asked[before] != want {
			t.Errorf("%s: asked %+v, want %+v", host, asked[before:], want)
		}
	}
	for path, backend := range map[string]string{"/disarmed": "disarmed", "/plain": "plain"} {
		before := len(holder.Asked())
		if out := w.expect(ask{host: "hold.test", path: path}, 200, backend); len(holder.Asked()) != before {
			t.Errorf("%s: the holder was asked (%s)", path, out.text)
		}
	}

	// The limits of the rule do not run while a request waits.
	release := holder.Hold()
	begun := time.Now()
	time.AfterFunc(4*attempt, release)
	w.expect(ask{host: "hold.test", path: "/a", method: "POST", body: body}, 200, "armed")
	if took := time.Since(begun); took < 4*attempt {
		t.Errorf("answered after %s although it was held for %s", took, 4*attempt)
	}
}

// The picker of a pool is asked after the hold.
func TestHoldBeforePicker(t *testing.T) {
	w := newWorld(t)
	holder, picker := proxytest.StartHolder(t), proxytest.StartPicker(t, "picker")
	pod := echo(t, "pod")
	picker.Pick(pod)
	target := w.held(w.pool("pool", false, picker, pod), holder)
	w.host("pool.test", route("pool", prefix("/"), &ir.Forward{Targets: []ir.Target{target}}))
	w.apply()
	release := holder.Hold()
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.expect(ask{host: "pool.test", path: "/v1", method: "POST", body: "prompt"}, 200, "pod")
	}()
	gomega.NewWithT(t).Eventually(holder.Asked, 10*time.Second).ShouldNot(gomega.BeEmpty())
	if paths, _ := picker.Seen(); len(paths) > 0 {
		t.Error("the picker was asked before the endpoint was there")
	}
	release()
	<-done
	if paths, _ := picker.Seen(); len(paths) != 1 {
		t.Errorf("the picker was asked %d times", len(paths))
	}
}

// A holder that goes away takes no request with it: the call is made again.
func TestHoldSurvivesItsHolder(t *testing.T) {
	w := newWorld(t)
	first, second := proxytest.StartHolder(t), proxytest.StartHolder(t)
	target := w.held(ir.Target{Cluster: w.service("backend"), Weight: 1}, first)
	w.host("hold.test", route("held", prefix("/"), &ir.Forward{Targets: []ir.Target{target}}))
	w.apply()
	first.Hold()
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.expect(ask{host: "hold.test", path: "/", method: "POST", body: "once"}, 200, "backend")
	}()
	gomega.NewWithT(t).Eventually(first.Asked, 10*time.Second).ShouldNot(gomega.BeEmpty())
	w.held(target, second)
	w.apply()
	first.Stop()
	<-done
	if asked := second.Asked(); len(asked) != 1 {
		t.Errorf("the second holder was asked %d times", len(asked))
	}
}
