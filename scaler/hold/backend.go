package hold

import (
	"time"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/translate"
)

// backend is one name of endpoints of one gateway. The mutex of the gateway guards all of it but
// requests, which has a mutex of its own.
type backend struct {
	gateway *gatewayHolds
	name    string
	// asked: a proxy asked about it, and the engine has never wanted anything of it.
	asked bool

	state state
	// endpoints are wanted by the engine; nil: there is no such name. unpublished: they changed and
	// were not handed to the publisher.
	endpoints   *assignment
	unpublished bool
	learning    learning
	published   published
	hold        holdCluster
	disarmedAt  time.Time // the last time
	wakeup      wakeup

	requests requests
}

func newBackend(g *gatewayHolds, name string) *backend {
	b := &backend{gateway: g, name: name, state: starting{}}
	b.requests = requests{
		options: b.options(), stepBackend: b.lockAndStep, queues: map[string]*queue{}, closed: g.deleted,
	}
	return b
}

func (b *backend) options() *Options { return &b.gateway.gate.options }

func (b *backend) now() time.Time { return b.options().Clock.Now() }

// key is the resource with the endpoints.
func (b *backend) key() resource.Key {
	return resource.Key{Type: resource.Endpoint, Name: b.name}
}

func (b *backend) accepted(key resource.Key) map[string]publish.ACKState {
	return b.options().Publisher.Accepted(ir.Key(b.gateway.key), key)
}

// setEndpoints notes the endpoints that the engine wants; nil: there is no such name. From this
// moment on no request passes to a backend without endpoints. The rest is left to advance.
func (b *backend) setEndpoints(r *resource.Resource) {
	before := b.endpoints
	b.endpoints, b.unpublished = nil, false
	if r == nil {
		b.learned()
		b.published = published{}
		b.requests.endpointsGone()
		return
	}
	b.gateway.knows(b)
	b.endpoints, b.unpublished = newAssignment(r), true
	if b.endpoints.empty() {
		b.learned()
		b.requests.endpointsGone()
		return
	}
	if b.endpoints.pool() && b.gateway.ready && (before == nil || before.empty()) {
		b.learn()
	}
}

// setHold notes the hold cluster that the engine wants; nil: none.
func (b *backend) setHold(r *resource.Resource) {
	b.unpublished = b.unpublished || b.endpoints != nil && (b.hold.wanted == nil) != (r == nil)
	b.hold.wanted = r
	if r == nil {
		b.hold = holdCluster{}
		return
	}
	b.gateway.knows(b)
}

// step brings everything up to date: the state, what is published, and which requests pass.
func (b *backend) step() {
	if b.gateway.deleted {
		return
	}
	if changed := b.advance(); len(changed) > 0 {
		b.options().Publisher.Apply(ir.Key(b.gateway.key), resource.Change{Upsert: changed})
	}
	b.admit()
}

// lockAndStep is step for callers without the mutex of the gateway.
func (b *backend) lockAndStep() {
	b.gateway.mu.Lock()
	defer b.gateway.mu.Unlock()
	if b.gateway.backend(b.name) == b {
		b.step()
	}
}

// advance makes transitions until the state stays, and returns the resources that changed. The
// caller hands them to the publisher and then calls admit.
func (b *backend) advance() (changed []resource.Resource) {
	b.askPickers()
	for {
		f := b.observe()
		to, gaveUp := next(b.state, &f)
		stays := to == b.state
		b.state = to
		b.report(gaveUp)
		b.setArmed(to, &f)
		changed = b.publish(changed) // awaitingACK waits for the ACK of this
		if stays {
			if _, still := to.(waking); !still {
				b.learned()
			}
			b.wakeup.at = due(to, &f)
			return changed
		}
	}
}

// gaveUpMessages are the log lines of waits that were given up.
var gaveUpMessages = map[string]string{
	waitACK:          "Timed out waiting for a proxy to ACK hold configuration; removing the last endpoint",
	waitConfirmation: "Timed out waiting for a proxy to read an answer; removing the last endpoint",
	waitPicker:       "Timed out waiting for an endpoint picker to name an endpoint; releasing the requests that wait",
}

// report reports a wait that was given up; "": none.
func (b *backend) report(gaveUp string) {
	if gaveUp == "" {
		return
	}
	b.options().Metrics.exceeded.WithLabelValues(gaveUp).Inc()
	b.options().Log.Info(gaveUpMessages[gaveUp], "gateway", b.gateway.key.String(), "backend", b.name)
}

// setArmed arms or disarms the backend as a state wants it, if it has a hold cluster.
func (b *backend) setArmed(to state, f *facts) {
	metrics := b.options().Metrics
	if !f.holdCluster || asks(to) == b.hold.armed {
		return
	}
	b.hold.armed = asks(to)
	b.requests.forgetTraffic()
	switch {
	case !b.hold.armed:
		b.disarmedAt = f.now
		metrics.disarms.Inc()
	case b.hold.version == "":
		metrics.arms.WithLabelValues(armNew).Inc()
	default:
		metrics.arms.WithLabelValues(armReason(to, f)).Inc()
	}
}

// publish adds the resources that differ from what was published and that the state does not
// withhold. Endpoints that stay although the engine does not want them are without the ClusterIP
// of their Service: it is no way past the hold.
func (b *backend) publish(changed []resource.Resource) []resource.Resource {
	if b.hold.wanted != nil {
		if r, ok := b.renderHold(); ok {
			changed = append(changed, r)
		}
	}
	switch {
	case withholds(b.state):
		if kept, ok := b.withdrawClusterIP(); ok {
			changed = append(changed, kept)
		}
	case b.unpublished:
		changed = append(changed, b.renderEndpoints())
	}
	return changed
}

// withdrawClusterIP renders what is published without its ClusterIP, and reports whether it had one.
func (b *backend) withdrawClusterIP() (resource.Resource, bool) {
	if b.published.latest == nil || b.published.latest.resource.Endpoints.ClusterIP == (ir.Endpoint{}) {
		return resource.Resource{}, false
	}
	kept := *b.published.latest
	rendered, err := translate.Endpoints(ir.Endpoints{Key: kept.resource.Endpoints.Key, Addresses: kept.addresses})
	if err != nil {
		b.options().Log.Error(err, "Failed to build endpoints without the ClusterIP; keeping it",
			"gateway", b.gateway.key.String(), "backend", b.name)
		return resource.Resource{}, false
	}
	rendered.ReportACKs = true
	kept.resource = rendered
	b.published.add(&kept)
	return rendered, true
}

// renderHold renders the endpoints of the hold cluster, and reports whether they changed.
func (b *backend) renderHold() (resource.Resource, bool) {
	of := rendering{wanted: b.hold.wanted}
	var replicas [][]ir.Endpoint
	if b.hold.armed {
		of.moves, replicas = b.gateway.moves, b.gateway.replicas
	}
	if of == b.hold.of {
		return resource.Resource{}, false
	}
	b.hold.of = of
	rendered, err := translate.PrioritizedEndpoints(b.hold.wanted.Endpoints.Key, replicas...)
	if err != nil {
		b.options().Log.Error(err, "Failed to build hold endpoints; requests will not be held",
			"gateway", b.gateway.key.String(), "backend", b.name)
		rendered = *b.hold.wanted
	}
	rendered.ReportACKs = true
	b.hold.version = rendered.Version
	return rendered, true
}

// renderEndpoints renders the endpoints that the engine wants. A Service without endpoints has
// the placeholder. A pool does not: its picker never picks it, and its endpoints are used later
// anyway.
func (b *backend) renderEndpoints() resource.Resource {
	b.unpublished = false
	latest := *b.endpoints
	if latest.empty() && b.hold.wanted != nil && !latest.pool() {
		rendered, err := translate.PrioritizedEndpoints(latest.resource.Endpoints.Key, []ir.Endpoint{placeholder})
		if err != nil {
			b.options().Log.Error(err, "Failed to build the placeholder endpoint; publishing no endpoint",
				"gateway", b.gateway.key.String(), "backend", b.name)
			rendered = latest.resource
		}
		latest.resource = rendered
	}
	latest.resource.ReportACKs = b.hold.wanted != nil
	b.published.add(&latest)
	return latest.resource
}

// admit lets requests pass as the state and the proxies allow, in the critical section that
// decides so, and sets the timer. It ends every change.
func (b *backend) admit() {
	ready, all := b.readyProxies()
	now := b.now()
	window, load := b.paces()
	_, inStateArmed := b.state.(armed)
	paused, mayPause := b.paused()
	at := b.requests.admit(&admission{
		policy: admits(b.state), endpoints: b.endpointCount(), proxies: ready, everyProxyReady: all,
		window: window, load: load,
		mayDisarm: inStateArmed && !b.maintenance(), starting: b.state == starting{},
		paused: paused, mayPause: mayPause,
	}, now)
	b.wakeup.by(at)
	b.forgetUnknown(now)
	b.wakeup.set(b.options().Clock, b.requests.stepBackend)
}

// forgetUnknown forgets a backend whose time in state unknown or withdrawn is over. A later request for its
// name makes another one.
func (b *backend) forgetUnknown(now time.Time) {
	var forgetAt time.Time
	switch s := b.state.(type) {
	case unknown:
		forgetAt = s.forgetAt
	case withdrawn:
		forgetAt = s.forgetAt
	}
	if !forgetAt.IsZero() && !forgetAt.After(now) && b.requests.closeIfNoneHeld() {
		b.gateway.backends.Delete(b.name)
		b.gateway.knows(b)
	}
}

// end sends every held request to another replica.
func (b *backend) end() {
	b.wakeup.at = time.Time{}
	b.wakeup.set(b.options().Clock, nil)
	b.learned()
	b.requests.close()
}
