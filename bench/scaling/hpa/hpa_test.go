package hpa_test

import (
	"encoding/csv"
	"os"
	"strconv"
	"testing"

	"github.com/kedify/inference-gateway/bench/scaling/hpa"
)

// number reads a field of the file; an empty one is none.
func number(t *testing.T, text string) float64 {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Each decision is that of Kubernetes' own controller (bench/scaling/hpa/kubernetes).
func TestKubernetes(t *testing.T) {
	file, err := os.Open("testdata/decisions.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var h hpa.HPA
	story, seen, unknown := "", map[string]int{}, 0
	for _, row := range rows[1:] {
		if row[0] != story {
			story = row[0]
			h = hpa.HPA{Min: int(number(t, row[2])), Max: int(number(t, row[3])), Stabilization: hpa.Stabilization}
		}
		var metrics []hpa.Metric
		for _, m := range [][]string{row[7:9], row[9:11]} {
			if m[0] == "" {
				continue
			}
			metric := hpa.Metric{Value: number(t, m[0]) / 1000, Target: number(t, m[1]) / 1000, PerReplica: row[6] == "true"}
			metric.Unknown = metric.Value < 0
			if metric.Unknown {
				unknown++
			}
			metrics = append(metrics, metric)
		}
		current, ready, want := int(number(t, row[4])), int(number(t, row[5])), int(number(t, row[11]))
		got := h.Decide(number(t, row[1]), current, ready, metrics...)
		if got != want {
			t.Fatalf("story %s at %s s: %d replicas, not %d", story, row[1], got, want)
		}
		switch {
		case want > current:
			seen["up"]++
		case want < current:
			seen["down"]++
		default:
			seen["same"]++
		}
	}
	if len(rows) < 1500 || seen["up"] < 100 || seen["down"] < 50 || unknown < 50 {
		t.Errorf("too few decisions to tell: %d rows, %v, %d metrics unknown", len(rows), seen, unknown)
	}
	t.Logf("%d decisions, %v, %d metrics unknown", len(rows)-1, seen, unknown)
}

// Without replicas the HPA does nothing: what they come back from is KEDA's.
func TestZero(t *testing.T) {
	h := hpa.HPA{Min: 1, Max: 9, Stabilization: hpa.Stabilization}
	if got := h.Decide(0, 0, 0, hpa.Metric{Value: 100, Target: 1, PerReplica: true}); got != 0 {
		t.Errorf("%d replicas from none", got)
	}
}

// Numbers are handed on with three digits, and none is below zero.
func TestMilli(t *testing.T) {
	for value, want := range map[float64]int{5.0004: 5, 5.0006: 6, -1: 3} {
		h := hpa.HPA{Min: 1, Max: 9, Stabilization: hpa.Stabilization}
		if got := h.Decide(0, 3, 3, hpa.Metric{Value: value, Target: 1, PerReplica: true}); got != want {
			t.Errorf("%v: %d replicas, not %d", value, got, want)
		}
	}
}
