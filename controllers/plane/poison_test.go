package plane_test

import (
	"flag"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/xds/stage"
)

var longPoison = flag.Bool("long", false, "try every poison, among 1,000 good routes")

// poisonBound is how much longer than an edit without poison it may take until the offender is named, and until what was mended is
// served. What an edit takes says how busy the machine is: a second on a machine that compiles beside, 50 ms on an idle one.
const poisonBound = time.Second

// offender is one poisonous route.
type offender struct {
	kind  string
	index int // decides its host
	rules string
	// named: the status says so in time; healed likewise.
	named, healed time.Duration
	faults        []string
}

func (o *offender) name() string { return fmt.Sprint("offender-", o.index) }

func (o *offender) fault(format string, values ...any) {
	o.faults = append(o.faults, fmt.Sprintf(format, values...))
}

// path that a mended offender serves.
func (o *offender) path() string { return fmt.Sprint("/offender/", o.index) }

func (o *offender) mended() string {
	return fmt.Sprintf("  - {name: mended, matches: [{path: {value: %s}}], backendRefs: [{name: a, port: 80}]}", o.path())
}

// offenders are all kinds that Envoy refuses, and what the checks of the product know.
func offenders(kinds []string) (all []*offender) {
	for _, kind := range kinds {
		all = append(all, &offender{kind: kind, index: len(all)})
		last := all[len(all)-1]
		last.rules = fmt.Sprintf("  - {name: %q, matches: [{path: {value: %s}}], backendRefs: [{name: a, port: 80}]}",
			poisonMark+kind, last.path())
	}
	to := "backendRefs: [{name: a, port: 80}]}"
	for i, text := range badExpressions {
		for place, match := range map[string]string{
			"path":   "path: {type: RegularExpression, value: %q}",
			"header": "headers: [{type: RegularExpression, name: x, value: %q}]",
			"query":  "queryParams: [{type: RegularExpression, name: x, value: %q}]",
		} {
			all = append(all, &offender{
				kind: fmt.Sprint("known-", place, "-", i), index: len(all), rules: "  - {matches: [{" + fmt.Sprintf(match, text) + "}], " + to,
			})
		}
	}
	return all
}

// condemned reports whether the status of a route says that something of it is not in force.
func (s *site) condemned(o *offender) (bool, string) {
	route := routeNamed(o.name())
	if err := s.cluster.client.Get(s.t.Context(), client.ObjectKeyFromObject(route), route); err != nil {
		return false, ""
	}
	for _, parent := range route.Status.Parents {
		for _, c := range parent.Conditions {
			stale := c.ObservedGeneration != route.Generation
			bad := c.Type == "Accepted" && c.Status != "True" || c.Type == "PartiallyInvalid" && c.Status == "True" ||
				c.Type == programmed && c.Status == "False"
			if bad && !stale {
				return true, c.Message
			}
		}
	}
	return false, ""
}

// poll waits for a condition up to a bound and returns how long it took.
func poll(bound time.Duration, done func() bool) time.Duration {
	begun := time.Now()
	for !done() && time.Since(begun) < bound {
		time.Sleep(2 * time.Millisecond)
	}
	return time.Since(begun)
}

// TestR1PoisonIsIsolated: each poison hurts its own rule alone. Others are answered and go on to change, also through restarts of
// replica and Envoy; the offender is named within poisonBound, and served within it after it is mended.
func TestR1PoisonIsIsolated(t *testing.T) {
	kinds := kindsOfPoison()
	all := offenders(refusedKinds(t, kinds))
	good, hosts, group := 60, 6, 8
	if *longPoison {
		good, hosts, group = 1000, 20, 20
	} else {
		all = everyNth(all, 24)
	}
	s := newSite(t, good, hosts, kinds)
	edits := 0
	edit := func() time.Duration { edits++; return s.edit(edits*13%good, edits) }
	var without, with, restarted, restartedWith []time.Duration
	for range min(3*len(all), 100) {
		without = append(without, edit())
	}
	s.bound = poisonBound + percentile(without, .99)
	for range 1 + good/300 { // what a restart costs by itself: Envoy waits before it connects again
		s.restart()
		restarted = append(restarted, edit())
	}
	var named, healed []time.Duration
	for begin := 0; begin < len(all); begin += group {
		some := all[begin:min(begin+group, len(all))]
		s.poisonGroup(some, func() { with = append(with, edit()) }, func() { restartedWith = append(restartedWith, edit()) })
		for _, o := range some {
			named, healed = append(named, o.named), append(healed, o.healed)
		}
	}
	isolated := 0
	for _, o := range all {
		if len(o.faults) == 0 {
			isolated++
		} else {
			t.Errorf("%s: %s", o.kind, strings.Join(o.faults, "; "))
		}
	}
	for _, figure := range []struct {
		what   string
		values []time.Duration
	}{
		{"edits of others without poison", without}, {"edits of others with poison", with},
		{"edits of others right after a restart without poison", restarted},
		{"edits of others right after a restart with poison", restartedWith}, {"named", named}, {"healed", healed},
	} {
		t.Logf("%s: p50 %s, p99 %s, max %s", figure.what, percentile(figure.values, .5), percentile(figure.values, .99),
			percentile(figure.values, 1))
	}
	if *longPoison && percentile(with, .99) > 2*percentile(without, .99) {
		t.Errorf("the p99 of edits of others is more than twice that without poison")
	}
	fmt.Printf("isolated %d / %d\nbar: poison=%d isolated=%d\n", isolated, len(all), len(all), isolated)
}

func everyNth(all []*offender, count int) (some []*offender) {
	for i := range count {
		some = append(some, all[i*len(all)/count])
	}
	return some
}

// poisonGroup applies some offenders, restarts replica and Envoy while they are in force, and mends them.
func (s *site) poisonGroup(some []*offender, edit, editRestarted func()) {
	s.t.Helper()
	flow := s.traffic()
	for _, o := range some {
		host, _ := poisonHost(o.index, s.hosts)
		before := flow.failing.Load()
		s.set(routeYAML(o.name(), host, o.rules))
		o.named = poll(2*s.bound, func() bool { bad, _ := s.condemned(o); return bad })
		if o.named > s.bound {
			o.fault("not named within %s", o.named)
		}
		edit()
		if failed := flow.failing.Load() - before; failed > 0 {
			o.fault("%d requests of others failed: %s", failed, flow.examples[len(flow.examples)-1])
		}
	}
	all := func(format string, values ...any) {
		for _, o := range some {
			o.fault(format, values...)
		}
	}
	// A new replica, of which the live Envoy keeps what it has.
	before := flow.failing.Load()
	s.restart()
	editRestarted()
	for _, o := range some {
		if poll(5*s.bound, func() bool { bad, _ := s.condemned(o); return bad }) > 5*s.bound {
			o.fault("not named after a restart of the replica")
		}
	}
	if failed := flow.failing.Load() - before; failed > 0 {
		all("%d requests of others failed while the replica restarted: %s", failed, flow.examples[len(flow.examples)-1])
	}
	flow.stop()
	// A new Envoy loads all that is good.
	s.envoy.stop()
	s.startEnvoy()
	if served := s.served(); served != s.good {
		all("a fresh Envoy serves %d of %d good routes", served, s.good)
	}
	flow = s.traffic()
	defer flow.stop()
	for _, o := range some {
		host, _ := poisonHost(o.index, s.hosts)
		before := flow.failing.Load()
		s.set(routeYAML(o.name(), host, o.mended()))
		o.healed = poll(2*s.bound, func() bool {
			status, _ := s.ask(o.index, o.path())
			bad, _ := s.condemned(o)
			return status == http.StatusOK && !bad
		})
		if o.healed > s.bound {
			o.fault("not healed within %s", o.healed)
		}
		if failed := flow.failing.Load() - before; failed > 0 {
			o.fault("%d requests of others failed while it was mended: %s", failed, flow.examples[len(flow.examples)-1])
		}
	}
}

// restart replaces the replica.
func (s *site) restart() {
	s.t.Helper()
	s.leader.stop()
	s.leader = s.cluster.leader("127.0.0.1")
}

// before is plane.Deps.Before.
func (p *poisoner) before(next stage.Stage) stage.Stage {
	return &poisoner{Stage: next, kinds: p.kinds}
}
