package demand

// lane is what the proxies of one gateway counted for one key.
type lane struct {
	gateway *gateway
	// requests per bucket of the plan; load in request-seconds per second.
	requests, load ring
	// first is when the requests in the ring began: after a window without any, or when
	// counting began.
	first instant
	// start is how it began, until that is understood.
	start *start
	// arrived is when the last requests had arrived by.
	arrived instant
	shares  []share
}

// start is the first report with requests. They began at some moment between that report and
// the one before.
type start struct {
	proxy *proxy
	at    instant
	rate  float64
}

// share is the part of one proxy; it has none while it has neither requests nor a rate.
type share struct {
	proxy  *proxy
	since  instant // see proxy.since
	last   instant // when it reported last
	rate   float64 // requests per second between its last two reports
	active uint64
}

func newLane(g *gateway, p *plan) *lane {
	return &lane{
		gateway:  g,
		requests: ring{width: p.width, size: p.size},
		load:     ring{width: instant(loadWidth), size: p.loadSize},
	}
}

// take adds what one proxy says of a step.
func (l *lane) take(p *plan, st *step, from *proxy, now *cell, delta uint64) {
	l.understand(from, now.rate)
	if delta > 0 {
		if l.arrived == never || st.from-l.arrived >= p.window {
			l.first, l.start = st.from, &start{proxy: from, at: st.at, rate: now.rate}
			l.requests.empty()
		}
		l.requests.add(st.from, st.at, float64(delta))
		l.arrived = max(l.arrived, st.at)
	}
	i := l.find(from)
	if i == len(l.shares) {
		l.shares = append(l.shares, share{proxy: from})
	}
	s := &l.shares[i]
	if s.last == never {
		s.last = max(st.from, st.at-instant(st.registry.floor()))
		if from.dropped { // until then it was counted
			s.last = st.at
		}
	}
	if s.active > 0 || now.counts.Active > 0 {
		// Between two reports the number in flight went from one to the other.
		l.load.add(s.last, st.at, float64(s.active+now.counts.Active)/2*(st.at-s.last).seconds())
	}
	s.last, s.rate, s.active, s.since = st.at, now.rate, now.counts.Active, from.since
	if st.baseline {
		s.since = st.at
	}
	if s.rate == 0 && s.active == 0 {
		l.remove(i)
	}
}

// understand moves first to where the load began, when the next report of the same proxy says
// how much a whole interval of it is: a load of 100/s of which the first report had 10
// requests began a tenth of a second before that report.
func (l *lane) understand(from *proxy, rate float64) {
	if l.start == nil || l.start.proxy != from {
		return
	}
	if rate > l.start.rate {
		l.first = max(l.first, l.start.at-instant(float64(l.start.at-l.first)*l.start.rate/rate))
	}
	l.start = nil
}

// lose ends the share of a proxy at a moment.
func (l *lane) lose(from *proxy, at instant) {
	i := l.find(from)
	if i == len(l.shares) {
		return
	}
	if s := l.shares[i]; at > s.last {
		l.load.add(s.last, at, float64(s.active)*(at-s.last).seconds())
	}
	l.remove(i)
}

func (l *lane) find(p *proxy) int {
	for i := range l.shares {
		if l.shares[i].proxy == p {
			return i
		}
	}
	return len(l.shares)
}

func (l *lane) remove(i int) {
	last := len(l.shares) - 1
	l.shares[i] = l.shares[last]
	l.shares[last] = share{}
	if l.shares = l.shares[:last]; last == 0 {
		l.shares = nil
	}
}

// rate returns requests per second as of a moment.
//
// A proxy is known until its last report, which is another moment for each of them, and maybe
// only since it was first seen. So the requests in the ring are divided by the time that they
// stand for: the mean of the proxies, each with the weight of its rate.
func (l *lane) rate(p *plan, floor, asOf instant) float64 {
	if l.arrived == never || asOf-l.arrived >= p.window {
		return 0
	}
	begin := max(l.first, asOf-p.window)
	covered, weights := 0.0, 0.0
	for _, s := range l.shares {
		weights += s.rate
		covered += s.rate * float64(s.last-max(begin, s.since))
	}
	if weights > 0 {
		covered /= weights
	} else {
		covered = float64(asOf - begin)
	}
	from := begin
	if begin == l.first {
		from = never // all of its first bucket
	}
	return l.requests.since(from, asOf) / max(instant(covered), floor).seconds()
}

// inFlight returns requests in flight now.
func (l *lane) inFlight() (sum uint64) {
	for _, s := range l.shares {
		sum += s.active
	}
	return sum
}

// idle reports whether nothing of it counts any more.
func (l *lane) idle(p *plan, now instant) bool {
	return len(l.shares) == 0 && (l.arrived == never || now-l.arrived >= p.window+p.width)
}
