package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
	"github.com/kedify/inference-gateway/test/e2e/internal/load"
)

const edits = 500

// TestEditUnderTraffic edits a route 500 times while requests run through it: rules are
// reordered, reweighted, given other backends, added and deleted; other routes of the same host
// come and go. No request may fail. Every edit carries its number in a response header, and the
// next one begins when traffic shows it, so no edit can be lost unseen.
func TestEditUnderTraffic(t *testing.T) {
	c := cluster.Connect(t)
	namespace := c.Namespace(t)
	c.Apply(t, namespace, gatewayYAML)
	for _, name := range []string{"a", "b", "c"} {
		c.Apply(t, namespace, render(t, echoYAML, echo{Name: name, Replicas: 1}))
	}
	c.DeploymentsReady(t, namespace)
	address := c.GatewayReady(t, namespace, "web")
	route := newEdited(namespace)
	if err := c.Create(t.Context(), route.object()); err != nil {
		t.Fatal(err)
	}
	c.RouteHas(t, namespace, route.name, cluster.Accepted, cluster.ResolvedRefs)

	var seen atomic.Int64
	wait := func(n int) time.Duration {
		begun := time.Now()
		cluster.Eventually(t, 15*time.Second, func() error {
			if seen.Load() >= int64(n) {
				return nil
			}
			return fmt.Errorf("edit %d is not in the traffic, %d is", n, seen.Load())
		})
		return time.Since(begun)
	}
	observe := func(response *http.Response, _ []byte) {
		if n, err := strconv.ParseInt(response.Header.Get("x-edit"), 10, 64); err == nil {
			for old := seen.Load(); n > old && !seen.CompareAndSwap(old, n); old = seen.Load() {
			}
		}
	}
	probe(t, address, "edit.example.com", "/")
	traffic := load.Start(t, load.Options{
		Address: address + ":80", Workers: 8, Pause: time.Millisecond, Observe: observe,
		Requests: []load.Request{
			{Host: "edit.example.com", Path: "/"},
			{Host: "edit.example.com", Path: "/one"},
			{Host: "edit.example.com", Path: "/two/deep", Method: http.MethodPost, Body: "some body"},
			{Host: "edit.example.com", Path: "/", Header: map[string]string{"x-pick": "me"}},
		},
	})
	var slowest time.Duration
	for n := 1; n <= edits; n++ {
		route.edit(n)
		live := &gwv1.HTTPRoute{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: route.name}}
		cluster.Edit(t, c, live, func(r *gwv1.HTTPRoute) { r.Spec = route.object().Spec })
		if n%10 == 0 {
			sibling(t, c, namespace, n)
		}
		slowest = max(slowest, wait(n))
	}
	t.Logf("%d edits, the slowest was in the traffic after %s", edits, slowest.Round(time.Millisecond))
	traffic.MustBeClean(t, 2*edits)
}

// sibling adds and deletes other routes of the same host in turn.
func sibling(t *testing.T, c *cluster.Cluster, namespace string, n int) {
	t.Helper()
	if n%20 != 0 {
		other := newEdited(namespace)
		other.name, other.rules = "sibling", other.rules[1:2]
		other.rules[0].path = "/sibling"
		if err := c.Create(t.Context(), other.object()); err != nil {
			t.Fatal(err)
		}
		return
	}
	if err := c.Delete(t.Context(), &gwv1.HTTPRoute{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "sibling"}}); err != nil {
		t.Fatal(err)
	}
}

// edited is a route as the test wants it at some moment.
type edited struct {
	namespace, name string
	number          int
	rules           []editedRule
}

type editedRule struct {
	path, header string
	backends     []string
	weights      []int32
}

func newEdited(namespace string) *edited {
	return &edited{namespace: namespace, name: "edited", rules: []editedRule{
		{path: "/one", backends: []string{"a"}, weights: []int32{1}},
		{path: "/two", backends: []string{"b", "c"}, weights: []int32{50, 50}},
		{path: "/", header: "me", backends: []string{"c"}, weights: []int32{1}},
		{path: "/", backends: []string{"a", "b"}, weights: []int32{90, 10}},
	}}
}

// edit makes the next change. The kinds of change take turns.
func (e *edited) edit(n int) {
	e.number = n
	pool := []string{"a", "b", "c"}
	switch n % 5 {
	case 0: // reorder
		slices.Reverse(e.rules)
	case 1: // reweight, down to zero for one of two
		for i := range e.rules {
			for j := range e.rules[i].weights {
				e.rules[i].weights[j] = int32((n + i + j) % 100)
			}
			e.rules[i].weights[0]++
		}
	case 2: // other backends
		for i := range e.rules {
			for j := range e.rules[i].backends {
				e.rules[i].backends[j] = pool[(n+i+j)%len(pool)]
			}
		}
	case 3: // one rule more
		e.rules = append([]editedRule{{path: "/extra/" + strconv.Itoa(n), backends: []string{pool[n%len(pool)]}, weights: []int32{1}}},
			e.rules...)
	case 4: // the same one less
		e.rules = slices.DeleteFunc(e.rules, func(r editedRule) bool { return r.path == "/extra/"+strconv.Itoa(n-1) })
	}
}

func (e *edited) object() *gwv1.HTTPRoute {
	route := &gwv1.HTTPRoute{ObjectMeta: metav1.ObjectMeta{Namespace: e.namespace, Name: e.name}}
	route.Spec.ParentRefs = []gwv1.ParentReference{{Name: "web"}}
	route.Spec.Hostnames = []gwv1.Hostname{"edit.example.com"}
	for _, rule := range e.rules {
		route.Spec.Rules = append(route.Spec.Rules, rule.object(e.number))
	}
	return route
}

func (r editedRule) object(number int) gwv1.HTTPRouteRule {
	prefix := gwv1.PathMatchPathPrefix
	match := gwv1.HTTPRouteMatch{Path: &gwv1.HTTPPathMatch{Type: &prefix, Value: &r.path}}
	if r.header != "" {
		match.Headers = []gwv1.HTTPHeaderMatch{{Name: "x-pick", Value: r.header}}
	}
	rule := gwv1.HTTPRouteRule{
		Matches: []gwv1.HTTPRouteMatch{match},
		Filters: []gwv1.HTTPRouteFilter{{
			Type: gwv1.HTTPRouteFilterResponseHeaderModifier,
			ResponseHeaderModifier: &gwv1.HTTPHeaderFilter{
				Set: []gwv1.HTTPHeader{{Name: "x-edit", Value: strconv.Itoa(number)}},
			},
		}},
	}
	for i, name := range r.backends {
		port := gwv1.PortNumber(80)
		rule.BackendRefs = append(rule.BackendRefs, gwv1.HTTPBackendRef{BackendRef: gwv1.BackendRef{
			BackendObjectReference: gwv1.BackendObjectReference{Name: gwv1.ObjectName(name), Port: &port},
			Weight:                 &r.weights[i],
		}})
	}
	return rule
}
