package pickerrelay

import (
	"context"
	"errors"
	"io"
	"time"

	"google.golang.org/grpc"
)

// maxPending frames are on their way to a picker. While it does not take them, Envoy waits, and so does its client.
const maxPending = 2

// phase of a request at its picker.
type phase uint8

const (
	asking    phase = iota // nothing of the answer reached Envoy
	returning              // a part of the request is back
	passing                // the request is back, or was answered: the relay only passes on
	alone                  // the picker was given up, and the relay answers in its place
)

// message is what a stream received, or how it ended.
type message struct {
	frame frame
	err   error
}

// call is one request that Envoy asks a picker about. The goroutine of run owns it.
type call struct {
	relay    *Relay
	picker   string // its cluster
	limit    time.Duration
	failOpen bool

	proxy      grpc.ServerStream
	fromProxy  chan message
	fromPicker chan message
	toPicker   chan frame    // of maxPending; closed: Envoy is done
	taken      chan struct{} // for each frame that the picker took
	cancel     context.CancelFunc
	phase      phase
	pending    int   // frames in toPicker that were not taken
	ended      bool  // the last of them ends the request
	bodiless   bool  // the headers are the request
	told       bool  // of the headers of the answer, and has not said anything to them
	headers    frame // the answer to the headers, until a part of the body is back
	kept       kept
	back       returned
	clock      *time.Timer
	running    bool // the clock
	finished   bool // Envoy is done
}

// run passes messages on until a side is done.
func (c *call) run(ctx context.Context) error {
	defer c.kept.release()
	defer c.clock.Stop()
	for {
		fromProxy := c.fromProxy
		if c.pending >= maxPending {
			fromProxy = nil
		}
		var done bool
		var err error
		select {
		case m := <-fromProxy:
			done, err = c.ofProxy(m)
		case m := <-c.fromPicker:
			done, err = c.ofPicker(m)
		case <-c.taken:
			c.pending--
			c.running = false // progress
		case <-c.clock.C:
			if c.finished && c.phase >= passing {
				return nil
			}
			if c.relay.health.timedOut(c.picker, time.Now()) {
				c.relay.log.Info("Picker does not answer; requests do not wait for it, but for one each second", "picker", c.picker)
			}
			done, err = c.giveUp(detailTimeout)
		case <-ctx.Done():
			return ctx.Err()
		}
		if done || err != nil {
			return err
		}
		c.wind()
	}
}

// wind runs the clock while the picker owes an answer, from its last sign of life on.
func (c *call) wind() {
	owes := c.phase < passing && (c.pending > 0 || c.ended) || c.phase == passing && c.told ||
		c.finished // a picker ends its call when Envoy has
	switch {
	case !owes:
		c.clock.Stop()
		c.running = false
	case !c.running:
		c.clock.Reset(c.limit)
		c.running = true
	}
}

// ofProxy takes a message of Envoy.
func (c *call) ofProxy(m message) (done bool, err error) {
	if m.err != nil {
		if !errors.Is(m.err, io.EOF) || c.phase == alone {
			return true, nil
		}
		c.fromProxy, c.finished = nil, true
		close(c.toPicker)
		return false, nil
	}
	if c.phase == alone {
		return false, c.echo(m.frame, 0)
	}
	p, err := readRequest(m.frame)
	if err != nil {
		return true, err
	}
	switch {
	case p.kind == responseHeaders:
		c.told = true
	case c.phase < passing && p.kind != responsePhase:
		c.ended = c.ended || p.end
		c.bodiless = c.bodiless || p.end && p.kind == requestHeaders
		if c.failOpen {
			c.kept.keep(m.frame)
		}
	}
	c.toPicker <- m.frame
	c.pending++
	return false, nil
}

// ofPicker takes a message of the picker.
func (c *call) ofPicker(m message) (done bool, err error) {
	switch {
	case m.err != nil:
		c.fromPicker = nil
		if c.phase < passing {
			return c.giveUp(detailFailed)
		}
		if errors.Is(m.err, io.EOF) {
			return true, nil
		}
		return true, m.err
	case c.phase == passing:
		c.told = false
		return false, c.proxy.SendMsg(m.frame)
	}
	c.running = false // progress
	p, err := readResponse(m.frame)
	if err != nil {
		return c.giveUp(detailFailed)
	}
	return c.answer(m.frame, p)
}

// answer passes an answer on that belongs to the request. The answer to the headers is kept until something of the body is back: a
// picker that stops in between has done nothing that cannot be done without it.
func (c *call) answer(f frame, p part) (done bool, err error) {
	switch {
	case p.kind == immediate:
		c.pass()
	case p.kind == requestHeaders && c.phase == asking && c.headers == nil:
		if c.headers = f; !c.bodiless {
			return false, nil
		}
		c.pass()
		return false, c.proxy.SendMsg(f)
	case (p.kind == requestBody || p.kind == requestTrailers) && (c.headers != nil || c.phase == returning):
		if c.phase == asking {
			if err := c.proxy.SendMsg(c.headers); err != nil {
				return true, err
			}
			c.phase = returning
		}
		if c.failOpen {
			c.back.add(p.body)
		}
		if p.end {
			c.pass()
		}
	default: // Envoy would refuse it
		return c.giveUp(detailFailed)
	}
	return false, c.proxy.SendMsg(f)
}
