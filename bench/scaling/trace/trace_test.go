package trace_test

import (
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/kedify/inference-gateway/bench/scaling/trace"
)

// The public traces are those that testdata/README.md says.
func TestRead(t *testing.T) {
	for file, want := range map[string]struct {
		requests              int
		minutes               float64
		input, output, cached float64
	}{
		"azure-2023-conversation.csv": {19366, 58, 1155, 211, 0},
		"azure-2023-code.csv":         {8819, 57, 2048, 28, 0},
		"mooncake-conversation.csv":   {12031, 59, 12035, 343, 0.37},
	} {
		got, err := trace.Read(os.DirFS("../testdata"), file, "name")
		if err != nil {
			t.Fatal(err)
		}
		var input, output, cached float64
		for _, r := range got.Requests {
			input += float64(r.Input)
			output += float64(r.Output)
			cached += float64(r.Cached)
		}
		n := float64(len(got.Requests))
		if len(got.Requests) != want.requests || math.Abs(got.End/60-want.minutes) > 1 || math.Abs(input/n-want.input) > 1 ||
			math.Abs(output/n-want.output) > 1 || math.Abs(cached/input-want.cached) > 0.02 || got.Name != "name" {
			t.Errorf("%s: %v requests in %v s, %v in, %v out, %v cached", file, n, got.End, input/n, output/n, cached/input)
		}
	}
}

// A file that is none of them is refused, and the error says where.
func TestReadRefuses(t *testing.T) {
	const head = "arrival_ms,input_tokens,output_tokens"
	for text, want := range map[string]string{
		"":                                  "EOF",
		"a,b,c\n1,2,3\n":                    "columns",
		head + ",other\n1,2,3,4\n":          "columns",
		head + "\n":                         "0 requests",
		head + "\n1,2,x\n":                  "request 1",
		head + "\n1,2,3\n5,-2,3\n":          "request 2",
		head + "\n9,2,3\n5,2,3\n":           "ordered",
		head + "\n1,2\n":                    "wrong number of fields",
		head + ",seen_prefix_tokens\n1,2,3": "wrong number of fields",
	} {
		_, err := trace.Read(fstest.MapFS{"t.csv": {Data: []byte(text)}}, "t.csv", "t")
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "t.csv") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := trace.Read(fstest.MapFS{}, "t.csv", "t"); err == nil {
		t.Error("a file that is not there")
	}
}

// The last token of a prompt is computed, whatever was in the cache, and an answer has one.
func TestLeast(t *testing.T) {
	const text = "arrival_ms,input_tokens,output_tokens,seen_prefix_tokens\n0,0,0,0\n500,100,5,100\n"
	got, err := trace.Read(fstest.MapFS{"t.csv": {Data: []byte(text)}}, "t.csv", "t")
	want := []trace.Request{{At: 0, Input: 1, Output: 1}, {At: 0.5, Input: 100, Output: 5, Cached: 99}}
	if err != nil || !slices.Equal(got.Requests, want) {
		t.Errorf("%+v, %v", got.Requests, err)
	}
}

// A mix has the requests of all its traces, in order, until the first ends.
func TestMix(t *testing.T) {
	a := trace.Trace{End: 10, Requests: []trace.Request{{At: 1, Input: 1}, {At: 10, Input: 2}}}
	b := trace.Trace{End: 20, Requests: []trace.Request{{At: 0, Input: 3}, {At: 10, Input: 4}, {At: 11, Input: 5}}}
	got := trace.Mix("m", a, b)
	want := []trace.Request{{At: 0, Input: 3}, {At: 1, Input: 1}, {At: 10, Input: 2}, {At: 10, Input: 4}}
	if got.End != 10 || !slices.Equal(got.Requests, want) {
		t.Errorf("%+v", got)
	}
}

// A day has a tenth of the requests at night, and all of both copies at noon.
func TestDay(t *testing.T) {
	of := trace.Trace{End: 1000}
	for i := range 10_000 {
		of.Requests = append(of.Requests, trace.Request{At: float64(i) / 10, Input: 1, Output: 1})
	}
	for _, smooth := range []bool{false, true} {
		s := trace.Shape{Length: 7200, Days: 2, Night: 0.1, Smooth: smooth, Copies: 2}
		day := trace.Day("d", of, s, 1)
		if !slices.IsSortedFunc(day.Requests, func(a, b trace.Request) int { return int(math.Copysign(1, a.At-b.At)) }) {
			t.Fatal("not in order")
		}
		rate := func(from, to float64) float64 {
			n := 0
			for _, r := range day.Requests {
				if r.At >= from && r.At < to {
					n++
				}
			}
			return float64(n) / (to - from)
		}
		for name, c := range map[string]struct{ from, to, want float64 }{
			"midnight": {0, 200, 2}, "noon": {3500, 3700, 20}, "the second noon": {10700, 10900, 20}, "the second midnight": {7100, 7300, 2},
		} {
			if got := rate(c.from, c.to); math.Abs(got-c.want) > 0.1*c.want {
				t.Errorf("smooth %t, %s: %v/s, not %v", smooth, name, got, c.want)
			}
		}
		evening := map[bool]float64{false: 2, true: 6.5}[smooth]
		if got := rate(5950, 6050); math.Abs(got-evening) > 0.15*evening {
			t.Errorf("smooth %t, 20:00: %v/s, not %v", smooth, got, evening)
		}
		if again, other := trace.Day("d", of, s, 1), trace.Day("d", of, s, 2); len(again.Requests) != len(day.Requests) ||
			slices.Equal(other.Requests, day.Requests) {
			t.Error("a seed is not one day")
		}
	}
}
