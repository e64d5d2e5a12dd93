package snapshot

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler/demand"
)

const (
	// hours that the highest level of a replica is remembered.
	hours = 24
	// The time to the first token, in shortest ones: from loaded on, replicas are busy; above flooded, more comes than they do, and
	// the level says nothing of what they can do.
	loaded, flooded = 2, 8
	// busyQuantile of the times to the first token, of at least fewAnswers.
	busyQuantile = 0.9
	fewAnswers   = 20
)

// unit is what the level of a replica is a number of. Levels in another unit do not compare.
type unit struct {
	uid            types.UID
	target         v1alpha1.HTTPScalerTarget
	output, cached v1alpha1.Decimal
	window         time.Duration
}

func unitOf(of *v1alpha1.HTTPScaler, asked *v1alpha1.TokenRateMetric) *unit {
	return &unit{of.UID, of.Spec.Scale.Target, asked.OutputTokenWeight, asked.CachedTokenWeight, asked.Window.Duration}
}

// peaks are the highest levels of a ready replica of one trigger, by the hour.
type peaks struct {
	unit  unit
	ready int32
	// since is when the ready replicas are known to be as many as now, with known work. Zero: they are not.
	since time.Time
	hours [hours]peak
}

// peak is that of one hour.
type peak struct {
	hour int64 // since 1970
	// level is the highest of a ready replica, first the time to the first token then; zero: too few answers.
	level float64
	first time.Duration
	// shortest time to the first token; zero: there were too few answers.
	shortest time.Duration
}

// look takes what is known now.
func (p *peaks) look(now time.Time, reading *demand.Reading, u *unit, ready int32) {
	if p.unit != *u {
		*p = peaks{unit: *u}
	}
	work := reading.Work
	if work == nil || !work.Usage || reading.Held > 0 || reading.LastGood || ready <= 0 {
		p.since = time.Time{}
		return
	}
	if p.since.IsZero() || p.ready != ready {
		p.since, p.ready = now, ready
	}
	if now.Sub(p.since) < u.window {
		return
	}
	first := time.Duration(0)
	if work.First.Answers() >= fewAnswers {
		first = work.First.Quantile(busyQuantile)
	}
	p.at(now).add(work.Level/float64(ready), first)
}

// at returns the peak of an hour, which begins anew if the last one is a day old.
func (p *peaks) at(now time.Time) *peak {
	hour := hourOf(now)
	of := &p.hours[hour%hours]
	if of.hour != hour {
		*of = peak{hour: hour}
	}
	return of
}

func hourOf(at time.Time) int64 { return at.Unix() / int64(time.Hour/time.Second) }

// add takes a level of a replica and the time to the first token; zero: that is not known.
func (p *peak) add(level float64, first time.Duration) {
	p.shortest = shorter(p.shortest, first)
	if level > p.level && first <= flooded*p.shortest {
		p.level, p.first = level, first
	}
}

// shorter returns the shorter of two times, of which zero is not known.
func shorter(a, b time.Duration) time.Duration {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

// highest returns the highest level of the last day, and whether the replicas were busy then; zero: there is none.
func (p *peaks) highest(now time.Time) (level float64, busy bool) {
	oldest, shortest := hourOf(now)-hours, time.Duration(0)
	for i := range p.hours {
		if of := &p.hours[i]; of.hour > oldest {
			shortest = shorter(shortest, of.shortest)
		}
	}
	for i := range p.hours {
		of := &p.hours[i]
		if of.hour > oldest && of.level > level && of.first <= flooded*shortest {
			level, busy = of.level, of.first > 0 && of.first >= loaded*shortest
		}
	}
	return level, busy
}
