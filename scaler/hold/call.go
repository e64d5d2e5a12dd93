package hold

import (
	"time"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc/status"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler"
)

// call is one request that a proxy asks about.
type call struct {
	subject
	stream    extprocv3.ExternalProcessor_ProcessServer
	activator *Activator
	gate      *Gate
	node      string
	scaler    *scaler.Scaler // nil: the trigger is not in force
	raw       *extprocv3.HttpHeaders
	parsed    *headers // nil: not parsed yet
	probe     bool
}

// serve finds the answer. Health checks come first: they are shown no page and are not held.
func (c *call) serve() error {
	if needsHeaders(c.scaler) {
		c.probe = c.headers().probe(&c.scaler.Spec.HealthCheck)
		if c.probe && (c.scaler.Spec.HealthCheck.Response == v1alpha1.HealthStatic || c.scaler.Maintenance != nil) {
			return c.reply(healthy(), answeredProbe)
		}
		if c.scaler.Maintenance != nil {
			return c.reply(page(c.scaler.Maintenance, "hold_maintenance_page"), answeredMaintenance)
		}
	}
	for {
		b := c.gate.gateway(c.gateway).askedFor(c.backend)
		if b == nil {
			c.gate.options.Metrics.refused.WithLabelValues(refusedBackend).Inc()
			return errTooManyBackends
		}
		d, check := b.requests.decide(c.origin())
		switch d {
		case askAgain:
			continue
		case pass:
			c.gate.options.Metrics.passed.Inc()
			if c.counts() {
				c.gate.options.Passed(c.demand)
			}
			return c.pass(b, passWarm, check)
		case refuse:
			return c.refuse(backendWithdrawn(c.gate.options.Limits.RetryAfter), answeredWithdrawn)
		case mustHold:
		}
		again, err := c.withoutEndpoint(b)
		if !again {
			return err
		}
	}
}

// withoutEndpoint answers a request that does not pass, at once or after a wait. again: the backend was forgotten.
func (c *call) withoutEndpoint(b *backend) (again bool, err error) {
	switch {
	case c.probe:
		return false, c.reply(healthy(), answeredProbe)
	case c.gate.options.paused(c.scaler) && !b.requests.hasEndpoints():
		c.tell(false)
		return false, c.refuse(pausedAtZero(c.gate.options.Limits.RetryAfter), answeredPaused)
	case c.showsWaitingPage(b):
		c.gate.counts.shown(c.demand)
		return false, c.reply(page(c.scaler.WaitingPage, "hold_waiting_page"), answeredWaitingPage)
	}
	return c.hold(b)
}

func (c *call) origin() origin { return origin{node: c.node, probe: c.probe, demand: c.demand} }

// headers parses the headers once.
func (c *call) headers() *headers {
	if c.parsed == nil {
		h := parseHeaders(c.raw.GetHeaders())
		c.parsed = &h
	}
	return c.parsed
}

// showsWaitingPage reports whether a browser is shown the waiting page: while there is no
// endpoint, not while its proxy learns of one.
func (c *call) showsWaitingPage(b *backend) bool {
	return c.scaler != nil && c.scaler.WaitingPage != nil && !b.requests.hasEndpoints() && c.headers().navigation()
}

// hold holds the request and answers when its wait ends. again: the backend was forgotten.
func (c *call) hold(b *backend) (again bool, err error) {
	limits := &c.gate.options.Limits
	maxPending := limits.MaxPending
	if c.scaler != nil && c.scaler.Spec.Hold.MaxPending != nil {
		maxPending = int(*c.scaler.Spec.Hold.MaxPending)
	}
	at, exceeded := c.gate.counts.enter(c, maxPending)
	if exceeded != "" {
		return false, c.refuse(tooManyPending(limits.RetryAfter, exceeded), exceeded)
	}
	p, d, check := b.requests.hold(c.origin(), c.timeout())
	switch d {
	case askAgain:
		c.gate.counts.leave(&c.subject, at)
		return true, nil
	case pass: // an endpoint became ready since decide
		c.gate.counts.leave(&c.subject, at)
		c.tell(true)
		c.gate.options.Metrics.passed.Inc()
		return false, c.pass(b, passWarm, check)
	case refuse: // it was taken away since decide
		c.gate.counts.leave(&c.subject, at)
		return false, c.refuse(backendWithdrawn(limits.RetryAfter), answeredWithdrawn)
	case mustHold:
	}
	if check || c.scaler != nil && c.scaler.Spec.Scale.StaysAtZero {
		b.lockAndStep()
	}
	o := c.wait(b, p)
	until := c.gate.options.Clock.Now()
	c.gate.counts.leave(&c.subject, at)
	err = c.answer(b, o, until.Sub(p.since))
	c.report(Wait{Answer: answerOf[o], Position: p.position, Endpoints: p.endpoints, Since: p.since, Until: until})
	return false, err
}

// timeout is how long the request is held at most: what its trigger says, and never longer than its rule
// lets the whole request take.
func (c *call) timeout() time.Duration {
	timeout := c.gate.options.Limits.Timeout
	if c.scaler != nil && c.scaler.Spec.Hold.Timeout != nil {
		timeout = c.scaler.Spec.Hold.Timeout.Duration
	}
	if c.limit > 0 {
		timeout = min(timeout, c.limit)
	}
	return timeout
}

// wait returns the outcome of a held request.
func (c *call) wait(b *backend, p *pendingRequest) outcome {
	select {
	case <-p.done:
		return p.outcome
	case <-c.stream.Context().Done():
		return b.requests.end(p, canceled)
	case <-c.activator.stopped:
		return b.requests.end(p, redirected)
	}
}

// answer answers a request that was held.
func (c *call) answer(b *backend, o outcome, held time.Duration) error {
	metrics, retryAfter, answered := c.gate.options.Metrics, c.gate.options.Limits.RetryAfter, answerOf[o]
	switch o {
	case released:
		c.tell(true)
		metrics.answered(answered)
		metrics.waits.Observe(held.Seconds())
		if c.scaler != nil {
			c.gate.counts.released(c.demand, held)
		}
		return c.pass(b, passAnswer(true, held), false)
	case timedOut:
		c.tell(false)
		return c.reply(holdTimeout(retryAfter).after(held), answered)
	case turnedAway:
		return c.reply(backendWithdrawn(retryAfter).after(held), answered)
	case stopped:
		c.tell(false)
		return c.reply(pausedAtZero(retryAfter).after(held), answered)
	case canceled:
		metrics.answered(answered)
		return status.FromContextError(c.stream.Context().Err()).Err()
	default:
		metrics.answered(answered)
		return errStopping
	}
}

// counts reports whether the request is demand of its trigger.
func (c *call) counts() bool { return c.scaler != nil && !c.probe && c.scaler.CountedBy(c.gateway) }

// tell tells Options.Answered that a request is answered for which there was no endpoint.
func (c *call) tell(served bool) {
	if c.counts() {
		c.gate.options.Answered(c.demand, served)
	}
}

// pass has the proxy route the request, and waits until it confirms: it ends the call when it has
// read the answer.
func (c *call) pass(b *backend, answer *extprocv3.ProcessingResponse, check bool) error {
	defer b.requests.confirm()
	if err := c.stream.Send(answer); err != nil {
		return err
	}
	if check {
		b.lockAndStep()
	}
	for {
		if _, err := c.stream.Recv(); err != nil {
			return nil
		}
	}
}

// reply has the proxy answer the client itself.
func (c *call) reply(r *reply, answered string) error {
	c.gate.options.Metrics.answered(answered)
	if c.scaler != nil && failures[answered] {
		c.gate.counts.failed(c.demand)
	}
	return c.stream.Send(r.message(c.headers()))
}

// refuse has the proxy answer with an error at once: the request is not held.
func (c *call) refuse(r *reply, answered string) error {
	now := c.gate.options.Clock.Now()
	err := c.reply(r, answered)
	c.report(Wait{Answer: answered, Since: now, Until: now})
	return err
}

// report reports what became of the request, after its answer: nothing waits for Options.Waited.
func (c *call) report(w Wait) {
	if c.gate.options.Waited == nil {
		return
	}
	w.Gateway, w.Scaler, w.Failed = c.gateway, c.scaler, failures[w.Answer]
	c.gate.options.Waited(c.stream.Context(), w)
}
