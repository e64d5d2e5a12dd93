package hold

import "time"

const (
	// maxWindow is what an endpoint gets at once when requests begin to go.
	maxWindow = 10
	// defaultLoad is what an endpoint of a trigger takes that counts no concurrency.
	defaultLoad = 100
)

// pace is how fast requests go that waited, over all endpoints. An endpoint that just began to
// serve gets a window of them, and two more for each that reached its proxy, up to the load that
// the trigger says it takes. Nobody says when requests end, so what is left goes in steps, each
// of them one window larger than the last: endpoints that come meanwhile get their share.
type pace struct {
	endpoints, window, load int

	on       bool
	allowed  int // may go now
	released int // went since it began
	step     int // windows of the last step
	nextAt   time.Time
}

// set takes the number of endpoints, and for each of them the window and the load.
func (p *pace) set(endpoints, window, load int) {
	if p.on && endpoints > p.endpoints {
		p.allowed += (endpoints - p.endpoints) * window
	}
	p.endpoints, p.window, p.load = endpoints, window, load
}

// tick begins, or makes the next step when it is due.
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

// take takes one request, if one may go.
func (p *pace) take() bool {
	if p.allowed <= 0 {
		return false
	}
	p.allowed--
	p.released++
	return true
}

// confirmed notes that an answer reached its proxy. It reports whether more may go.
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
