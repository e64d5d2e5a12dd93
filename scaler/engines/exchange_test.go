package engines_test

import (
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kedify/inference-gateway/scaler/engines"
)

// together starts replicas that tell each other what they read.
func (n *network) together(names ...string) (all []*replica, ends map[string][]func(bool)) {
	ends = map[string][]func(bool){}
	for _, name := range names {
		all = append(all, n.replica(name))
	}
	for _, from := range all {
		for _, to := range all {
			if from != to {
				ends[from.name] = append(ends[from.name], n.tells(from, to))
			}
		}
	}
	synctest.Wait()
	return all, ends
}

// many Pods, of which number i says that i requests wait.
func (n *network) many(namespace string, count int) (pods []*pod, sum float64) {
	for i := range count {
		pods = append(pods, n.pod(namespace, fmt.Sprintf("p%03d", i), float64(i), 0.5))
		sum += float64(i)
	}
	return pods, sum
}

// Over all replicas each Pod is read once per interval, and each replica knows all.
func TestOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		pods, sum := n.many("app", 40)
		replicas, _ := n.together("one", "two", "three")
		for _, r := range replicas {
			r.Set(chat, podsOf(pods...))
		}
		time.Sleep(time.Second)
		for _, r := range replicas {
			r.knows(t, "after a second", sum, 0.5)
		}
		time.Sleep(3 * time.Second) // past the first, shorter pause
		for _, p := range pods {
			p.read()
		}
		for range 30 {
			time.Sleep(2 * time.Second)
			for _, r := range replicas {
				r.knows(t, "later", sum, 0.5)
			}
		}
		for _, p := range pods {
			if reads := p.read(); len(reads) < 28 || len(reads) > 31 { // in 60 s
				t.Errorf("Pod %s was read %d times by all replicas", p.name, len(reads))
			}
		}
	})
}

// The share of a replica that is gone moves to the others within an interval when its streams end, and after two when it is silent, and
// back. Meanwhile nothing is unknown or zero.
func TestReplicaGoes(t *testing.T) {
	for _, lost := range []bool{true, false} {
		t.Run(fmt.Sprintf("its streams end: %t", lost), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork(t)
				pods, sum := n.many("app", 20)
				replicas, ends := n.together("one", "two")
				one, two := replicas[0], replicas[1]
				for _, r := range replicas {
					r.Set(chat, podsOf(pods...))
				}
				time.Sleep(10 * time.Second)
				two.stop()
				for _, end := range ends["two"] {
					end(lost)
				}
				for _, p := range pods {
					p.read()
				}
				pause := 2200 * time.Millisecond
				if !lost {
					pause = 4200 * time.Millisecond
				}
				for range 20 {
					before := time.Now()
					time.Sleep(pause)
					one.knows(t, "without the other", sum, 0.5)
					for _, p := range pods {
						if reads := p.read(); len(reads) == 0 {
							t.Errorf("Pod %s was not read from %s on", p.name, before)
						}
					}
				}
			})
		})
	}
}

// A replica that comes takes its share, and one that knows no Pods yet leaves a hole of two intervals at most.
func TestReplicaComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		pods, sum := n.many("app", 20)
		one := n.replica("one")
		one.Set(chat, podsOf(pods...))
		time.Sleep(10 * time.Second)
		two := n.replica("two")
		n.tells(one, two)
		n.tells(two, one)
		for range 5 {
			time.Sleep(2 * time.Second)
			one.knows(t, "the other knows no Pods", sum, 0.5)
		}
		two.Set(chat, podsOf(pods...))
		two.knows(t, "at once, what the first has read", sum, 0.5)
		time.Sleep(10 * time.Second)
		for _, p := range pods {
			p.read()
		}
		time.Sleep(20 * time.Second)
		for _, p := range pods {
			if reads := p.read(); len(reads) < 8 || len(reads) > 11 {
				t.Errorf("Pod %s was read %d times", p.name, len(reads))
			}
		}
	})
}

// A replica of an older version follows and tells nothing of Pods: it has no share. One that has not heard of all triggers yet has none.
func TestNotAnnounced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		pods, sum := n.many("app", 20)
		one := n.replica("one")
		one.Set(chat, podsOf(pods...))
		follower := one.Follow() // of an older replica, or one that tells us nothing
		defer follower.Leave()
		if delta := follower.Take(); delta == nil || len(delta.Readings) > 0 {
			t.Errorf("the first word: %+v", delta)
		}
		fresh := engines.New(engines.Options{Replica: "fresh"})
		early := fresh.Follow()
		defer early.Leave()
		if delta := early.Take(); delta != nil {
			t.Errorf("the first word of a replica that knows no triggers: %+v", delta)
		}
		fresh.SetComplete()
		select {
		case <-early.Wake():
		default:
			t.Error("not woken")
		}
		if delta := early.Take(); delta == nil {
			t.Error("no word of a replica that knows all triggers")
		}
		time.Sleep(4 * time.Second)
		for _, p := range pods {
			p.read()
		}
		time.Sleep(20 * time.Second)
		one.knows(t, "alone", sum, 0.5)
		for _, p := range pods {
			if reads := p.read(); len(reads) < 9 || len(reads) > 11 {
				t.Errorf("Pod %s was read %d times", p.name, len(reads))
			}
		}
	})
}

// What another replica says of a Pod is a number or nothing.
func TestMerge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		p := n.pod("app", "a", 0, 0)
		p.refuse()
		r := n.replica("one")
		r.Set(chat, podsOf(p))
		target := "app-a " + p.address.String() + " /metrics auto"
		number := func(of float64) *float64 { return &of }
		for _, c := range []struct {
			name           string
			waiting, cache *float64
			known          bool
		}{
			{"two numbers", number(3), number(0.5), true},
			{"negative ones", number(-3), number(-0.5), false},
			{"none", nil, nil, false},
			{"one", number(3), nil, true},
			{"no numbers", number(math.Inf(1)), number(math.NaN()), false},
		} {
			time.Sleep(time.Minute)
			if _, err := r.Waiting(chat); err == nil {
				t.Fatalf("before %s: known", c.name)
			}
			r.Merge("two", engines.Delta{Readings: []engines.Reading{
				{Target: target, Engine: "vllm", Waiting: c.waiting, Cache: c.cache}, {Target: "no Pod", Waiting: number(1)},
			}})
			if waiting, err := r.Waiting(chat); (err == nil) != c.known || c.known && waiting != 3 {
				t.Errorf("%s: %v, %v", c.name, waiting, err)
			}
			r.Lost("two")
		}
		r.Merge("two", engines.Delta{Readings: []engines.Reading{{Target: target, Engine: "vllm", Waiting: number(3), Age: 60_000}}})
		if _, err := r.Waiting(chat); err == nil {
			t.Error("a number of a minute ago is known")
		}
		r.Merge("two", engines.Delta{Readings: []engines.Reading{{Target: target, Engine: "vllm", Waiting: number(3), Age: -60_000}}})
		time.Sleep(time.Minute)
		if _, err := r.Waiting(chat); err == nil {
			t.Error("a number of the future is known for longer")
		}
	})
}
