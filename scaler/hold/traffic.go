package hold

import "time"

// busyGap ends a period of traffic.
const busyGap = time.Second

// traffic is a period of requests without a gap.
type traffic struct {
	first, last time.Time
	answers     int
}

func (t *traffic) note(now time.Time) {
	if now.Sub(t.last) > busyGap {
		t.first, t.answers = now, 0
	}
	t.last = now
	t.answers++
}

// enough reports whether requests come, and do so for long enough.
func (t *traffic) enough(now time.Time, timing *Timing) bool {
	return t.answers > 0 && now.Sub(t.last) <= busyGap &&
		(t.answers >= timing.DisarmAnswers || t.last.Sub(t.first) >= timing.DisarmAfter)
}
