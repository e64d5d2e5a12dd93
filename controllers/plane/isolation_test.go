package plane_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
)

const (
	// badRules has a good rule, one whose headers the proxy of the tests refuses, and one whose match it refuses.
	badRules = `  - {name: good, matches: [{path: {value: /good}}], backendRefs: [{name: a, port: 80}]}
  - name: filter
    matches: [{path: {value: /f1}}, {path: {value: /f2}}]
    filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-a, value: POISON}]}}]
    backendRefs: [{name: a, port: 80}]
  - {name: match, matches: [{path: {value: /POISON}}], backendRefs: [{name: a, port: 80}]}`
	fixedRules = `  - {name: good, matches: [{path: {value: /good}}], backendRefs: [{name: a, port: 80}]}`
)

// refusePoison is a proxy that refuses every table with the word, and names nothing.
func refusePoison(key resource.Key, body []byte) string {
	if key.Type == resource.Route && bytes.Contains(body, []byte("POISON")) {
		return "missing ]: ["
	}
	return ""
}

// TestG2RefusedRule: of the routes of one hostname, exact or wildcard, only the rules that the proxy refuses are withheld. Their
// route says which and why; other routes say nothing and go on to change; a new replica and a new proxy find the same; and what
// is mended is served.
func TestG2RefusedRule(t *testing.T) {
	for name, hosts := range map[string][3]string{ // of the offender, of its neighbour, and the table
		"exact":           {"shared.example.com", "shared.example.com", "80/shared.example.com"},
		"wildcard":        {"*.example.com", "*.example.com", "80/*"},
		"other wildcards": {"*.example.com", "*.example.org", "80/*"},
	} {
		t.Run(name, func(t *testing.T) {
			table := hosts[2]
			c := newCluster(t, gatewayYAML, serviceYAML("a", "10.0.0.1"), routeYAML("neighbour", hosts[1], toA))
			one, two := c.leader("127.0.0.1"), c.replica("127.0.0.2")
			proxy := two.proxy(gatewayKey, deltatest.Options{Node: "first", Reject: refusePoison})
			c.Eventually(version(proxy, resource.Route, table)).ShouldNot(BeEmpty())
			before := version(proxy, resource.Route, table)()

			c.set(routeYAML("bad", hosts[0], badRules))
			bad, neighbour := routeNamed("bad"), routeNamed("neighbour")
			c.Eventually(c.condition(bad, programmed)).Should(Equal("False/RejectedByProxy"))
			c.Eventually(func() string { return c.find(bad, programmed).Message }).Should(And(
				ContainSubstring(`answered 500: rule "filter": missing ]`), ContainSubstring(`left out: rule "match": missing ]`),
				Not(ContainSubstring("good")), Not(ContainSubstring("had before"))))
			c.Expect(c.condition(bad, "Accepted")()).To(Equal("True/Accepted"))
			c.Expect(c.condition(bad, "PartiallyInvalid")()).To(Equal("True/RejectedByProxy"))
			c.Expect(c.condition(neighbour, programmed)()).To(Equal("absent"))
			isolated := version(proxy, resource.Route, table)()
			c.Expect(isolated).NotTo(Equal(before), "the good rule is served")
			c.Eventually(func() []string { return trialsOf(proxy) }).Should(BeEmpty())

			// The other replica, whose proxies did not refuse anything, withholds the same.
			other := one.proxy(gatewayKey, deltatest.Options{Node: "second", Reject: func(key resource.Key, body []byte) string {
				reason := refusePoison(key, body)
				if reason != "" {
					c.t.Errorf("the replica did not know, and sent %s", key.Name)
				}
				return reason
			}})
			c.Eventually(version(other, resource.Route, table)).Should(Equal(isolated))

			// Others go on to change.
			c.set(routeYAML("neighbour", hosts[1], "  - {matches: [{path: {value: /edited}}], backendRefs: [{name: a, port: 80}]}"))
			c.Eventually(version(proxy, resource.Route, table)).ShouldNot(Equal(isolated))
			edited := version(proxy, resource.Route, table)()
			c.Eventually(version(other, resource.Route, table)).Should(Equal(edited))

			// New replicas know nothing. A proxy that comes to one keeps what it has, and a new one gets it.
			two.stop()
			one.stop()
			proxy.Disconnect()
			other.Disconnect()
			three := c.leader("127.0.0.3")
			proxy.Redial(three.dial)
			proxy.Connect()
			fresh := three.proxy(gatewayKey, deltatest.Options{Node: "third", Reject: refusePoison})
			c.Eventually(version(fresh, resource.Route, table)).Should(Equal(edited))
			c.Expect(version(proxy, resource.Route, table)()).To(Equal(edited))
			c.Eventually(c.condition(bad, programmed)).Should(Equal("False/RejectedByProxy"))
			c.Expect(c.condition(neighbour, programmed)()).To(Equal("absent"))

			c.set(routeYAML("bad", hosts[0], fixedRules))
			c.Eventually(c.condition(bad, programmed)).Should(Equal("absent"))
			c.Expect(c.condition(bad, "PartiallyInvalid")()).To(Equal("absent"))
			for _, p := range []*deltatest.Proxy{proxy, fresh} {
				c.Eventually(version(p, resource.Route, table)).ShouldNot(Equal(edited))
				c.Expect(p.Violations()).To(BeEmpty(), "requests would have failed")
			}
		})
	}
}

// TestRestartTriesSuspectsFirst: a new replica finds a rule that a status calls refused with as few trials as when the rule was
// new among rules that were known to be good. Until it has, the status says what it said.
func TestRestartTriesSuspectsFirst(t *testing.T) {
	texts := []string{gatewayYAML, serviceYAML("a", "10.0.0.1")}
	for i := range 8 {
		var rules []string
		for j := range 16 {
			rules = append(rules, fmt.Sprintf("  - {matches: [{path: {value: /n%d/%d}}], backendRefs: [{name: a, port: 80}]}", i, j))
		}
		texts = append(texts, routeYAML(fmt.Sprint("neighbour-", i), "*.example.com", strings.Join(rules, "\n")))
	}
	c := newCluster(t, texts...)
	one := c.leader("127.0.0.1")
	var mu sync.Mutex
	trials := map[string]bool{}
	count := func(key resource.Key, body []byte) string {
		if mu.Lock(); strings.HasPrefix(key.Name, resource.TrialPrefix) && key.Type == resource.Route {
			trials[key.Name] = true
		}
		mu.Unlock()
		return refusePoison(key, body)
	}
	counted := func() (n int) {
		mu.Lock()
		defer mu.Unlock()
		n = len(trials)
		clear(trials)
		return n
	}
	proxy := one.proxy(gatewayKey, deltatest.Options{Node: "first", Reject: count})
	c.Eventually(version(proxy, resource.Route, "80/*")).ShouldNot(BeEmpty())
	c.set(routeYAML("bad", "*.example.com", badRules))
	bad := routeNamed("bad")
	c.Eventually(c.condition(bad, programmed)).Should(Equal("False/RejectedByProxy"))
	isolated := version(proxy, resource.Route, "80/*")()
	asNew := counted()

	one.stop()
	proxy.Disconnect()
	two := c.leader("127.0.0.2")
	c.set(routeYAML("later", "later.example.com", "  - {backendRefs: [{name: a, port: 80}]}"))
	c.Eventually(c.condition(routeNamed("later"), "Accepted")).Should(Equal("True/Accepted"), "statuses of the new replica")
	c.Expect(c.condition(bad, programmed)()).To(Equal("False/RejectedByProxy"), "the status of the predecessor")
	proxy.Redial(two.dial)
	proxy.Connect()
	c.Eventually(func() bool { return two.dump(gatewayKey).Synced }).Should(BeTrue(), "the proxy has everything but the rule")
	c.Eventually(c.condition(bad, programmed)).Should(Equal("False/RejectedByProxy"))
	c.Expect(version(proxy, resource.Route, "80/*")()).To(Equal(isolated))
	if n := counted(); n == 0 || n > asNew+2 { // without the statuses 69
		t.Errorf("%d trials after a restart, %d when the rules were new", n, asNew)
	}

	// A route that was edited is a suspect no more: what is found is what the proxy refuses now.
	two.stop()
	proxy.Disconnect()
	c.set(routeYAML("bad", "*.example.com", strings.Replace(badRules, "value: POISON", "value: good", 1)))
	three := c.leader("127.0.0.3")
	proxy.Redial(three.dial)
	proxy.Connect()
	c.Eventually(func() string {
		found := c.find(bad, programmed)
		if found == nil {
			return ""
		}
		return found.Message
	}).Should(And(ContainSubstring(`left out: rule "match"`), Not(ContainSubstring(`"filter"`))))
	c.Expect(proxy.Violations()).To(BeEmpty(), "requests would have failed")
}

// trialsOf are the trials that a proxy has.
func trialsOf(proxy *deltatest.Proxy) (names []string) {
	for name := range proxy.Versions(resource.Route) {
		if len(name) > len(resource.TrialPrefix) && name[:len(resource.TrialPrefix)] == resource.TrialPrefix {
			names = append(names, name)
		}
	}
	return names
}
