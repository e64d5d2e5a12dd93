package window

import (
	"github.com/kedify/inference-gateway/scaler/demand/instant"
	"github.com/kedify/inference-gateway/scaler/demand/ring"
)

// Window is what the proxies of one gateway counted for one key.
type Window struct {
	// requests per bucket; load in request-seconds per second.
	requests, load ring.Ring
	// first is when the requests in the ring began: after a window without any, or when
	// counting began.
	first instant.Time
	// start is how it began, until first is corrected by it.
	start *start
	// arrived is when the last requests had arrived by.
	arrived instant.Time
	shares  []share
}

// Proxy identifies a proxy.
type Proxy uint64

// Sample is what one proxy counted of one key in one span of time.
type Sample struct {
	Proxy Proxy
	// From and At are the span: after From, up to At.
	From, At instant.Time
	// Since is from when on the requests of the proxy are counted; Never: from its start.
	Since instant.Time
	// Requests arrived in the span, at a Rate per second. Active were in flight at its end.
	Requests uint64
	Rate     float64
	Active   uint64
	// Returned: the proxy was gone before, and what it had in flight is counted up to its end.
	Returned bool
}

// start is the first report with requests. They began at some moment between that report and
// the one before.
type start struct {
	proxy Proxy
	at    instant.Time
	rate  float64
}

// share is the part of one proxy; it has none while it has neither requests nor a rate.
type share struct {
	proxy  Proxy
	since  instant.Time // see Sample.Since
	last   instant.Time // when it reported last
	rate   float64      // requests per second between its last two reports
	active uint64
}

// New returns a window that nothing was counted in.
func New(z *Sizes) *Window {
	return &Window{
		requests: ring.New(z.width, z.size),
		load:     ring.New(instant.Time(loadWidth), z.loadSize),
	}
}

// Arrived returns when the last requests had arrived by; Never: none did.
func (w *Window) Arrived() instant.Time { return w.arrived }

// Resized returns the window with the buckets of other sizes.
func (w *Window) Resized(z *Sizes) *Window {
	next := New(z)
	next.first, next.start, next.arrived, next.shares = w.first, w.start, w.arrived, w.shares
	w.requests.Each(func(from, to instant.Time, amount float64) {
		next.requests.Add(from, max(min(to, w.arrived), from+1), amount) // the newest bucket is not over
	})
	w.load.Each(next.load.Add)
	return next
}

// Take adds what one proxy counted.
func (w *Window) Take(z *Sizes, in *Sample) {
	w.correctFirst(in)
	if in.Requests > 0 {
		if w.arrived == instant.Never || in.From-w.arrived >= z.Window {
			w.first, w.start = in.From, &start{proxy: in.Proxy, at: in.At, rate: in.Rate}
			w.requests.Clear()
		}
		w.requests.Add(in.From, in.At, float64(in.Requests))
		w.arrived = max(w.arrived, in.At)
	}
	i := w.find(in.Proxy)
	if i == len(w.shares) {
		w.shares = append(w.shares, share{proxy: in.Proxy})
	}
	s := &w.shares[i]
	if s.last == instant.Never {
		s.last = max(in.From, in.At-z.floor)
		if in.Returned {
			s.last = in.At
		}
	}
	if s.active > 0 || in.Active > 0 {
		// Between two reports the number in flight went from one to the other.
		w.load.Add(s.last, in.At, float64(s.active+in.Active)/2*(in.At-s.last).Seconds())
	}
	s.last, s.rate, s.active, s.since = in.At, in.Rate, in.Active, in.Since
	if s.rate == 0 && s.active == 0 {
		w.remove(i)
	}
}

// correctFirst moves first to where the load began, when the next report of the same proxy
// says how much a whole interval of it is: a load of 100/s of which the first report had 10
// requests began a tenth of a second before that report.
func (w *Window) correctFirst(in *Sample) {
	if w.start == nil || w.start.proxy != in.Proxy {
		return
	}
	if in.Rate > w.start.rate {
		w.first = max(w.first, w.start.at-instant.Time(float64(w.start.at-w.first)*w.start.rate/in.Rate))
	}
	w.start = nil
}

// Lose ends the share of a proxy at a moment.
func (w *Window) Lose(proxy Proxy, at instant.Time) {
	i := w.find(proxy)
	if i == len(w.shares) {
		return
	}
	if s := w.shares[i]; at > s.last {
		w.load.Add(s.last, at, float64(s.active)*(at-s.last).Seconds())
	}
	w.remove(i)
}

func (w *Window) find(proxy Proxy) int {
	for i := range w.shares {
		if w.shares[i].proxy == proxy {
			return i
		}
	}
	return len(w.shares)
}

func (w *Window) remove(i int) {
	last := len(w.shares) - 1
	w.shares[i] = w.shares[last]
	w.shares[last] = share{}
	if w.shares = w.shares[:last]; last == 0 {
		w.shares = nil
	}
}

// rate returns requests per second as of a moment.
//
// A proxy is known until its last report, which is another moment for each of them, and maybe
// only since it was first seen. So the requests in the ring are divided by the time that they
// stand for: the mean of the proxies, each with the weight of its rate.
func (w *Window) rate(z *Sizes, asOf instant.Time) float64 {
	if w.arrived == instant.Never || asOf-w.arrived >= z.Window {
		return 0
	}
	begin := max(w.first, asOf-z.Window)
	covered, weights := 0.0, 0.0
	for _, s := range w.shares {
		weights += s.rate
		covered += s.rate * float64(s.last-max(begin, s.since))
	}
	if weights > 0 {
		covered /= weights
	} else {
		covered = float64(asOf - begin)
	}
	from := begin
	if begin == w.first {
		from = instant.Never // all of its first bucket
	}
	return w.requests.Since(from, asOf) / max(instant.Time(covered), z.floor).Seconds()
}

// inFlight returns requests in flight now.
func (w *Window) inFlight() (sum uint64) {
	for _, s := range w.shares {
		sum += s.active
	}
	return sum
}

// Trim drops the memory of requests that do not count any more.
func (w *Window) Trim(z *Sizes, now instant.Time) {
	if len(w.shares) == 0 && (w.arrived == instant.Never || now-w.arrived >= z.Window+z.width) {
		w.requests.Clear()
	}
}

// TrimLoad drops the memory of the requests that were in flight.
func (w *Window) TrimLoad() {
	if len(w.shares) == 0 {
		w.load.Clear()
	}
}
