package engine

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
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

// TestRefusedRouteUsesNothing: no gateway gets the backends of a route that no listener accepts.
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

// TestSecretOfOwnersThatDisagree: a cluster that failed to render keeps the CA that it knew. It is published again

// when no other cluster knows a newer one.
func TestSecretOfOwnersThatDisagree(t *testing.T) {
	f := newFailing(t)
	policy := f.model.store.View(nil).BackendTLSPolicy(objectOf("policy")).DeepCopy()
	policy.Generation = 2
	second := policy.Spec.TargetRefs[0]
	second.Name = "s2"
	policy.Spec.TargetRefs = append(policy.Spec.TargetRefs, second)
	f.model.Set(store.BackendTLSPolicy, policy)
	f.setRoute("wild", 2, "*.example.org", "/v1", "s2")
	ca := func() string {
		f.model.Flush()
		for key, content := range f.published() {
			if key.Type == resource.Secret && strings.HasPrefix(key.Name, "ca/") {
				return content
			}
		}
		return ""
	}
	before := ca()
	f.fails = func(layer, name string) error {
		if layer == "cluster" && strings.Contains(name, "/s1/") {
			return errRender
		}
		return nil
	}
	f.setCA(1)
	if newer := ca(); newer == before || newer == "" {
		t.Fatal("the new CA is not published")
	}
	f.setRoute("wild", 3, "*.example.org", "/v1", "missing")
	if ca() != before {
		t.Error("the cluster that is left does not have the CA that it knows")
	}
}

// TestGraphFollowsWhatIsRead: a reader is marked by what it read last, once for each, and by nothing that it does
