package staffing

import (
	"math"

	"github.com/kedify/inference-gateway/scaler/demand/instant"
)

// silence is how long after a report another may still come of the same time. A longer time
// without any had no requests.
const silence = 5 * second

// Meter is the work that one model is asked for. Its memory depends on its settings alone.
type Meter struct {
	settings Settings
	// recent has the buckets of the level, past those of the deviation.
	recent, past series
	tokens       tokens
	// newest is the end of the newest span. Never: none was taken.
	newest instant.Time
}

// New returns a Meter that has seen nothing.
func New(s Settings) *Meter {
	s = s.valid()
	return &Meter{settings: s, recent: s.recent(), past: s.past()}
}

// Set changes the settings. What was seen stays, as far as the old ones reach back.
func (m *Meter) Set(s Settings) {
	s = s.valid()
	if s.Window != m.settings.Window {
		m.recent = m.recent.resized(s.recent(), m.newest)
	}
	if s.History != m.settings.History {
		m.past = m.past.resized(s.past(), m.newest)
	}
	m.settings = s
}

// Newest returns the end of the newest span. Never: nothing was seen, and a Need says what is
// held and no more.
func (m *Meter) Newest() instant.Time { return m.newest }

// Take adds what was counted in a span of time.
func (m *Meter) Take(in Seen) {
	at := max(moment(in.At), instant.Never+1)
	from := min(moment(in.From), at-1)
	if m.newest == instant.Never || m.newest-at > max(m.recent.reach, m.past.reach) {
		m.recent.restart(from) // the first, or the clock was set back
		m.past.restart(from)
		m.newest = at
	}
	m.newest = max(m.newest, at)
	c := in.counted()
	m.recent.add(from, at, &c)
	m.past.add(from, at, &c)
	m.tokens.take(&c)
}

// Need returns the work that is asked for now.
func (m *Meter) Need(now instant.Time, held Held) Need {
	s, t := &m.settings, &m.tokens
	now = moment(now)
	asOf := min(now, max(m.newest, now-silence))
	requests, bytes := m.recent.rate(asOf, instant.Time(s.Window))
	waiting, unsized, size := held.work()
	n := Need{
		Level:          t.work(s, requests, bytes),
		Reserve:        s.Reserve * m.deviation(asOf),
		Backlog:        t.work(s, waiting, size+unsized*t.prompt.or(firstPrompt)) / s.Horizon.Seconds(),
		Input:          bytes / t.bytesPerInput(),
		Output:         requests * t.meanOutput(),
		MeanOutput:     t.meanOutput(),
		CachedShare:    t.cachedShare(),
		Usage:          t.cached.below > 0,
		BytesPerInput:  t.bytesPerInput(),
		BytesPerOutput: t.bytesPerOutput(),
	}
	n.Value = n.Level + n.Reserve + n.Backlog
	return n
}

// deviation returns the standard deviation of the work of the bins that are over, in weighted
// tokens per second. Bins from before counting began are not known, and two are the least that
// deviate.
func (m *Meter) deviation(asOf instant.Time) float64 {
	end := int64(asOf / bin)
	first := max(int64((m.past.begin+bin-1)/bin), end-int64(instant.Time(m.settings.History)/bin))
	if m.past.empty() || end-first < 2 {
		return 0
	}
	mean, squares := 0.0, 0.0
	for i := first; i < end; i++ { // Welford: no difference of large sums
		requests, bytes := m.past.at(i)
		rate := m.tokens.work(&m.settings, requests, bytes) / bin.Seconds()
		off := rate - mean
		mean += off / float64(i-first+1)
		squares += off * (rate - mean)
	}
	return math.Sqrt(max(squares, 0) / float64(end-first))
}

// Trim drops the memory of requests that do not count any more. What was learned stays.
func (m *Meter) Trim(now instant.Time) {
	if now-m.newest > m.recent.reach+silence {
		m.recent.clear()
	}
	if now-m.newest > m.past.reach+silence {
		m.past.clear()
	}
}
