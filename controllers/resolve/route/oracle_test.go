package route

import (
	"cmp"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/xds/ir/lookup"
)

// TestTablesEqualOracle compares the tables that Host and Wildcards build with an oracle that
// reads Gateway API as it is written: one flat list of all rules of the listener that owns
// the request, the best one wins.
func TestTablesEqualOracle(t *testing.T) {
	const worlds, requests = 400, 60
	answers := map[string]int{}
	for seed := int64(0); seed < worlds; seed++ {
		random := rand.New(rand.NewSource(seed))
		gateway, routes := randomGateway(random), []*gwv1.HTTPRoute(nil)
		for i := range 1 + random.Intn(6) {
			routes = append(routes, randomRoute(random, i, gateway))
		}
		proxy := proxyOf(t, gateway, routes...)
		for range requests {
			request := randomRequest(random)
			got, want := proxy.serve(request), oracle(gateway, routes, request)
			if got != want {
				t.Fatalf("seed %d, %s: the tables say %s, the oracle %s", seed, request, got, want)
			}
			if strings.HasPrefix(got, "s") {
				got = "backend"
			}
			answers[got]++
		}
	}
	for _, kind := range []string{"backend", "404", "421"} {
		if answers[kind] < 500 {
			t.Errorf("only %d requests of %v were answered %s: the test shows little", answers[kind], answers, kind)
		}
	}
}

var (
	testHostnames = []string{"", "*.x", "*.a.x", "*.b.a.x", "a.x", "b.x", "b.a.x", "c.b.a.x", "y", "*.y"}
	testHosts     = []string{"x", "a.x", "b.x", "c.x", "b.a.x", "c.a.x", "c.b.a.x", "d.b.a.x", "e.d.b.a.x", "y", "z.y", "z"}
)

func pick[T any](random *rand.Rand, values ...T) T { return values[random.Intn(len(values))] }

func randomGateway(random *rand.Rand) resolve.GatewayResult {
	var listeners []string
	for _, port := range []int{80, 443} {
		for _, at := range random.Perm(len(testHostnames))[:1+random.Intn(5)] {
			hostname := testHostnames[at]
			if hostname == "" {
				hostname = "-"
			}
			listeners = append(listeners, fmt.Sprintf("l%d %d %s", len(listeners), port, hostname))
		}
	}
	return builtGateway(listeners...)
}

// randomRoute is attached to some listeners, or to all. Its Services are "s<route>-<rule>".
func randomRoute(random *rand.Rand, index int, gateway resolve.GatewayResult) *gwv1.HTTPRoute {
	route := simpleRoute(fmt.Sprintf("r%d", index), "", "", "/", "unused")
	route.CreationTimestamp = metav1.NewTime(time.Unix(int64(1000+random.Intn(2)), 0))
	route.Spec.ParentRefs[0].SectionName = nil
	if random.Intn(3) > 0 {
		section := gwv1.SectionName(pick(random, gateway.Listeners...).ID.Name)
		route.Spec.ParentRefs[0].SectionName = &section
	}
	for range random.Intn(4) {
		if hostname := pick(random, testHostnames...); hostname != "" {
			route.Spec.Hostnames = append(route.Spec.Hostnames, gwv1.Hostname(hostname))
		}
	}
	port := gwv1.PortNumber(80)
	route.Spec.Rules = nil
	for rule := range 1 + random.Intn(3) {
		spec := gwv1.HTTPRouteRule{BackendRefs: []gwv1.HTTPBackendRef{{BackendRef: gwv1.BackendRef{
			BackendObjectReference: gwv1.BackendObjectReference{Name: gwv1.ObjectName(fmt.Sprintf("s%d-%d", index, rule)), Port: &port},
		}}}}
		for range random.Intn(3) {
			spec.Matches = append(spec.Matches, randomMatch(random))
		}
		route.Spec.Rules = append(route.Spec.Rules, spec)
	}
	return route
}

func randomMatch(random *rand.Rand) (m gwv1.HTTPRouteMatch) {
	if kind := pick(random, "", "Exact", "PathPrefix", "PathPrefix", "RegularExpression"); kind != "" {
		pathType := gwv1.PathMatchType(kind)
		value := pick(random, "/", "/a", "/a/", "/a/b", "/ab")
		if kind == "RegularExpression" {
			value = pick(random, "/a.*", "/a/[a-z]+", "/.")
		}
		m.Path = &gwv1.HTTPPathMatch{Type: &pathType, Value: &value}
	}
	if method := pick(random, "", "", "GET", "POST"); method != "" {
		httpMethod := gwv1.HTTPMethod(method)
		m.Method = &httpMethod
	}
	for _, name := range []string{"H1", "h2", "h1"}[:random.Intn(4)] {
		m.Headers = append(m.Headers, gwv1.HTTPHeaderMatch{Name: gwv1.HTTPHeaderName(name), Value: pick(random, "1", "2")})
	}
	for _, name := range []string{"q", "p"}[:random.Intn(3)] {
		m.QueryParams = append(m.QueryParams, gwv1.HTTPQueryParamMatch{Name: gwv1.HTTPHeaderName(name), Value: "1"})
	}
	return m
}

func randomRequest(random *rand.Rand) testRequest {
	r := testRequest{
		port: pick(random, uint32(80), 443), host: pick(random, testHosts...), method: pick(random, "GET", "POST", "PUT"),
		path:    pick(random, "/", "/a", "/a/", "/a/b", "/a/b/c", "/ab", "/z"),
		headers: map[string]string{}, params: map[string]string{},
	}
	r.sni = r.host
	if random.Intn(3) == 0 {
		r.sni = pick(random, testHosts...)
	}
	for _, name := range []string{"h1", "h2"} {
		if value := pick(random, "", "1", "2"); value != "" {
			r.headers[name] = value
		}
	}
	for _, name := range []string{"q", "p"} {
		if random.Intn(2) == 0 {
			r.params[name] = "1"
		}
	}
	return r
}

// candidate is a match that takes a request, with what the API compares, most telling first.
type candidate struct {
	service string
	rank    []int
	route   *gwv1.HTTPRoute
}

// oracle answers a request from the objects alone.
func oracle(gateway resolve.GatewayResult, routes []*gwv1.HTTPRoute, r testRequest) string {
	connection := mostSpecific(gateway, r.port, r.sni)
	owner := mostSpecific(gateway, r.port, r.host)
	switch {
	case r.port == 443 && connection == nil:
		return "refused"
	case owner == nil:
		return "404"
	case r.port == 443 && owner != connection:
		return "421"
	}
	var found []candidate
	for _, route := range routes {
		section := route.Spec.ParentRefs[0].SectionName
		if section != nil && string(*section) != owner.ID.Name {
			continue
		}
		hostname, own, ok := bestHostname(route, owner.Hostname, r.host)
		if !ok {
			continue
		}
		for i, rule := range route.Spec.Rules {
			for j, match := range append([]gwv1.HTTPRouteMatch(nil), orDefault(rule.Matches)...) {
				if rank, ok := Takes(match, r); ok {
					rank = slices.Concat(specific(hostname), specific(own), rank)
					rank = append(rank, -int(route.CreationTimestamp.Unix()))
					found = append(found, candidate{service: string(rule.BackendRefs[0].Name), route: route,
						rank: append(rank, 0, -i, -j)})
				}
			}
		}
	}
	if len(found) == 0 {
		return "404"
	}
	slices.SortStableFunc(found, func(a, b candidate) int {
		tie := len(a.rank) - 3 // before it the API's criteria and the age, after it the position
		return cmp.Or(-slices.Compare(a.rank[:tie], b.rank[:tie]), cmp.Compare(a.route.Name, b.route.Name),
			-slices.Compare(a.rank[tie:], b.rank[tie:]))
	})
	return found[0].service
}

// specific is how specific a hostname is: exact, then its characters.
func specific(hostname string) []int {
	if hostname != "" && !strings.HasPrefix(hostname, "*") {
		return []int{1, len(hostname)}
	}
	return []int{0, len(hostname)}
}

func orDefault(matches []gwv1.HTTPRouteMatch) []gwv1.HTTPRouteMatch {
	if len(matches) == 0 {
		return []gwv1.HTTPRouteMatch{{}}
	}
	return matches
}

// mostSpecific finds the listener of a port for a name: exact, then longest wildcard, then
// the one without hostname.
func mostSpecific(gateway resolve.GatewayResult, port uint32, name string) *resolve.Listener {
	var best *resolve.Listener
	for i := range gateway.Listeners {
		l := &gateway.Listeners[i]
		if l.Port == port && lookup.DomainTakes(l.Hostname, name) && (best == nil || lookup.DomainBeats(l.Hostname, best.Hostname)) {
			best = l
		}
	}
	return best
}

// bestHostname returns the most specific name under which the route serves the host on the
// listener, within the hostname of the listener, and the route's own hostname behind it.
func bestHostname(route *gwv1.HTTPRoute, listener, host string) (best, own string, found bool) {
	if len(route.Spec.Hostnames) == 0 {
		return listener, "", true
	}
	for _, hostname := range route.Spec.Hostnames {
		if !lookup.DomainTakes(string(hostname), host) {
			continue
		}
		if !found || lookup.DomainBeats(string(hostname), own) {
			best, own, found = string(hostname), string(hostname), true
		}
		if lookup.DomainBeats(listener, best) {
			best = listener // both take the host, so one lies within the other
		}
	}
	return best, own, found
}

// Takes reports whether the match takes the request, and its rank: exact path, expression,
// length of the prefix, method, headers, query parameters.
func Takes(m gwv1.HTTPRouteMatch, r testRequest) (rank []int, ok bool) {
	kind, value := gwv1.PathMatchPathPrefix, "/"
	if m.Path != nil {
		kind, value = *m.Path.Type, *m.Path.Value
	}
	switch kind {
	case gwv1.PathMatchExact:
		rank, ok = []int{2, len(value)}, r.path == value
	case gwv1.PathMatchRegularExpression:
		rank = []int{1, len(value)}
		switch value {
		case "/a.*":
			ok = strings.HasPrefix(r.path, "/a")
		case "/a/[a-z]+":
			ok = r.path == "/a/b"
		case "/.":
			ok = len(r.path) == 2
		}
	default:
		value = strings.TrimSuffix(value, "/")
		rank = []int{0, len(value)}
		ok = strings.HasPrefix(r.path+"/", value+"/")
	}
	rank = append(rank, 0)
	if m.Method != nil {
		rank[2] = 1
		ok = ok && string(*m.Method) == r.method
	}
	seen := map[string]bool{}
	for _, header := range m.Headers {
		if name := strings.ToLower(string(header.Name)); !seen[name] {
			seen[name] = true
			ok = ok && r.headers[name] == header.Value
		}
	}
	rank = append(rank, len(seen), len(m.QueryParams))
	for _, param := range m.QueryParams {
		ok = ok && r.params[string(param.Name)] == param.Value
	}
	return rank, ok
}
