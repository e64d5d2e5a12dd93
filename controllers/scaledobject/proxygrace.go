package scaledobject

import (
	"slices"
	"sync"
	"time"

	"k8s.io/utils/clock"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/apply"
	"github.com/kedify/inference-gateway/controllers/linger"
	"github.com/kedify/inference-gateway/controllers/scaledobject/plan"
)

// proxyGrace keeps the proxies of a partition for as long as the routes of its last trigger linger: wired
// Services lead to them until the command "wiring" has seen that the trigger is gone. A new leader begins anew.
type proxyGrace struct {
	clock clock.PassiveClock

	mu    sync.Mutex
	since map[partition]time.Time
}

func newProxyGrace(clk clock.PassiveClock) *proxyGrace {
	return &proxyGrace{clock: clk, since: map[partition]time.Time{}}
}

// rest is how long the proxies of a partition stay although no trigger needs them.
func (f *proxyGrace) rest(of partition, leaves bool) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !leaves {
		delete(f.since, of)
		return 0
	}
	since, leaving := f.since[of]
	if !leaving {
		since = f.clock.Now()
		f.since[of] = since
	}
	return max(0, linger.DefaultGrace-f.clock.Since(since))
}

// pruned are the kinds of which a partition has no more than its plan: all of them, or those without the
// proxy while that stays, and for how long it does.
func (c *Controller) pruned(of partition, world plan.World, made plan.Plan) ([]apply.Pruned, time.Duration) {
	needed := slices.ContainsFunc(made.Objects, func(object plan.Object) bool {
		_, proxy := object.(*gwv1.Gateway)
		return proxy
	})
	live := world.Find.Gateway(world.Proxy)
	leaves := c.Autowire && !needed && live != nil && plan.Managed(live)
	if rest := c.proxyGrace.rest(of, leaves); rest > 0 {
		return prunedOf(made), rest
	}
	return slices.Concat(prunedOf(made), prunedOfProxy), 0
}
