package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"sort"
	"strings"
	"sync"
	"time"
)

// event is one line of `go test -json` (see `go doc test2json`).
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
	Elapsed float64
}

// tally is the outcome of one stage.
type tally struct {
	mu       sync.Mutex
	outcomes map[string]string // full name -> pass, fail or skip
	running  map[string]time.Time
	output   map[string][]string // of tests that are still running
	show     func(format string, args ...any)
	depth    int // tests up to this many slashes get a line when they pass
}

func newTally(show func(string, ...any), depth int) *tally {
	return &tally{
		outcomes: map[string]string{}, running: map[string]time.Time{}, output: map[string][]string{},
		show: show, depth: depth,
	}
}

// counts returns how many passed, failed and were skipped.
func (t *tally) counts() (passed, failed, skipped int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, outcome := range t.outcomes {
		switch outcome {
		case "pass":
			passed++
		case "fail":
			failed++
		case "skip":
			skipped++
		}
	}
	return passed, failed, skipped
}

// record adds one outcome that no Go test reported.
func (t *tally) record(name string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.outcomes[name] = "pass"
	if err != nil {
		t.outcomes[name] = "fail"
	}
}

// busy names the innermost test that runs for the longest time.
func (t *tally) busy() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var name string
	for candidate, since := range t.running {
		inner := strings.HasPrefix(candidate, name+"/")
		if name == "" || inner || (since.Before(t.running[name]) && !strings.HasPrefix(name, candidate+"/")) {
			name = candidate
		}
	}
	return name
}

// read consumes a stream of events until its end and copies what the tests printed to log.
func (t *tally) read(stream io.Reader, log io.Writer) {
	lines := bufio.NewScanner(stream)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			fmt.Fprintln(log, lines.Text())
			t.show("%s", lines.Text())
			continue
		}
		if e.Output != "" {
			fmt.Fprint(log, e.Output)
		}
		t.take(e)
	}
	if err := lines.Err(); err != nil {
		t.record("the stream of test events", err)
	}
}

func (t *tally) take(e event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	name := e.name()
	switch e.Action {
	case "run":
		t.running[name] = time.Now()
	case "output":
		t.output[name] = append(t.output[name], e.Output)
		if bar := barOf(e.Output); bar != "" {
			t.show("%s", bar)
		}
	case "build-output":
		t.show("%s", strings.TrimRight(e.Output, "\n"))
	case "pass", "fail", "skip":
		t.finish(name, e)
	}
}

// barOf returns the figures that a line of a test ends with; empty: it has none.
func barOf(line string) string {
	if _, figures, found := strings.Cut(line, "bar: "); found && strings.Contains(figures, "=") {
		return "bar: " + strings.TrimSpace(figures)
	}
	return ""
}

func (e event) name() string {
	if e.Test == "" {
		return e.Package
	}
	return e.Package + " " + e.Test
}

// finish is called with the lock held. A package counts only when it failed without any
// failed test: it did not compile, or it died.
func (t *tally) finish(name string, e event) {
	delete(t.running, name)
	printed := t.output[name]
	delete(t.output, name)
	if e.Test == "" {
		if e.Action == "fail" && !t.anyFailed(e.Package) {
			t.outcomes[name] = "fail"
			t.failure(name, e, printed)
		}
		return
	}
	t.outcomes[name] = e.Action
	switch {
	case e.Action == "fail":
		t.failure(name, e, printed)
	case e.Action == "pass" && strings.Count(e.Test, "/") <= t.depth && t.depth >= 0:
		t.show("ok    %-70s %6.1fs", e.Test, e.Elapsed)
	}
}

func (t *tally) anyFailed(pkg string) bool {
	for name, outcome := range t.outcomes {
		if outcome == "fail" && strings.HasPrefix(name, pkg+" ") {
			return true
		}
	}
	return false
}

// failure prints the last lines of what a failed test said; the log has all of them.
func (t *tally) failure(name string, e event, printed []string) {
	const tail = 40
	if len(printed) > tail {
		printed = printed[len(printed)-tail:]
	}
	t.show("FAIL  %s (%.1fs)\n%s", name, e.Elapsed, strings.TrimRight(strings.Join(printed, ""), "\n"))
}

// failures lists what failed, sorted.
func (t *tally) failures() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var names []string
	for name, outcome := range t.outcomes {
		if outcome == "fail" {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}
