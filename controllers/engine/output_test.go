package engine

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/google/go-cmp/cmp"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
)

// The tests that compare an incremental model with a full one cannot see what both leave out. What the output must
// be told is here.

// TestDataPlaneFollowsTheGateway: the data plane has the ports of the Gateway.
func TestDataPlaneFollowsTheGateway(t *testing.T) {
	f := newFailing(t)
	check := func(want ...uint32) {
		t.Helper()
		var got []uint32
		for _, port := range f.out.planes[failingGateway].Ports {
			got = append(got, port.Port)
		}
		if !slices.Equal(got, want) {
			t.Errorf("ports %v, want %v", got, want)
		}
	}
	check(80, 443, 5432)
	f.model.Set(store.Gateway, failingGatewayObject(2, 8080))
	f.model.Flush()
	check(443, 5432, 8080)
}

// TestRefusedRouteUsesNothing: the backends of a route that no listener takes are published to nobody.
func TestRefusedRouteUsesNothing(t *testing.T) {
	f := newFailing(t)
	before := f.published()
	route := crowdRoute(0, 1, "/")
	route.ObjectMeta = f.meta("refused")
	route.Spec.ParentRefs = []gwv1.ParentReference{{Name: "gw", SectionName: ptr.To(gwv1.SectionName("missing"))}}
	route.Spec.Rules[0].BackendRefs[0].Name = "s2"
	f.model.Set(store.HTTPRoute, route)
	f.model.Flush()
	if after := f.published(); len(after) != len(before) {
		t.Errorf("%d resources are published, %d before", len(after), len(before))
	}
	key := ir.ClusterKey{Kind: ir.BackendService, Namespace: "app", Name: "s2", Port: 80}
	if _, used := f.model.clusters.units[clusterKey{failingGateway, key}]; used {
		t.Error("the backend has a cluster")
	}
}

// attached returns how many routes the status says that each listener of the Gateway has.
func (f *failing) attachedRoutes() map[gwv1.SectionName]int32 {
	status := f.out.statuses[resolve.Object{Kind: store.Gateway, Key: failingGateway}].Value.(*gwv1.GatewayStatus)
	counts := map[gwv1.SectionName]int32{}
	for _, listener := range status.Listeners {
		counts[listener.Name] = listener.AttachedRoutes
	}
	return counts
}

// TestAttachedRoutes: a listener counts a route once, however many parents of the route lead to it.
func TestAttachedRoutes(t *testing.T) {
	f := newFailing(t)
	check := func(what string, http, https, tcp int32) {
		t.Helper()
		f.model.Flush()
		want := map[gwv1.SectionName]int32{"http": http, "https": https, "tcp": tcp}
		if diff := cmp.Diff(want, f.attachedRoutes()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	check("two routes", 2, 0, 0)
	route := crowdRoute(0, 1, "/")
	route.ObjectMeta = f.meta("both")
	route.Spec.ParentRefs = []gwv1.ParentReference{{Name: "gw"}, {Name: "gw", SectionName: ptr.To(gwv1.SectionName("http"))}}
	f.model.Set(store.HTTPRoute, route)
	check("one on all listeners, with two parents", 3, 1, 0)
	f.setTCPRoute(1, "s2")
	check("a TCPRoute", 3, 1, 1)
	f.model.Delete(store.HTTPRoute, objectOf("both"))
	check("without it", 2, 0, 1)
	f.model.Delete(store.HTTPRoute, objectOf("exact"))
	check("one", 1, 0, 1)
	f.model.Delete(store.TCPRoute, objectOf("db"))
	check("no TCPRoute", 1, 0, 0)
}

// TestPolicyNamesItsGateways: the status of a BackendTLSPolicy has the Gateways that use its Services as ancestors.
func TestPolicyNamesItsGateways(t *testing.T) {
	f := newFailing(t)
	ancestors := func() (names []string) {
		update := f.out.statuses[resolve.Object{Kind: store.BackendTLSPolicy, Key: objectOf("policy")}]
		for _, ancestor := range update.Value.([]gwv1.PolicyAncestorStatus) {
			names = append(names, string(ancestor.AncestorRef.Name))
		}
		return names
	}
	if got := ancestors(); !slices.Equal(got, []string{"gw"}) {
		t.Errorf("ancestors %q", got)
	}
	f.model.Delete(store.HTTPRoute, objectOf("exact"))
	f.model.Delete(store.HTTPRoute, objectOf("wild"))
	f.model.Flush()
	if got := ancestors(); len(got) > 0 {
		t.Errorf("ancestors %q without a route to the Service", got)
	}
}

// TestSharedSecret: the CA of two clusters stays until none needs it.
func TestSharedSecret(t *testing.T) {
	f := newFailing(t)
	policy := f.model.store.View(nil).BackendTLSPolicy(objectOf("policy")).DeepCopy()
	policy.Generation = 2
	second := policy.Spec.TargetRefs[0]
	second.Name = "s2"
	policy.Spec.TargetRefs = append(policy.Spec.TargetRefs, second)
	f.model.Set(store.BackendTLSPolicy, policy)
	f.setRoute("wild", 2, "*.example.org", "/v1", "s2")
	ca := func() bool {
		f.model.Flush()
		for key := range f.published() {
			if key.Type == resource.Secret && strings.HasPrefix(key.Name, "ca/") {
				return true
			}
		}
		return false
	}
	if !ca() {
		t.Fatal("the CA is not published")
	}
	f.setRoute("exact", 2, "h1.example.com", "/v1", "missing")
	if !ca() {
		t.Error("the CA is gone, and a cluster needs it")
	}
	f.setRoute("wild", 3, "*.example.org", "/v1", "missing")
	if ca() {
		t.Error("the CA is there, and no cluster needs it")
	}
}

// TestRejectionOfAListenerSet shows on the ListenerSet.
func TestRejectionOfAListenerSet(t *testing.T) {
	f := newFailing(t)
	gateway := failingGatewayObject(2, 80)
	gateway.Spec.AllowedListeners = &gwv1.AllowedListeners{Namespaces: &gwv1.ListenerNamespaces{From: ptr.To(gwv1.NamespacesFromSame)}}
	f.model.Set(store.Gateway, gateway)
	set := &gwv1.ListenerSet{ObjectMeta: f.meta("set")}
	set.Spec.ParentRef.Name = "gw"
	set.Spec.Listeners = []gwv1.ListenerEntry{{Name: "more", Port: 8081, Protocol: gwv1.HTTPProtocolType}}
	f.model.Set(store.ListenerSet, set)
	source := ir.Source{Kind: string(store.ListenerSet), Namespace: "app", Name: "set", Section: "more"}
	f.model.Deliver(failingGateway, Delivery{Connected: 1, Rejected: []Rejection{{Sources: []ir.Source{source}, Message: "address in use"}}})
	f.model.Flush()
	status := f.out.statuses[resolve.Object{Kind: store.ListenerSet, Key: objectOf("set")}].Value.(*gwv1.ListenerSetStatus)
	message := ""
	for _, listener := range status.Listeners {
		for _, condition := range listener.Conditions {
			message += condition.Message
		}
	}
	if !strings.Contains(message, "address in use") {
		t.Errorf("conditions of the listener say %q", message)
	}
}

// TestChangeIsSorted: what one flush changes has an order that does not depend on maps.
func TestChangeIsSorted(t *testing.T) {
	keys := []resource.Key{{Type: resource.Cluster, Name: "a"}, {Type: resource.Cluster, Name: "b"}, {Type: resource.Route, Name: "a"}}
	upserts, removals := map[resource.Key]*resource.Resource{}, map[resource.Key]*resource.Resource{}
	for _, key := range keys {
		upserts[key], removals[key] = &resource.Resource{Key: key}, nil
	}
	for range 20 {
		change := changeOf(upserts)
		for i, r := range change.Upsert {
			if r.Key != keys[i] {
				t.Fatalf("upserts %v", change.Upsert)
			}
		}
		if got := changeOf(removals).Remove; !slices.Equal(got, keys) {
			t.Fatalf("removals %v", got)
		}
	}
}

// TestSetKeepsTheNewestObject: an object that means the same replaces the one before, which can be collected.
func TestSetKeepsTheNewestObject(t *testing.T) {
	f := newFailing(t)
	newest := failingGatewayObject(1, 80)
	if f.model.Set(store.Gateway, newest) {
		t.Error("the same object counts as a change")
	}
	if f.model.store.Object(store.Gateway, failingGateway) != newest {
		t.Error("the store keeps the object of before")
	}
}

// TestForeignGatewayHasNoStatus: nothing is said about a Gateway of another controller, its ListenerSets and its routes.
func TestForeignGatewayHasNoStatus(t *testing.T) {
	f := newFailing(t)
	gateway := failingGatewayObject(1, 80)
	gateway.Name, gateway.Spec.GatewayClassName = "foreign", "foreign"
	f.model.Set(store.Gateway, gateway)
	set := &gwv1.ListenerSet{ObjectMeta: f.meta("set")}
	set.Spec.ParentRef.Name = "foreign"
	set.Spec.Listeners = []gwv1.ListenerEntry{{Name: "more", Port: 8081, Protocol: gwv1.HTTPProtocolType}}
	f.model.Set(store.ListenerSet, set)
	route := crowdRoute(0, 1, "/")
	route.ObjectMeta = f.meta("theirs")
	route.Spec.ParentRefs = []gwv1.ParentReference{{Name: "foreign"}}
	f.model.Set(store.HTTPRoute, route)
	f.model.Flush()
	for object, update := range f.out.statuses {
		parents, isRoute := update.Value.([]gwv1.RouteParentStatus)
		if object.Key.Name == "foreign" || object.Key.Name == "set" || object.Key.Name == "theirs" && (!isRoute || len(parents) > 0) {
			t.Errorf("%v has the status %+v", object, update.Value)
		}
	}
}

// TestWildcardsHaveEachHostnameOnce: listeners of one chain may have the same wildcard.
func TestWildcardsHaveEachHostnameOnce(t *testing.T) {
	f := newFailing(t)
	var hostnames []string
	render := f.model.render.wildcards
	f.model.render.wildcards = func(w ir.Wildcards) (scope, routes resource.Resource, err error) {
		if w.Chain == "80" {
			hostnames = nil
			for _, host := range w.Hosts {
				hostnames = append(hostnames, host.Hostname)
			}
		}
		return render(w)
	}
	gateway := failingGatewayObject(2, 80)
	gateway.Spec.Listeners = append(gateway.Spec.Listeners, gwv1.Listener{
		Name: "org", Port: 80, Protocol: gwv1.HTTPProtocolType, Hostname: ptr.To(gwv1.Hostname("*.org")),
	})
	f.model.Set(store.Gateway, gateway)
	for _, name := range []string{"a", "b"} {
		route := crowdRoute(0, 1, "/")
		route.ObjectMeta = f.meta(name)
		route.Spec.ParentRefs = []gwv1.ParentReference{{Name: "gw"}}
		route.Spec.Hostnames = []gwv1.Hostname{gwv1.Hostname("*." + name + ".org")}
		f.model.Set(store.HTTPRoute, route)
	}
	f.model.Flush()
	sorted := slices.Sorted(slices.Values(hostnames))
	if len(hostnames) < 3 || len(slices.Compact(sorted)) != len(hostnames) {
		t.Errorf("hostnames %q", hostnames)
	}
}

// TestTriggerNamesItsGateways: a trigger in force has the Gateways whose routes lead to its backend.
func TestTriggerNamesItsGateways(t *testing.T) {
	f := newFailing(t)
	trigger := &v1alpha1.HTTPScaler{ObjectMeta: f.meta("trigger")}
	trigger.Spec.Type = v1alpha1.TriggerHTTP
	trigger.Spec.Backend = v1alpha1.HTTPScalerBackend{Service: "s1", Port: ptr.To(int32(80))}
	f.model.Set(store.HTTPScaler, trigger)
	gateways := func() []types.NamespacedName {
		f.model.Flush()
		return f.out.scalers[objectOf("trigger")].Gateways
	}
	if got := gateways(); !slices.Equal(got, []types.NamespacedName{failingGateway}) {
		t.Errorf("Gateways %v", got)
	}
	f.model.Delete(store.HTTPRoute, objectOf("exact"))
	f.model.Delete(store.HTTPRoute, objectOf("wild"))
	if got := gateways(); len(got) > 0 {
		t.Errorf("Gateways %v without a route", got)
	}
}

// TestProblemIsOfItsGateway: why a data plane could not be made shows on its Gateway, not on another object of the
// same name, and is forgotten when it was made.
func TestProblemIsOfItsGateway(t *testing.T) {
	f := newFailing(t)
	check := func(what string, gateway, route int) {
		t.Helper()
		for kind, want := range map[store.Kind]int{store.Gateway: gateway, store.HTTPRoute: route} {
			if got := f.model.rejected(resolve.Object{Kind: kind, Key: failingGateway}, func(store.Dep) {}); len(got) != want {
				t.Errorf("%s: %s has %v", what, kind, got)
			}
		}
	}
	check("at the start", 0, 0)
	f.model.Built(failingGateway, "quota exceeded")
	check("with a problem", 1, 0)
	f.model.Built(failingGateway, "")
	check("made", 0, 0)
	if len(f.model.problems) > 0 {
		t.Errorf("problems %v", f.model.problems)
	}
}

// stales notes that it was marked.
type stales struct{ marked int }

func (s *stales) markStale() { s.marked++ }

// TestGraphFollowsWhatIsRead: a reader is marked by what it read last, once for each, and by nothing that it does
// not read any more.
func TestGraphFollowsWhatIsRead(t *testing.T) {
	g, reader := newGraph(), &stales{}
	one, two := gatewayDep{objectOf("one")}, gatewayDep{objectOf("two")}
	var edges []edge
	read := func(deps ...store.Dep) {
		var nodes []*node
		record := g.collect(&nodes)
		for _, dep := range deps {
			record(dep)
		}
		edges = g.link(reader, edges, nodes)
	}
	check := func(what string, byOne, byTwo int) {
		t.Helper()
		for dep, want := range map[store.Dep]int{one: byOne, two: byTwo} {
			reader.marked = 0
			if g.touch(dep); reader.marked != want {
				t.Errorf("%s: marked %d times by %v, want %d", what, reader.marked, dep, want)
			}
		}
	}
	read(one)
	check("one", 1, 0)
	read(two)
	check("two instead", 0, 1)
	read(two, one, two)
	check("both, one of them twice", 1, 1)
	read()
	check("nothing", 0, 0)
	if len(g.nodes) > 0 {
		t.Errorf("%d nodes without a reader", len(g.nodes))
	}
}
