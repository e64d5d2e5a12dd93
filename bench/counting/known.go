package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

const (
	// Loads of a known size, requests per second; that of on and off while it is on.
	stepRate  = 50
	onOffRate = 100
	retryRate = 50
	cutRate   = 50
	streams   = 200
	// shown is how long after a change it must have arrived: two reports.
	shown = 2500 * time.Millisecond
)

// breaks are for how long the control plane refuses the proxy after each cut.
var breaks = []time.Duration{0, 500 * time.Millisecond, 1500 * time.Millisecond, 3 * time.Second}

// names of the keys with a load of their own; the others are active ones.
var names = map[int]string{
	keyStep:    "the step",
	keyOnOff:   "on and off",
	keyStreams: "long streams",
	keyRetries: "retries: one of two endpoints answers 503",
	keyRefused: "retries: one of two endpoints refuses",
	keyCut:     fmt.Sprintf("streams to the control plane cut %d times", len(breaks)),
}

// tally is a number of requests that must be exact.
type tally struct {
	name     string
	sent     int
	failed   int    // answers other than 200
	attempts int64  // that reached a backend; zero: not known
	counted  uint64 // by the control plane
}

// lost requests were sent and not counted; below zero: counted more than once.
func (t tally) lost() int { return t.sent - int(t.counted) }

// countedLoads is what the numbers were under loads of a known size.
type countedLoads struct {
	onOff, broken comparison
	// step is how long 90 % of it took to show; over is the most that was read after it, in
	// relation to the truth.
	step time.Duration
	over float64
	// inFlight are readings of requests in flight against the truth, in turn; rest is what was
	// in flight when nothing was.
	inFlight [][2]uint64
	rest     uint64
	tallies  []tally
}

// known gives the proxy with the sink loads of a known size.
func (b *bench) known(ctx context.Context) (c countedLoads, err error) {
	l := b.proxies[withSink].load
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	l.constant(ctx, keyCut, cutRate, always)
	if err := b.side(ctx, &c); err != nil {
		return c, err
	}
	if err := b.cut(ctx, &c); err != nil {
		return c, err
	}
	cancel()
	l.rest()
	return c, b.atRest(context.WithoutCancel(ctx), &c)
}

// side has several keys under load at the same time, each in its own way.
func (b *bench) side(ctx context.Context, c *countedLoads) error {
	l := b.proxies[withSink].load
	bounded, end := context.WithTimeout(ctx, 24*time.Second)
	defer end()
	l.constant(bounded, keyOnOff, onOffRate, everyOtherSecond)
	l.constant(bounded, keyRetries, retryRate, always)
	l.constant(bounded, keyRefused, retryRate, always)
	streamed := make(chan error, 1)
	go func() { streamed <- b.streams(bounded, c) }()

	begun := time.Now()
	l.constant(bounded, keyStep, stepRate, always)
	for time.Since(begun) < window {
		if err := b.step(ctx, c, begun); err != nil {
			return err
		}
	}
	for range 10 {
		if err := pause(ctx, asking); err != nil {
			return err
		}
		samples, err := b.plane.read(keyOnOff)
		if err != nil {
			return err
		}
		// Any ten seconds have five in which the load was on.
		c.onOff.take(samples[0], onOffRate/2, math.Abs(samples[0].Rate/(onOffRate/2)-1))
	}
	return <-streamed
}

// step looks whether the step shows.
func (b *bench) step(ctx context.Context, c *countedLoads, begun time.Time) error {
	if err := pause(ctx, 50*time.Millisecond); err != nil {
		return err
	}
	samples, err := b.plane.read(keyStep)
	if err != nil {
		return err
	}
	reached := samples[0].Rate / stepRate
	if c.step == 0 && reached >= .9 {
		c.step = samples[0].At.Sub(begun)
	}
	c.over = max(c.over, reached)
	return nil
}

// streams opens long requests, has half of them broken off by their clients and the rest ended
// by the backend.
func (b *bench) streams(ctx context.Context, c *countedLoads) error {
	l := b.proxies[withSink].load
	broken, breakOff := context.WithCancel(ctx)
	defer breakOff()
	for i := range streams {
		ctx := ctx
		if i%2 == 0 {
			ctx = broken
		}
		l.wait.Go(func() { l.once(ctx, keyStreams, streamPath) })
	}
	check := func(want uint64) error {
		if err := pause(ctx, shown); err != nil {
			return err
		}
		for range 4 {
			samples, err := b.plane.read(keyStreams)
			if err != nil {
				return err
			}
			c.inFlight = append(c.inFlight, [2]uint64{want, samples[0].InFlight})
			if err := pause(ctx, 500*time.Millisecond); err != nil {
				return err
			}
		}
		return nil
	}
	if err := check(streams); err != nil {
		return err
	}
	breakOff()
	if err := check(streams / 2); err != nil {
		return err
	}
	close(b.backends.end)
	return check(0)
}

// cut breaks the streams of the proxy under load, and reads all the time.
func (b *bench) cut(ctx context.Context, c *countedLoads) error {
	reader, stop := context.WithCancel(ctx)
	read := make(chan error, 1)
	go func() {
		for {
			samples, err := b.plane.read(keyCut)
			if err != nil {
				read <- err
				return
			}
			c.broken.rate(samples[0], b.proxies[withSink].load, keyCut)
			if pause(reader, 100*time.Millisecond) != nil {
				read <- nil
				return
			}
		}
	}()
	for _, outage := range breaks {
		if err := b.plane.cut(outage); err != nil {
			stop()
			return fmt.Errorf("cut: %w", err)
		}
		if err := pause(ctx, shown); err != nil {
			stop()
			return err
		}
	}
	// Envoy's pause between two attempts has grown to 3 s at most.
	err := pause(ctx, 4*time.Second)
	stop()
	return errors.Join(err, <-read)
}

// atRest compares the sums when nothing is sent any more.
func (b *bench) atRest(ctx context.Context, c *countedLoads) error {
	if err := pause(ctx, 2*shown); err != nil {
		return err
	}
	used := make([]int, firstUnused)
	for key := range used {
		used[key] = key
	}
	samples, err := b.plane.count(used...)
	if err != nil {
		return err
	}
	for key, s := range samples {
		t := tally{name: names[key], counted: s.Requests}
		t.sent, t.failed = b.proxies[withSink].total(key)
		if key == keyRetries {
			t.attempts = b.backends.attempts.Load()
		}
		c.tallies = append(c.tallies, t)
		c.rest += s.InFlight
		if s.Unknown != "" {
			return fmt.Errorf("a number is unknown at rest: %s", s.Unknown)
		}
	}
	return nil
}
