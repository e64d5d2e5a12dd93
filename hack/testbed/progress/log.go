// Package progress prints what a command is doing: one line per finished step
// with the seconds since the start and the step's own, and a line now and then
// for a step that takes long.
package progress

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// quiet is how long a step may run between two lines about it.
const quiet = 10 * time.Second

// Log is safe for use by several steps at once.
type Log struct {
	mu    sync.Mutex
	out   io.Writer
	start time.Time
}

// New starts the clock at the given time, so that a helper process can go on
// with its parent's.
func New(out io.Writer, start time.Time) *Log { return &Log{out: out, start: start} }

// Start is when the clock started.
func (l *Log) Start() time.Time { return l.start }

// Printf prints one line with the time.
func (l *Log) Printf(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.out, "%7.1fs  %s\n", time.Since(l.start).Seconds(), fmt.Sprintf(format, args...))
}

// Step is one piece of work under way.
type Step struct {
	log   *Log
	name  string
	begun time.Time

	mu   sync.Mutex
	last time.Time
}

// Step begins a step.
func (l *Log) Step(name string) *Step {
	now := time.Now()
	return &Step{log: l, name: name, begun: now, last: now}
}

// Update prints how far the step is, unless something was printed just now.
func (s *Step) Update(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.last) < quiet {
		return
	}
	s.last = time.Now()
	s.log.Printf("%-22s ... %s", s.name, fmt.Sprintf(format, args...))
}

// Done prints the end of the step.
func (s *Step) Done(format string, args ...any) {
	s.log.Printf("%-22s %5.1fs  %s", s.name, time.Since(s.begun).Seconds(), fmt.Sprintf(format, args...))
}
