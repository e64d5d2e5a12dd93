package hold_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kedify/inference-gateway/scaler/hold"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/translate"
)

// behind are endpoints with the ClusterIP of their Service behind them.
func (r *rig) behind(ports ...uint32) {
	r.t.Helper()
	wanted := ir.Endpoints{Key: r.backend, ClusterIP: ir.Endpoint{Address: "10.96.0.1", Port: 80}}
	for _, port := range ports {
		wanted.Addresses = append(wanted.Addresses, ir.Endpoint{Address: "127.0.0.1", Port: port})
	}
	r.apply(r.one(translate.Endpoints(wanted)))
}

// The ClusterIP of a Service is a way to its Pods while requests pass, and no way past a hold: not
// at zero, and not while the last endpoint stays for the retries of requests to it.
func TestClusterIPIsWithheld(t *testing.T) { synctest.Test(t, testClusterIPIsWithheld) }

func testClusterIPIsWithheld(t *testing.T) {
	r := serviceRig(t)
	p := r.connect("a")
	has := func(when string, want ...string) {
		t.Helper()
		r.quiet()
		if got := p.addresses(r.name()); !slices.Equal(got, want) {
			t.Fatalf("%s: the proxy has %v, want %v", when, got, want)
		}
	}
	const pod, next, clusterIP = "0/127.0.0.1:1", "0/127.0.0.1:2", "1/10.96.0.1:80"
	r.behind()
	has("at zero")
	held := r.ask("a")
	held.waits()
	r.behind(1)
	held.wants("go cold")
	held.confirm()
	has("armed", pod, clusterIP)
	r.disarm("a")
	has("disarmed", pod, clusterIP)
	r.behind()
	has("the last Pod goes", pod)
	r.ask("a").waits()
	r.advance(hold.DefaultLinger - time.Second)
	has("its endpoint stays", pod)
	r.behind(2)
	has("the next Pod is there", next, clusterIP)
	r.behind()
	r.behind(2)
	has("the Pod is back before it went", next, clusterIP)
	r.behind()
	r.advance(hold.DefaultLinger + time.Second)
	r.advance(hold.DefaultConfirmWait)
	has("at zero again")
	if r.dump().Endpoints != nil {
		t.Errorf("endpoints %v", r.dump().Endpoints)
	}
}

// The ClusterIP is none of the endpoints that requests are released to.
func TestClusterIPIsNoEndpoint(t *testing.T) { synctest.Test(t, testClusterIPIsNoEndpoint) }

func testClusterIPIsNoEndpoint(t *testing.T) {
	r := serviceRig(t)
	p := r.connect("a")
	r.behind(1)
	r.quiet()
	r.ask("a").wants("go")
	p.pause()
	r.behind(2) // the proxy has the old Pod, and the same ClusterIP
	r.eventually("the change is on its way", p.waits)
	r.ask("a").waits()
}
