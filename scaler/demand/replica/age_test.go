package replica_test

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler/demand/instant"
	"github.com/kedify/inference-gateway/scaler/demand/replica"
	"github.com/kedify/inference-gateway/scaler/demand/window"
)

const (
	millisecond = instant.Time(time.Millisecond)
	now         = 1000 * millisecond
)

// An age is a moment on the clock of its receiver, and never leads below the first one.
func TestAge(t *testing.T) {
	for _, c := range []struct {
		at  instant.Time
		age replica.Age
	}{{instant.Never, replica.Never}, {now, 0}, {now + 5, 0}, {now - 1, 0}, {now - 2*millisecond, 2}, {1, 999}} {
		if got := replica.AgeOf(c.at, now); got != c.age {
			t.Errorf("age of %d: %d, not %d", c.at, got, c.age)
		}
	}
	for _, c := range []struct {
		age replica.Age
		at  instant.Time
	}{{replica.Never, instant.Never}, {-5, instant.Never}, {0, now}, {2, now - 2*millisecond}, {999, millisecond}, {1000, 1},
		{1001, 1}, {1 << 62, 1}} {
		if got := c.age.At(now); got != c.at {
			t.Errorf("%d ms ago: %d, not %d", c.age, got, c.at)
		}
	}
}

// A history arrives as it was, unless its numbers cannot be counted with.
func TestRatePast(t *testing.T) {
	gateway := types.NamespacedName{Namespace: "shop", Name: "main"}
	for _, end := range []instant.Time{now - 300*millisecond, now + 300*millisecond} {
		told := replica.RatePastOf(gateway,
			window.History{First: now - 7*millisecond, Width: time.Second, End: end, Requests: []float64{1, 2}}, now)
		got, valid := told.History(now + 5*millisecond) // another clock
		if !valid || told.Gateway != gateway || got.First != now-2*millisecond || got.Width != time.Second ||
			got.End != end+5*millisecond || len(got.Requests) != 2 {
			t.Errorf("%+v, %t", got, valid)
		}
	}
	const day = 24 * 3600 * 1000
	for _, c := range []struct {
		width int64
		end   replica.Age
		valid bool
	}{{1, 0, true}, {day, day, true}, {1, -day, true}, {0, 0, false}, {-1, 0, false}, {day + 1, 0, false},
		{1, day + 1, false}, {1, -day - 1, false}} {
		told := replica.RatePast{Width: c.width, End: c.end}
		if _, valid := told.History(now); valid != c.valid {
			t.Errorf("%+v: %t", c, valid)
		}
	}
}
