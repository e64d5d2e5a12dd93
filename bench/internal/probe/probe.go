// Package probe asks a proxy for a host once a millisecond and says when it first answered 200.
//
// Job: the stopwatch of the benchmarks. Inputs: an address and a host name. Outputs: the
// moment of the first 200 and every status seen.
// Ownership: each connection has a goroutine of its own from Dial to Close; a measurement is
// made by one goroutine at a time.
package probe

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

const (
	// Connections kept open to the proxy; polls take turns on them, so that all its workers are
	// asked.
	Connections = 64
	// Pace is the time between two polls.
	Pace = time.Millisecond
	// streak is how many answers in a row must be 200 before a measurement ends.
	streak = 8
	// patience with one answer, and with a proxy that starts.
	patience = 2 * time.Second
	startup  = 30 * time.Second
)

// Prober polls one proxy.
type Prober struct {
	address string
	jobs    chan string
	answers chan poll
}

// poll is one answer.
type poll struct {
	begun, ended time.Time
	status       int
	err          error
}

// Result of one measurement.
type Result struct {
	First time.Time // when the first 200 had arrived
	// Statuses counts the answers until the measurement ended; 0 is a broken connection.
	Statuses map[int]int
}

// Unexpected counts the answers that are neither "not yet" nor success.
func (r Result) Unexpected() int {
	n := 0
	for status, count := range r.Statuses {
		if status != http.StatusOK && status != http.StatusNotFound {
			n += count
		}
	}
	return n
}

// Dial opens the connections; they live until ctx ends. A proxy that was started a moment ago
// may not listen yet, or its address may not be routed yet: it is tried for a while.
func Dial(ctx context.Context, address string) (*Prober, error) {
	p := &Prober{address: address, jobs: make(chan string), answers: make(chan poll, 4*Connections)}
	for range Connections {
		conn, err := net.Dial("tcp", address)
		for begun := time.Now(); err != nil && time.Since(begun) < startup && ctx.Err() == nil; time.Sleep(10 * Pace) {
			conn, err = net.Dial("tcp", address)
		}
		if err != nil {
			return nil, err
		}
		go p.serve(ctx, conn)
	}
	return p, nil
}

// serve polls on one connection, and on another one when that breaks.
func (p *Prober) serve(ctx context.Context, conn net.Conn) {
	reader := bufio.NewReader(conn)
	for {
		select {
		case <-ctx.Done():
			conn.Close()
			return
		case host := <-p.jobs:
			answer := poll{begun: time.Now()}
			answer.status, answer.err = exchange(conn, reader, host)
			answer.ended = time.Now()
			p.answers <- answer
			if answer.err == nil {
				continue
			}
			conn.Close()
			var err error
			if conn, err = net.Dial("tcp", p.address); err != nil {
				return
			}
			reader.Reset(conn)
		}
	}
}

func exchange(conn net.Conn, reader *bufio.Reader, host string) (int, error) {
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return 0, err
	}
	if _, err := fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", host); err != nil {
		return 0, err
	}
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	if response.Close && err == nil {
		err = io.EOF
	}
	return response.StatusCode, err
}

// Until200 polls until a host answers 200 steadily. It fails when ctx ends first.
func (p *Prober) Until200(ctx context.Context, host string) (Result, error) {
	return p.until(ctx, host, http.StatusOK)
}

// Until404 polls until a host is gone.
func (p *Prober) Until404(ctx context.Context, host string) (Result, error) {
	return p.until(ctx, host, http.StatusNotFound)
}

func (p *Prober) until(ctx context.Context, host string, want int) (Result, error) {
	result := Result{Statuses: map[int]int{}}
	ticker := time.NewTicker(Pace)
	defer ticker.Stop()
	asked, answered, row := 0, 0, 0
	take := func(a poll) {
		answered++
		result.Statuses[a.status]++
		if a.status != want {
			row = 0
			return
		}
		row++
		if result.First.IsZero() || a.ended.Before(result.First) {
			result.First = a.ended
		}
	}
	for row < streak {
		select {
		case <-ctx.Done():
			return result, fmt.Errorf("%s did not become %d: %v: %w", host, want, result.Statuses, ctx.Err())
		case a := <-p.answers:
			take(a)
		case <-ticker.C:
			select {
			case p.jobs <- host:
				asked++
			default: // all connections wait for an answer
			}
		}
	}
	for answered < asked {
		take(<-p.answers)
	}
	return result, nil
}
