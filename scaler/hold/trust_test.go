package hold_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc/metadata"
	"k8s.io/apimachinery/pkg/types"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/hold"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/translate"
)

// ask opens a call of a proxy of a gateway about a request to any backend, for any demand key.
func (r *rig) askAs(gateway types.NamespacedName, node, backend string, demand types.NamespacedName) *request {
	q := &request{rig: r, answers: make(chan *extprocv3.ProcessingResponse, 4), failed: make(chan error, 1), first: firstMessage(node)}
	q.ctx, q.end = context.WithCancel(metadata.NewIncomingContext(context.Background(),
		metadata.Pairs(translate.HoldBackend, backend, translate.HoldDemand, demand.String())))
	as := hold.NewActivator(r.gate,
		hold.ActivatorOptions{Gateway: func(context.Context) (types.NamespacedName, error) { return gateway, nil }})
	r.running.Go(func() { q.failed <- as.Process(q) })
	r.t.Cleanup(q.end)
	return q
}

func (r *rig) toldSoFar() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.told, ", ")
}

var enemy = types.NamespacedName{Namespace: "evil", Name: "edge"}

// X2: a proxy of a gateway that does not count for a trigger is refused when it names its demand key.
func TestX2ForeignDemandKeyIsRefused(t *testing.T) { synctest.Test(t, testForeignDemandKey) }

func testForeignDemandKey(t *testing.T) {
	r := serviceRig(t)
	r.connect("a")
	for _, backend := range []string{r.name(), "made up"} {
		if got := r.askAs(enemy, "envoy", backend, r.demand).code(); got != "PermissionDenied" {
			t.Errorf("the call about %s ended with %s", backend, got)
		}
	}
	if got := r.toldSoFar(); got != "" {
		t.Errorf("counted as demand of the victim: %q", got)
	}
	if n := counted(t, r.registry, "refused_calls_total", "reason", "foreign_demand"); n != 2 {
		t.Errorf("%v refused calls", n)
	}
	r.line("a", 1)
	if got := r.toldSoFar(); got != "1 1" {
		t.Errorf("told %q", got)
	}
}

// X2: a request that waits for a trigger that is not in force yet becomes demand when a trigger comes that its
// gateway counts for, and never of another.
func TestX2DemandOfALaterTrigger(t *testing.T) {
	for name, test := range map[string]struct {
		gateway types.NamespacedName
		want    string
	}{
		"its own": {gatewayKey, "2 2, 1 2, 0 2"},
		"foreign": {enemy, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, service(), nil) // nothing is known of any gateway: requests wait
				r.catalog.Set(r.demand, nil)
				first, second := r.askAs(test.gateway, "a", r.name(), r.demand), r.askAs(test.gateway, "a", r.name(), r.demand)
				first.waits()
				second.waits()
				if got := r.toldSoFar(); got != "" {
					t.Errorf("told %q of a trigger that is not in force", got)
				}
				r.trigger(func(*scaler.Scaler) {})
				first.confirm()
				second.confirm()
				if got := r.toldSoFar(); got != test.want {
					t.Errorf("told %q, want %q", got, test.want)
				}
			})
		})
	}
}

// X2: a trigger that moves to another gateway has no demand of the first any more.
func TestX2DemandMovesWithItsTrigger(t *testing.T) { synctest.Test(t, testDemandMoves) }

func testDemandMoves(t *testing.T) {
	r := serviceRig(t)
	r.connect("a")
	held := r.line("a", 2)
	r.trigger(func(s *scaler.Scaler) { s.Gateways = []types.NamespacedName{enemy} })
	r.trigger(func(*scaler.Scaler) {})
	r.catalog.Set(r.demand, nil)
	held[0].confirm()
	r.trigger(func(*scaler.Scaler) {})
	if got, want := r.toldSoFar(), "1 1, 2 2, 0 2, 2 4, 0 4, 1 5"; got != want {
		t.Errorf("told %q, want %q", got, want)
	}
}

// X5: while one tenant sends as many requests as it can, the first of any other wait as usual: of another gateway,
// of another namespace of the same gateway, and of another trigger of the same namespace.
func TestX5OneTenantDoesNotFillTheHold(t *testing.T) { synctest.Test(t, testFairHold) }

func testFairHold(t *testing.T) {
	const total = 400
	r := newRig(t, service(), func(o *hold.Options) { o.Limits.MaxTotal, o.Limits.MaxPending = total, 1<<20 })
	for _, gateway := range []types.NamespacedName{gatewayKey, enemy} {
		r.gate.Ready(ir.Key(gateway))
	}
	key := func(namespace, name string, gateway types.NamespacedName) types.NamespacedName {
		k := types.NamespacedName{Namespace: namespace, Name: name}
		r.catalog.Set(k, &scaler.Scaler{Key: k, Gateways: []types.NamespacedName{gateway}})
		return k
	}
	flood := func(gateway, demand types.NamespacedName) (waiting int) {
		for range 2 * total {
			q := r.askAs(gateway, "envoy", r.name(), demand)
			synctest.Wait()
			if _, answered := q.answered(); !answered {
				waiting++
			}
		}
		return waiting
	}
	got := flood(enemy, key("evil", "big", enemy))
	if got < total/2 || got > total*6/10+10 {
		t.Errorf("one tenant alone has %d of %d places", got, total)
	}
	for i := range 3 {
		flood(enemy, key("evil", fmt.Sprint("more-", i), enemy))
		flood(enemy, types.NamespacedName{Namespace: "evil", Name: fmt.Sprint("unknown-", i)})
	}
	for _, victim := range []struct{ gateway, demand types.NamespacedName }{
		{gatewayKey, key("shop", "own-gateway", gatewayKey)},
		{enemy, key("shop", "same-gateway", enemy)},
		{enemy, key("evil", "same-namespace", enemy)},
	} {
		for range 5 {
			r.askAs(victim.gateway, "envoy", r.name(), victim.demand).waits()
		}
	}
	if held := counted(t, r.registry, "held_requests"); held > total {
		t.Errorf("%v held requests, limit %d", held, total)
	}
}

// X10: names of backends that a proxy makes up are bounded, in number and length.
func TestX10UnknownBackendsAreBounded(t *testing.T) { synctest.Test(t, testUnknownBackends) }

func testUnknownBackends(t *testing.T) {
	r := newRig(t, service(), func(o *hold.Options) { o.Limits.MaxTotal = 1 }) // those over the limit are answered at once
	for i := range hold.MaxUnknownBackends {
		r.askAs(enemy, "envoy", fmt.Sprint("unknown-", i), types.NamespacedName{})
	}
	synctest.Wait()
	if got := r.askAs(enemy, "envoy", "one more", types.NamespacedName{}).code(); got != "ResourceExhausted" {
		t.Errorf("one more backend: %s", got)
	}
	if got := r.askAs(enemy, "envoy", strings.Repeat("x", 1<<20), types.NamespacedName{}).code(); got != "InvalidArgument" {
		t.Errorf("a long name: %s", got)
	}
	if n := counted(t, r.registry, "refused_calls_total", "reason", "too_many_backends"); n != 1 {
		t.Errorf("%v refused calls", n)
	}
	if n := len(r.gate.Dump(enemy).Backends); n != hold.MaxUnknownBackends {
		t.Errorf("%d backends", n)
	}
	// Another gateway is not affected, and neither are backends that the engine knows.
	r.world()
	r.gate.Ready(ir.Key(gatewayKey))
	if r.dump().State != "cold" {
		t.Errorf("%+v", r.dump())
	}
}

// X10: demand keys that a proxy makes up are forgotten with its requests.
func TestX10UnknownDemandKeysAreForgotten(t *testing.T) { synctest.Test(t, testUnknownKeys) }

func testUnknownKeys(t *testing.T) {
	r := newRig(t, service(), nil)
	for i := range 100 {
		q := r.askAs(enemy, "envoy", r.name(), types.NamespacedName{Namespace: "evil", Name: fmt.Sprint(i)})
		q.waits()
		q.confirm()
	}
	if n := r.gate.Counted(); n != 0 {
		t.Errorf("%d demand keys are remembered", n)
	}
}
