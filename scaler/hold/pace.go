package hold

import "time"

const (
	// maxWindow is the most requests that an endpoint gets at once when releases begin.
	maxWindow = 10
	// defaultLoad is the load of an endpoint whose trigger has no concurrency target.
	defaultLoad = 100
)

// pace limits how fast held requests are released, over all endpoints. An endpoint that just
// began to serve gets a window of them, and two more for each that reached its proxy, up to the
// load of the endpoint: the concurrency target of its trigger. The end of a request is not known
// here, so the rest is released in steps. Each step is one window larger than the last, and
// endpoints that are added meanwhile get their share.
type pace struct {
	endpoints, window, load int

	on       bool
	allowed  int // may be released now
	released int // since it began
	step     int // windows in the last step
	nextAt   time.Time
}

// set sets the number of endpoints, and the window and load of each.
func (p *pace) set(endpoints, window, load int) {
	if p.on && endpoints > p.endpoints {
		p.allowed += (endpoints - p.endpoints) * window
	}
	p.endpoints, p.window, p.load = endpoints, window, load
}

// tick begins, or does the next step when it is due.
func (p *pace) tick(now time.Time, every time.Duration) {
	switch {
	case !p.on:
		p.on, p.released, p.step = true, 0, 1
		p.allowed = p.endpoints * p.window
		p.nextAt = now.Add(every)
	case !p.nextAt.After(now):
		p.step++
		p.allowed = max(p.allowed, 0) + p.endpoints*p.window*p.step
		p.nextAt = now.Add(every)
	}
}

// take counts a release, if one is allowed.
func (p *pace) take() bool {
	if p.allowed <= 0 {
		return false
	}
	p.allowed--
	p.released++
	return true
}

// confirmed notes that an answer reached its proxy. It reports whether a release is allowed.
func (p *pace) confirmed() bool {
	if !p.on {
		return false
	}
	if room := p.endpoints*p.load - p.released - p.allowed; room > 0 {
		p.allowed += min(2, room)
	}
	return p.allowed > 0
}

func (p *pace) end() { p.on = false }
