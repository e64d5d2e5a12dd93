package demand_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler/demand"
)

// chaos is a world in which anything may happen at any time, and what it did is known.
type chaos struct {
	*world
	random *rand.Rand
	log    []string
	envoys []*envoy
	names  int
}

// envoy is a proxy that is told what to do.
type envoy struct {
	key      demand.Proxy
	at       *replica
	born     time.Time
	requests uint64 // first attempts since born or since the cluster was made anew
	retries  uint64
	waiting  uint64 // retries that were counted before their attempt
	arrived  uint64 // in all
	left     []*replica
}

func (c *chaos) did(format string, args ...any) { c.log = append(c.log, fmt.Sprintf(format, args...)) }

func (c *chaos) flush(e *envoy) {
	if e.at == nil {
		return
	}
	c.clock.Step(time.Millisecond) // no proxy counts twice at one moment
	now := c.clock.Now()
	uptime := now.Sub(e.born).Truncate(time.Second)
	all := map[types.NamespacedName]demand.Counts{}
	if e.requests > 0 {
		all[webKey] = demand.Counts{Requests: e.requests + e.retries - e.waiting, Retries: e.retries, Active: e.requests % 3}
	}
	e.at.Report(demand.Report{Proxy: e.key, Started: uptime <= 2*time.Second, Uptime: uptime, Time: now, Counts: all})
	c.did("%s flush %d+%d-%d to %s", e.key.Node, e.requests, e.retries, e.waiting, e.at.name)
}

// flushAll flushes all and lets all replicas hear of it.
func (c *chaos) flushAll() {
	for _, e := range c.envoys {
		e.waiting = 0
		if e.at == nil {
			e.at = c.replicas[c.random.IntN(len(c.replicas))]
		}
		c.flush(e)
		c.ends(e)
	}
	for range 3 {
		c.clock.Step(260 * time.Millisecond)
		c.exchange()
	}
	c.did("flushed")
}

// ends has replicas notice streams that ended.
func (c *chaos) ends(e *envoy) {
	for _, r := range e.left {
		if r != e.at {
			r.Gone(e.key)
		}
	}
	e.left = nil
}

func (c *chaos) move(e *envoy, to *replica) {
	if e.at != nil && e.at != to {
		e.left = append(e.left, e.at)
	}
	e.at = to
	if to == nil {
		c.did("%s breaks", e.key.Node)
	} else {
		c.did("%s to %s", e.key.Node, to.name)
	}
}

// act does one thing.
func (c *chaos) act() {
	e := c.envoys[c.random.IntN(len(c.envoys))]
	switch c.random.IntN(14) {
	case 0, 1, 2:
		n := uint64(c.random.IntN(50))
		e.requests += n
		e.arrived += n
	case 3:
		n := uint64(c.random.IntN(5))
		e.retries += n
		e.waiting += n
	case 4:
		e.waiting = 0
	case 5, 6, 7:
		c.flush(e)
	case 8:
		c.move(e, c.replicas[c.random.IntN(len(c.replicas))])
	case 9:
		c.move(e, nil)
	case 10:
		c.ends(e)
	case 11:
		c.clock.Step(time.Duration(c.random.IntN(900)) * time.Millisecond)
	case 12: // over some of the links
		for _, to := range c.replicas {
			if c.random.IntN(2) == 0 {
				c.hear(to)
			}
		}
	case 13:
		c.upset(e)
	}
}

// upset does one thing that is rare.
func (c *chaos) upset(e *envoy) {
	switch c.random.IntN(6) {
	case 0: // the process ends; what was not told to another replica would be lost
		c.clock.Step(3 * time.Second)
		c.flushAll()
		e.born, e.requests, e.retries, e.waiting = c.clock.Now(), 0, 0, 0
		c.did("%s restarts", e.key.Node)
		c.flushAll() // it is heard before it is as old, and has counted as much, as the last
	case 1: // the cluster goes, and another comes
		c.flushAll()
		e.requests, e.retries, e.waiting = 0, 0, 0
		c.did("%s has a new cluster", e.key.Node)
		c.flushAll() // it is there for longer than a flush before it has more requests than the old
	case 2: // a proxy comes
		c.names++
		c.envoys = append(c.envoys, &envoy{key: demand.Proxy{Gateway: gatewayKey, Node: fmt.Sprint("e", c.names)}, born: c.clock.Now()})
	case 3: // a replica goes
		if len(c.replicas) > 1 {
			gone := c.replicas[1+c.random.IntN(len(c.replicas)-1)]
			c.did("%s dies", gone.name)
			c.dies(gone)
			for _, e := range c.envoys {
				if e.at == gone {
					e.at = nil
				}
			}
		}
	case 4: // a replica comes
		if len(c.replicas) < 4 {
			c.names++
			c.replica(fmt.Sprint("r", c.names), trigger())
			c.did("r%d comes", c.names)
		}
	case 5: // time goes by
		c.flushAll()
		c.clock.Step(time.Duration(c.random.IntN(100)) * time.Second)
		for _, r := range c.replicas {
			r.Tidy()
		}
		c.did("time goes by")
	}
}

// In any order of reports, restarts, moves, broken streams, replicas that come and go
// and messages between them: what was sent is counted, once, by every replica that was there
// from the start. Baselines: the proxies begin after the replicas, and a process that ends
// was heard everywhere before.
func TestNothingLostNothingTwice(t *testing.T) {
	rounds := 150
	if testing.Short() {
		rounds = 30
	}
	for seed := range uint64(rounds) {
		c := &chaos{world: newWorld(t), random: rand.New(rand.NewPCG(seed, 1))}
		first, second := c.replica("a", trigger()), c.replica("b", trigger())
		c.clock.Step(time.Minute)
		for i := range 3 {
			c.envoys = append(c.envoys, &envoy{key: demand.Proxy{Gateway: gatewayKey, Node: fmt.Sprint("p", i)}, born: c.clock.Now()})
		}
		for range 300 {
			c.act()
		}
		c.flushAll()
		sent := uint64(0)
		for _, e := range c.envoys {
			sent += e.arrived
		}
		for _, r := range c.replicas {
			counted := r.Counted(webKey.String())
			there := r == first || r == second
			if counted > sent || there && counted != sent {
				for _, line := range c.log {
					t.Log(line)
				}
				t.Fatalf("seed %d: %s counted %d of %d", seed, r.name, counted, sent)
			}
			if !there {
				continue // it may know too little to say anything
			}
			if reading := r.read(); reading.InFlight != c.inFlight() {
				t.Fatalf("seed %d: %s reads %d in flight, not %d", seed, r.name, reading.InFlight, c.inFlight())
			}
		}
	}
}

func (c *chaos) inFlight() (n uint64) {
	for _, e := range c.envoys {
		n += e.requests % 3
	}
	return n
}
