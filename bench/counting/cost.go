package main

import (
	"slices"
	"time"

	"github.com/kedify/inference-gateway/bench/internal/envoy"
)

// cost is what all measured processes have used up to a moment, or in a round.
type cost struct {
	at      time.Time
	took    time.Duration // of a round
	threads map[string]envoy.Threads
	plane   Cost
}

func (b *bench) sample() (c cost, err error) {
	c = cost{at: time.Now(), threads: map[string]envoy.Threads{}}
	for gateway, p := range b.proxies {
		if c.threads[gateway], err = p.CPU(); err != nil {
			return c, err
		}
	}
	c.plane, err = b.plane.cost()
	return c, err
}

// since turns two samples into a round.
func (c cost) since(before cost) cost {
	r := cost{
		took: c.at.Sub(before.at), threads: map[string]envoy.Threads{},
		plane: Cost{CPU: c.plane.CPU - before.plane.CPU, Received: map[string]int64{}},
	}
	for gateway := range c.threads {
		r.threads[gateway] = c.threads[gateway].Since(before.threads[gateway])
		r.plane.Received[gateway] = c.plane.Received[gateway] - before.plane.Received[gateway]
	}
	return r
}

// rounds are compared by their median.
type rounds []cost

// figure is a median with its range.
type figure struct{ median, least, most float64 }

func (r rounds) figure(of func(cost) float64) figure {
	var all []float64
	for _, c := range r {
		all = append(all, of(c)/c.took.Seconds())
	}
	slices.Sort(all)
	return figure{median: all[len(all)/2], least: all[0], most: all[len(all)-1]}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// main is of the main thread of a proxy, in milliseconds per second; workers of the others.
func (r rounds) main(gateway string) figure {
	return r.figure(func(c cost) float64 { return milliseconds(c.threads[gateway].Main) })
}

func (r rounds) workers(gateway string) figure {
	return r.figure(func(c cost) float64 { return milliseconds(c.threads[gateway].Others) })
}

func (r rounds) plane() figure {
	return r.figure(func(c cost) float64 { return milliseconds(c.plane.CPU) })
}

// received is in kilobytes per second.
func (r rounds) received(gateway string) figure {
	return r.figure(func(c cost) float64 { return float64(c.plane.Received[gateway]) / 1000 })
}
