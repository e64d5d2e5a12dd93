package pickerdelay

import (
	"sync"
	"time"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/translate"
)

// gatewayPickers are the assignments of one gateway whose new endpoints are delayed.
type gatewayPickers struct {
	options *Options
	gateway ir.Key

	mu          sync.Mutex
	assignments map[string]*assignment // by name of the resource
}

// assignment is what the engine wants of one name, and since when it wants each of its endpoints.
type assignment struct {
	wanted resource.Resource
	since  map[ir.Endpoint]time.Time // zero: not delayed
	timer  publish.Timer             // of the endpoint that is due next
}

func (g *gatewayPickers) apply(change resource.Change) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, key := range change.Remove {
		if key.Type == resource.Endpoint {
			g.remove(key.Name)
		}
	}
	for i := range change.Upsert {
		if r := &change.Upsert[i]; r.Type == resource.Endpoint && r.Endpoints.Key.FailOpen {
			*r = g.want(*r)
		}
	}
	g.options.Next.Apply(g.gateway, change)
}

func (g *gatewayPickers) forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for name := range g.assignments {
		g.remove(name)
	}
}

func (g *gatewayPickers) remove(name string) {
	if a := g.assignments[name]; a != nil {
		a.stop()
		delete(g.assignments, name)
	}
}

// want notes what the engine wants and returns what of it may be published now.
func (g *gatewayPickers) want(wanted resource.Resource) resource.Resource {
	a := g.assignments[wanted.Name]
	first := a == nil
	if first {
		a = &assignment{}
		g.assignments[wanted.Name] = a
	}
	since := make(map[ir.Endpoint]time.Time, len(wanted.Endpoints.Addresses))
	for _, endpoint := range wanted.Endpoints.Addresses {
		before, known := a.since[endpoint]
		if !known && !first {
			before = g.options.Clock.Now()
		}
		since[endpoint] = before
	}
	a.wanted, a.since = wanted, since
	return g.publishable(a)
}

// publishable returns an assignment without the endpoints that are delayed, and sets the timer of
// the next one.
func (g *gatewayPickers) publishable(a *assignment) resource.Resource {
	a.stop()
	now, next := g.options.Clock.Now(), time.Duration(0)
	visible := ir.Endpoints{Key: a.wanted.Endpoints.Key}
	for _, endpoint := range a.wanted.Endpoints.Addresses {
		since := a.since[endpoint]
		left := since.Add(g.options.Delay).Sub(now)
		if since.IsZero() || left <= 0 {
			visible.Addresses = append(visible.Addresses, endpoint)
		} else if next == 0 || left < next {
			next = left
		}
	}
	if next == 0 {
		return a.wanted
	}
	a.timer = g.options.Clock.AfterFunc(next, func() { g.publishAgain(a) })
	fewer, err := translate.Endpoints(visible)
	if err != nil {
		return a.wanted // the same addresses were encoded before
	}
	return fewer
}

// publishAgain publishes an assignment after a delay.
func (g *gatewayPickers) publishAgain(a *assignment) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.assignments[a.wanted.Name] != a {
		return
	}
	g.options.Next.Apply(g.gateway, resource.Change{Upsert: []resource.Resource{g.publishable(a)}})
}

func (a *assignment) stop() {
	if a.timer != nil {
		a.timer.Stop()
		a.timer = nil
	}
}
