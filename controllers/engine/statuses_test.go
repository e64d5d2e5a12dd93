package engine

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/utils/ptr"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/google/go-cmp/cmp"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
)

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

// TestRejectionOfSeveralObjects shows on each of them once.
func TestRejectionOfSeveralObjects(t *testing.T) {
	f := newFailing(t)
	source := func(name, section string) ir.Source {
		return ir.Source{Kind: string(store.HTTPRoute), Namespace: "app", Name: name, Section: section}
	}
	f.model.Deliver(failingGateway, Delivery{Rejected: []Rejection{{
		Sources: []ir.Source{source("exact", "a"), source("wild", ""), sourceOf(store.Gateway, objectOf("exact"))}, Message: "bad regex",
	}}})
	got := f.model.rejected(resolve.Object{Kind: store.HTTPRoute, Key: objectOf("exact")}, func(store.Dep) {})
	if len(got) != 1 || got[0].Source != source("exact", "a") {
		t.Errorf("rejected: %+v", got)
	}
}

// TestListenerSetOfAnotherNamespace has a status, of the Gateway that it names.
func TestListenerSetOfAnotherNamespace(t *testing.T) {
	f := newFailing(t)
	gateway := failingGatewayObject(2, 80)
	gateway.Spec.AllowedListeners = &gwv1.AllowedListeners{Namespaces: &gwv1.ListenerNamespaces{From: ptr.To(gwv1.NamespacesFromAll)}}
	f.model.Set(store.Gateway, gateway)
	set := &gwv1.ListenerSet{ObjectMeta: f.meta("set")}
	set.Namespace = "elsewhere"
	set.Spec.ParentRef = gwv1.ParentGatewayReference{Name: "gw", Namespace: ptr.To(gwv1.Namespace("app"))}
	set.Spec.Listeners = []gwv1.ListenerEntry{{Name: "more", Port: 8081, Protocol: gwv1.HTTPProtocolType}}
	f.model.Set(store.ListenerSet, set)
	f.model.Flush()
	object := resolve.Object{Kind: store.ListenerSet, Key: store.KeyOf(set)}
	if status, _ := f.out.statuses[object].Value.(*gwv1.ListenerSetStatus); status == nil || len(status.Listeners) != 1 {
		t.Errorf("status %+v", f.out.statuses[object])
	}
}
