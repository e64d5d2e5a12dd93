// Package trace is what models are asked over time.
//
// Job: read the arrival traces of bench/scaling/testdata, and make workloads of them: one by
// itself, two at the same time, a day.
// Inputs: CSV files with arrival_ms, input_tokens, output_tokens and, in one of them,
// seen_prefix_tokens; a seed. Outputs: Trace, ordered by arrival.
// Ownership: pure values.
package trace

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
)

// Request is one request of a trace.
type Request struct {
	// At is when it arrives, in seconds since the trace began.
	At float64
	// Input and Output are tokens of the prompt and of the answer. Cached are those of the
	// prompt that the model has seen before.
	Input, Output, Cached int
}

// Trace is requests, ordered by arrival.
type Trace struct {
	Name     string
	Requests []Request
	// End is when it ends, in seconds.
	End float64
}

// columns of a file, and the one that only some have.
var columns = []string{"arrival_ms", "input_tokens", "output_tokens"}

const cachedColumn = "seen_prefix_tokens"

// Read reads one file.
func Read(files fs.FS, path, name string) (Trace, error) {
	file, err := files.Open(path)
	if err != nil {
		return Trace{}, err
	}
	defer func() { _ = file.Close() }()
	t := Trace{Name: name}
	rows := csv.NewReader(file)
	rows.ReuseRecord = true
	head, err := rows.Read()
	if err != nil {
		return t, fmt.Errorf("%s: %w", path, err)
	}
	if len(head) < 3 || !slices.Equal(head[:3], columns) || len(head) > 4 || len(head) == 4 && head[3] != cachedColumn {
		return t, fmt.Errorf("%s: columns %q", path, head)
	}
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return t, fmt.Errorf("%s: %w", path, err)
		}
		r, err := parse(row)
		if err != nil {
			return t, fmt.Errorf("%s, request %d: %w", path, len(t.Requests)+1, err)
		}
		t.Requests = append(t.Requests, r)
	}
	if len(t.Requests) == 0 || !slices.IsSortedFunc(t.Requests, byArrival) {
		return t, fmt.Errorf("%s: %d requests, which have to be ordered by arrival", path, len(t.Requests))
	}
	t.End = t.Requests[len(t.Requests)-1].At
	return t, nil
}

func parse(row []string) (r Request, err error) {
	var numbers [4]int
	for i, text := range row {
		if numbers[i], err = strconv.Atoi(text); err != nil {
			return r, err
		}
		if numbers[i] < 0 {
			return r, fmt.Errorf("%s is below zero", text)
		}
	}
	r = Request{At: float64(numbers[0]) / 1000, Input: max(numbers[1], 1), Output: max(numbers[2], 1)}
	r.Cached = min(numbers[3], r.Input-1) // the last token of a prompt is always computed
	return r, nil
}

func byArrival(a, b Request) int { return cmp.Compare(a.At, b.At) }

// Mix is traces at the same time, until the first of them ends.
func Mix(name string, traces ...Trace) Trace {
	mix := Trace{Name: name, End: math.Inf(1)}
	for _, t := range traces {
		mix.Requests = append(mix.Requests, t.Requests...)
		mix.End = min(mix.End, t.End)
	}
	slices.SortStableFunc(mix.Requests, byArrival)
	after, _ := slices.BinarySearchFunc(mix.Requests, mix.End, func(r Request, end float64) int {
		if r.At <= end {
			return -1
		}
		return 1
	})
	mix.Requests = mix.Requests[:after]
	return mix
}

// Shape is a day that is made of an hour.
type Shape struct {
	// Length of a day in seconds, and how many there are.
	Length float64
	Days   int
	// Night is the part of the requests from 18:00 to 6:00; at noon all of them arrive. Smooth:
	// it is that at midnight alone.
	Night  float64
	Smooth bool
	// Copies of the trace at the same time, each begun at another moment of it.
	Copies int
}

// Share returns the part of the requests that arrive at a moment.
func (s Shape) Share(at float64) float64 {
	sun := -math.Cos(2 * math.Pi * at / s.Length)
	if s.Smooth {
		sun = (1 + sun) / 2
	}
	return s.Night + (1-s.Night)*max(sun, 0)
}

// Day is copies of a trace, again and again, thinned to the shape of days. It is made up: what
// is real in it are the requests, and how they follow each other within minutes.
func Day(name string, of Trace, s Shape, seed uint64) Trace {
	day := Trace{Name: name, End: s.Length * float64(s.Days)}
	dice := rand.New(rand.NewPCG(seed, 0))
	for c := range s.Copies {
		shift := of.End * float64(c) / float64(s.Copies)
		for turn := 0; float64(turn)*of.End-shift <= day.End; turn++ {
			for _, r := range of.Requests {
				r.At += float64(turn)*of.End - shift
				// One number for each request, so that copies are thinned apart.
				if keep := dice.Float64(); r.At >= 0 && r.At <= day.End && keep < s.Share(r.At) {
					day.Requests = append(day.Requests, r)
				}
			}
		}
	}
	slices.SortStableFunc(day.Requests, byArrival)
	return day
}
