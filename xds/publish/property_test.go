package publish_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
)

// chaos changes a world at random and keeps what it should be in the end.
type chaos struct {
	*world
	rand     *rand.Rand
	desired  map[resource.Key]resource.Resource
	uses     map[string][]string // host -> clusters
	proxies  []*deltatest.Proxy
	nodes    []string     // of the proxies
	accepted *acceptances // of the control plane that runs
	born     int
}

// cursed is the only cluster that proxies refuse now and then. When no version of it was ever
// good, the routes that name it are sent without it.
const cursed = "c5"

// After any events in any order, at no moment would a request have failed for lack of a
// cluster, and in the end every proxy has exactly what is desired, except what it refuses.
func TestAnySequence(t *testing.T) {
	seeds := 60
	if testing.Short() {
		seeds = 10
	}
	fresh := uint64(time.Now().UnixNano())
	for i := range seeds {
		seed := uint64(i)
		if i%2 == 1 {
			seed = fresh + uint64(i)
		}
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) { runChaos(t, seed) })
	}
}

func runChaos(t *testing.T, seed uint64) {
	c := &chaos{
		world:   &world{t: t, clock: deltatest.NewClock()},
		rand:    rand.New(rand.NewPCG(seed, 1)),
		desired: map[resource.Key]resource.Resource{},
		uses:    map[string][]string{},
	}
	// Without a budget a route may never be early, however long a proxy is silent.
	c.options.WarmBudget = 1000 * time.Hour
	c.listen()
	c.publisher = c.newPublisher()
	c.accepted.ask(c.publisher)
	c.endpoint = deltatest.Serve(t, c.publisher)
	c.edit()
	c.ready()
	for range 2 {
		c.addProxy()
	}
	for range 60 {
		c.step()
		c.audit()
	}
	for _, p := range c.proxies {
		c.resumeAll(p)
		p.Reconnect()
	}
	c.atRest()
	c.checkAll(c.refusable, false)
	c.repair()
	c.atRest()
	c.checkAll(func(resource.Key) bool { return false }, true)
	wrong := ""
	c.eventually("every observer to know what the proxies accepted", func() bool {
		wrong = strings.Join(c.accepted.differences(c), "\n")
		return wrong == ""
	}, &wrong)
}

// audit fails at the step that went wrong.
func (c *chaos) audit() {
	c.t.Helper()
	wrong := c.publisher.Audit(gatewayKey)
	for _, p := range c.proxies {
		wrong = append(wrong, p.Violations()...)
	}
	if len(wrong) > 0 {
		c.t.Fatalf("%s\n%s", strings.Join(wrong, "\n"), c.publisher.Explain(gatewayKey))
	}
}

func (c *chaos) step() {
	switch n := c.rand.IntN(100); {
	case n < 50:
		c.edit()
	case n < 65:
		p := c.proxies[c.rand.IntN(len(c.proxies))]
		p.Pause(resource.Types[c.rand.IntN(len(resource.Types))])
	case n < 80:
		c.resumeAll(c.proxies[c.rand.IntN(len(c.proxies))])
	case n < 86:
		c.proxies[c.rand.IntN(len(c.proxies))].Reconnect()
	case n < 89:
		c.restartControlPlane()
	case n < 92:
		c.replaceProxy()
	case n < 96:
		c.heard()
		c.clock.Advance(publish.DefaultRemoveGrace / 2)
	default:
		for _, p := range c.proxies {
			c.resumeAll(p)
		}
		c.atRest()
	}
}

// edit makes one change the way an engine does: closed, and all in one.
func (c *chaos) edit() {
	var change resource.Change
	for _, n := range c.rand.Perm(8)[:1+c.rand.IntN(4)] {
		host := fmt.Sprintf("h%d", n)
		if c.rand.IntN(4) == 0 {
			delete(c.uses, host)
			change.Remove = append(change.Remove, key(resource.Scope, host), key(resource.Route, host))
			continue
		}
		c.uses[host] = nil
		for range c.rand.IntN(3) {
			c.uses[host] = append(c.uses[host], fmt.Sprintf("c%d", c.rand.IntN(6)))
		}
		named := c.uses[host]
		if c.rand.IntN(6) == 0 {
			named = append(slices.Clone(named), "bad")
		}
		change.Upsert = append(change.Upsert, deltatest.Scope(c.t, host), deltatest.Route(c.t, host, named...))
	}
	c.clusters(&change)
	if c.rand.IntN(5) == 0 {
		change.Upsert = append(change.Upsert, deltatest.Listener(c.t, "l", 80+uint32(c.rand.IntN(3))))
	}
	if _, ok := c.desired[key(resource.Listener, "l")]; !ok {
		change.Upsert = append(change.Upsert, deltatest.Listener(c.t, "l", 80))
	}
	c.change(change)
}

// clusters adds what routes need, changes some, and removes what nothing needs.
func (c *chaos) clusters(change *resource.Change) {
	for i := range 6 {
		name := fmt.Sprintf("c%d", i)
		used := false
		for _, clusters := range c.uses {
			used = used || slices.Contains(clusters, name)
		}
		_, exists := c.desired[key(resource.Cluster, name)]
		switch {
		case used && (!exists || c.rand.IntN(4) == 0):
			endpoints := name
			switch c.rand.IntN(12) {
			case 0:
				endpoints = "shared"
				change.Upsert = append(change.Upsert, deltatest.Endpoints(c.t, "shared", 1))
			case 1:
				if name == cursed {
					endpoints = "bad"
				}
			}
			change.Upsert = append(change.Upsert, deltatest.SharingCluster(c.t, name, endpoints, c.rand.IntN(3)))
			change.Upsert = append(change.Upsert, deltatest.Endpoints(c.t, name, 1+uint32(c.rand.IntN(5))))
		case used && c.rand.IntN(2) == 0:
			change.Upsert = append(change.Upsert, deltatest.Endpoints(c.t, name, 1+uint32(c.rand.IntN(5))))
		case !used && exists && c.rand.IntN(2) == 0:
			change.Remove = append(change.Remove, key(resource.Cluster, name), key(resource.Endpoint, name))
		}
	}
}

func (c *chaos) change(change resource.Change) {
	for _, gone := range change.Remove {
		delete(c.desired, gone)
	}
	for i := range change.Upsert {
		c.desired[change.Upsert[i].Key] = change.Upsert[i]
	}
	c.apply(change.Upsert, change.Remove...)
}

func (c *chaos) addProxy() {
	c.born++
	node := fmt.Sprintf("proxy-%d", c.born)
	p := c.proxy(deltatest.Options{Node: node, Reject: refuse, Missing: []string{"bad", cursed}})
	c.proxies, c.nodes = append(c.proxies, p), append(c.nodes, node)
}

func (c *chaos) replaceProxy() {
	i := c.rand.IntN(len(c.proxies))
	c.proxies[i].Disconnect()
	c.proxies, c.nodes = slices.Delete(c.proxies, i, i+1), slices.Delete(c.nodes, i, i+1)
	c.addProxy()
}

func (c *chaos) resumeAll(p *deltatest.Proxy) {
	for _, kind := range resource.Types {
		p.Resume(kind)
	}
}

// heard waits until what proxies said when they opened their streams has arrived. They say it in
// one breath; a clock that is moved by hand must not put the grace of a removal in between.
func (c *chaos) heard() {
	c.t.Helper()
	for i, p := range c.proxies {
		c.eventually("the first words of "+c.nodes[i], func() bool {
			return c.publisher.Heard(gatewayKey, c.nodes[i]) >= p.Opened()
		})
	}
}

// listen has the next publisher report acceptances, and those of the one before ignored: what it
// has to say of the ends of its streams may come after the first words of the next.
func (c *chaos) listen() {
	c.accepted = newAcceptances()
	c.options.OnAccepted = c.accepted.take
}

func (c *chaos) restartControlPlane() {
	c.listen()
	c.restart()
	c.accepted.ask(c.publisher)
	var all []resource.Resource
	for _, r := range c.desired {
		all = append(all, r)
	}
	half := c.rand.IntN(len(all))
	c.apply(all[:half])
	for _, p := range c.proxies {
		p.Disconnect()
		p.Redial(c.endpoint.Dial)
		p.Connect()
	}
	c.apply(all[half:])
	c.ready()
}

// refusable reports whether what is desired under a key is refused by the proxies.
func (c *chaos) refusable(k resource.Key) bool {
	return refuse(k, c.desired[k].Body) != ""
}

// repair replaces everything that proxies refuse.
func (c *chaos) repair() {
	var change resource.Change
	for k := range c.desired {
		if !c.refusable(k) {
			continue
		}
		switch k.Type {
		case resource.Route:
			change.Upsert = append(change.Upsert, deltatest.Route(c.t, k.Name, c.uses[k.Name]...))
		case resource.Cluster:
			change.Upsert = append(change.Upsert, deltatest.Cluster(c.t, k.Name, 1))
		default:
			c.t.Fatalf("%s %s is refused", k.Type, k.Name)
		}
	}
	c.change(change)
}

// checkAll compares every proxy with what is desired.
func (c *chaos) checkAll(excused func(resource.Key) bool, exact bool) {
	c.t.Helper()
	for _, p := range c.proxies {
		last := ""
		c.eventually("the proxy has what is desired", func() bool {
			if exact {
				c.clock.Advance(publish.DefaultRemoveGrace / 10)
			}
			last = c.difference(p, excused, exact)
			return last == ""
		}, &last)
	}
}

func (c *chaos) difference(p *deltatest.Proxy, excused func(resource.Key) bool, exact bool) string {
	var found []string
	for _, kind := range []resource.Type{resource.Cluster, resource.Listener, resource.Scope, resource.Route, resource.Endpoint} {
		has := p.Versions(kind)
		for k, want := range c.desired {
			if k.Type != kind || excused(k) || kind == resource.Endpoint && !c.watched(k.Name) {
				continue
			}
			if has[k.Name] != want.Version {
				found = append(found, fmt.Sprintf("%s %s is %q, not %q", kind, k.Name, has[k.Name], want.Version))
			}
		}
		for name := range has {
			if _, wanted := c.desired[key(kind, name)]; !wanted && exact {
				found = append(found, fmt.Sprintf("%s %s should be gone", kind, name))
			}
		}
	}
	return strings.Join(found, "\n")
}

// watched reports whether a cluster without a refused version uses endpoints of a name.
func (c *chaos) watched(endpoints string) bool {
	own, ok := c.desired[key(resource.Cluster, endpoints)]
	return ok && own.Version == deltatest.SharingCluster(c.t, endpoints, endpoints, 0).Version
}
