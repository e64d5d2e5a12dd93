package ring_test

import (
	"slices"
	"testing"

	"github.com/kedify/inference-gateway/scaler/demand/instant"
	"github.com/kedify/inference-gateway/scaler/demand/ring"
)

// content returns what is in the buckets from the oldest to the newest.
func content(r *ring.Ring) (oldest int64, sums []float64) {
	oldest, newest := r.Span()
	for i := oldest; i <= newest && !r.Empty(); i++ {
		sums = append(sums, r.At(i))
	}
	return oldest, sums
}

// An amount is spread over the buckets of its time.
func TestAdd(t *testing.T) {
	type span struct {
		from, to instant.Time
		amount   float64
	}
	for _, c := range []struct {
		name   string
		spans  []span
		oldest int64
		sums   []float64
	}{
		{"nothing", nil, 0, nil},
		{"an amount of none", []span{{5, 15, 0}}, 0, nil},
		{"one bucket", []span{{11, 19, 3}}, 0, []float64{0, 3}},
		{"up to its end", []span{{10, 20, 3}}, 0, []float64{0, 3}},
		{"three", []span{{5, 25, 40}}, 0, []float64{10, 20, 10}},
		{"a moment", []span{{20, 20, 7}}, 0, []float64{0, 7}},
		{"backwards", []span{{30, 15, 7}}, 0, []float64{0, 7}},
		{"late", []span{{30, 40, 1}, {5, 15, 4}}, 0, []float64{2, 2, 0, 1}},
		{"older than it reaches", []span{{90, 100, 1}, {30, 70, 4}}, 6, []float64{1, 0, 0, 1}},
		{"a gap", []span{{0, 40, 4}, {50, 60, 1}}, 2, []float64{1, 1, 0, 1}},
		{"a long gap", []span{{0, 40, 4}, {990, 1000, 1}}, 96, []float64{0, 0, 0, 1}},
	} {
		r := ring.New(10, 4)
		for _, s := range c.spans {
			r.Add(s.from, s.to, s.amount)
		}
		if oldest, sums := content(&r); oldest != c.oldest || !slices.Equal(sums, c.sums) || r.Empty() != (c.sums == nil) {
			t.Errorf("%s: %v from %d, not %v from %d", c.name, sums, oldest, c.sums, c.oldest)
		}
	}
}

// What was added since a moment is of its bucket the part after it, once the bucket is over.
func TestSince(t *testing.T) {
	r := ring.New(10, 4)
	if r.Since(0, 100) != 0 || r.At(0) != 0 {
		t.Error("something in a ring of nothing")
	}
	r.Add(20, 60, 40)
	for _, c := range []struct {
		from, now instant.Time
		want      float64
	}{
		{-50, 60, 40}, {20, 60, 40}, {30, 60, 30}, {35, 60, 25}, {55, 59, 10}, {55, 60, 5}, {60, 60, 0}, {200, 300, 0},
	} {
		if got := r.Since(c.from, c.now); got != c.want {
			t.Errorf("since %d at %d: %v, not %v", c.from, c.now, got, c.want)
		}
	}
	for _, index := range []int64{-1, 1, 6} {
		if r.At(index) != 0 {
			t.Errorf("bucket %d: %v", index, r.At(index))
		}
	}
	r.Clear()
	if !r.Empty() || r.Since(0, 60) != 0 {
		t.Error("something in a ring that was cleared")
	}
}

// Each names the buckets with something, oldest first.
func TestEach(t *testing.T) {
	r := ring.New(10, 4)
	r.Each(func(_, _ instant.Time, _ float64) { t.Error("a bucket of nothing") })
	r.Add(30, 40, 1)
	r.Add(50, 70, 6)
	var got []float64
	r.Each(func(from, to instant.Time, amount float64) { got = append(got, float64(from), float64(to), amount) })
	if want := []float64{30, 40, 1, 50, 60, 3, 60, 70, 3}; !slices.Equal(got, want) {
		t.Errorf("%v, not %v", got, want)
	}
}
