package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/kedify/inference-gateway/bench/scaling/study"
	"github.com/kedify/inference-gateway/bench/scaling/trace"
)

// The table has the replicas of each bound, and says which is never kept. Runs side by side share
// nothing but the trace.
func TestFewest(t *testing.T) {
	model, err := modelOf("L")
	if err != nil {
		t.Fatal(err)
	}
	one := trace.Trace{Name: "steady", End: 900}
	for at := 0.5; at < one.End; at++ {
		one.Requests = append(one.Requests, trace.Request{At: at, Input: 1000, Output: 100})
	}
	w := study.NewWorkload(one.Name, &one, model)
	var out bytes.Buffer
	r := &report{out: &out, model: model, lab: study.NewLab(sideBySide)}
	r.fewest("steady", columns(w, 0.01, 5), study.Static(), study.Staffing(true))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 5 || !strings.HasSuffix(lines[2], "<= 0.01 s   <= 5 s") {
		t.Fatalf("%q", lines)
	}
	for _, line := range lines[3:] {
		fields := strings.Fields(line)
		if n := len(fields); fields[n-2] != "never" || fields[n-1] < "0.90" || fields[n-1] > "2.00" {
			t.Errorf("%q: one request a second is less than two replicas can do", line)
		}
	}
}
