package demand_test

import (
	"errors"
	"testing"

	"github.com/kedify/inference-gateway/scaler/demand"
)

// TestValueOf: each metric of a trigger has a value of its own, and one that the registry does not have under its name is unknown.
func TestValueOf(t *testing.T) {
	lost := errors.New("no Pod says it")
	reading := demand.Reading{Value: 3, More: []demand.Value{{Metric: "b", Value: 4}, {Metric: "c", Unknown: lost}}}
	for _, c := range []struct {
		position int
		name     string
		want     float64
		err      error
	}{{0, "a", 3, nil}, {1, "b", 4, nil}, {2, "c", 0, lost}, {1, "c", 0, demand.ErrUnknown}, {3, "d", 0, demand.ErrUnknown}} {
		if got, err := reading.ValueOf(c.position, c.name); got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%d %s: %v, %v; want %v, %v", c.position, c.name, got, err, c.want, c.err)
		}
	}
}
