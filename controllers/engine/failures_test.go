package engine

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
)

// TestRenderFailureKeepsTheLastVersion breaks each layer with an edit: what was published before

// stays published, and a version that can be rendered replaces it.
func TestRenderFailureKeepsTheLastVersion(t *testing.T) {
	for _, test := range []struct {
		layer     string
		edit      func(f *failing)
		published []resource.Type // what the edit changes when nothing fails
		sources   string
		status    func(f *failing) string
	}{
		{"host", func(f *failing) { f.setRoute("exact", 2, "h1.example.com", "/v2", "s1") }, []resource.Type{resource.Route},
			"HTTPRoute app/exact", func(f *failing) string { return f.programmed("exact") }},
		{"wildcards", func(f *failing) { f.setRoute("wild", 2, "*.example.org", "/v2", "s1") }, []resource.Type{resource.Route},
			"HTTPRoute app/wild", func(f *failing) string { return f.programmed("wild") }},
		{"listener", func(f *failing) { f.setTCPRoute(1, "s1") }, []resource.Type{resource.Listener},
			"Gateway app/gw (tcp), TCPRoute app/db", func(f *failing) string { return f.listenerProgrammed("tcp") }},
		{"cluster", func(f *failing) {
			policy := f.model.store.View(nil).BackendTLSPolicy(types.NamespacedName{Namespace: "app", Name: "policy"}).DeepCopy()
			policy.Generation, policy.Spec.Validation.Hostname = 2, "other.example.com"
			f.model.Set(store.BackendTLSPolicy, policy)
		}, []resource.Type{resource.Cluster}, "Service app/s1", nil},
		{"endpoints", func(f *failing) { f.setAddress("s1", "10.0.0.2") }, []resource.Type{resource.Endpoint}, "", nil},
		{"secret", func(f *failing) { f.setSecret(1) }, []resource.Type{resource.Secret},
			"Gateway app/gw (https)", func(f *failing) string { return f.listenerProgrammed("https") }},
		{"secret", func(f *failing) { f.setCA(1) }, []resource.Type{resource.Secret}, "BackendTLSPolicy app/policy", nil},
	} {
		t.Run(test.layer, func(t *testing.T) {
			f := newFailing(t)
			before := f.published()
			f.fail(test.layer)
			test.edit(f)
			f.model.Flush()
			if changed := changedTypes(before, f.published()); len(changed) > 0 {
				t.Errorf("the failure changed %v", changed)
			}
			if len(f.out.failures) != 1 || !strings.HasSuffix(f.out.failures[0], "kept: true") {
				t.Errorf("failures: %q", f.out.failures)
			}
			if got := strings.Join(f.out.blamed, ", "); got != test.sources {
				t.Errorf("reported on %q, want %q", got, test.sources)
			}
			if test.status != nil && !strings.Contains(test.status(f), "keep its previous version: ") {
				t.Errorf("status %q", test.status(f))
			}

			f.fails = nil

			f.touchEverything()
			f.model.Flush()
			if changed := changedTypes(before, f.published()); !slices.Equal(changed, test.published) {
				t.Errorf("after the failure %v changed, want %v", changed, test.published)
			}
			if test.status != nil && strings.Contains(test.status(f), "failed") {
				t.Errorf("status after the failure: %q", test.status(f))
			}
			if len(f.model.failures.bySource) > 0 {
				t.Errorf("failures left: %v", f.model.failures.bySource)
			}
		})
	}
}

// changedTypes returns the types of what changed or vanished.
func changedTypes(before, after map[resource.Key]string) (types []resource.Type) {
	for key, version := range before {
		if after[key] != version {
			types = append(types, key.Type)
		}
	}
	return types
}

// touchEverything makes every unit stale, as an edit of what it reads would.
func (f *failing) touchEverything() {
	for dep := range f.model.graph.nodes {
		f.model.graph.touch(dep)
	}
	for _, endpoints := range f.model.endpoints.units { // those of a hold cluster read nothing
		endpoints.markStale()
	}
}

// TestRenderFailureOfSomethingNew: what never rendered is not published, and its status says so.
func TestRenderFailureOfSomethingNew(t *testing.T) {
	f := newFailing(t)
	before := f.published()
	f.fails = func(layer, name string) error {
		if layer == "host" && strings.Contains(name, "new.example.com") {
			return errRender
		}
		return nil
	}
	f.setRoute("new", 1, "new.example.com", "/", "s1")
	f.model.Flush()
	if diff := cmp.Diff(before, f.published()); diff != "" {
		t.Errorf("published (-before +after):\n%s", diff)
	}
	want := "RenderFailed: The control plane failed to render the route, which has no previous version: cannot be rendered"
	if got := f.programmed("new"); got != want {
		t.Errorf("condition %q", got)
	}
	if got := f.programmed("exact"); got != "" {
		t.Errorf("another route has the condition %q", got)
	}
}

// TestRenderFailureKeepsWhatItNames: the kept table goes on working although the edit that could

// not be rendered took the backend away from the route; when the failure ends, so does that.
func TestRenderFailureKeepsWhatItNames(t *testing.T) {
	f := newFailing(t)
	f.setRoute("wild", 2, "*.example.org", "/v1", "s2") // s1 is now used by the exact route alone
	f.model.Flush()
	before := f.published()
	f.fail("host")
	f.setRoute("exact", 2, "h1.example.com", "/v1", "s2")
	f.model.Flush()
	if diff := cmp.Diff(before, f.published()); diff != "" {
		t.Errorf("the failure changed what is published (-before +after):\n%s", diff)
	}
	f.setAddress("s1", "10.0.0.9")
	f.model.Flush()
	if cmp.Equal(before, f.published()) {
		t.Error("the endpoints of the kept cluster are not kept up to date")
	}
	f.fails = nil
	f.setRoute("exact", 3, "h1.example.com", "/v2", "s2")
	f.model.Flush()
	if f.programmed("exact") != "" {
		t.Errorf("condition %q", f.programmed("exact"))
	}
	for key := range f.published() {
		if strings.Contains(key.Name, "s1") || strings.Contains(key.Name, "policy") {
			t.Errorf("%v is still published", key)
		}
	}
}

// TestRenderFailureOfWildcardsKeepsWhatTheyName is the same for a wildcard.
func TestRenderFailureOfWildcardsKeepsWhatTheyName(t *testing.T) {
	f := newFailing(t)
	f.setRoute("wild", 2, "*.example.org", "/v1", "s2") // the only one
	f.model.Flush()
	before := f.published()
	f.fail("wildcards")
	f.setRoute("wild", 3, "*.example.org", "/v1", "s1")
	f.model.Flush()
	if diff := cmp.Diff(before, f.published()); diff != "" {
		t.Errorf("the failure changed what is published (-before +after):\n%s", diff)
	}
}

// TestRenderFailureShowsOnAnUntouchedRoute: an edit of the Gateway makes the table of a route fail; the route itself

// is as it was.
func TestRenderFailureShowsOnAnUntouchedRoute(t *testing.T) {
	f := newFailing(t)
	f.fail("host")
	f.touchEverything()
	for object := range f.out.statuses {
		f.model.statuses.units[object].stale = false // a failure alone is what makes them stale
	}
	f.model.Flush()
	if got := f.programmed("exact"); !strings.Contains(got, "keep its previous version") {
		t.Errorf("condition %q", got)
	}
	f.fails = nil
	f.touchEverything()
	for object := range f.out.statuses {
		f.model.statuses.units[object].stale = false
	}
	f.model.Flush()
	if got := f.programmed("exact"); got != "" {
		t.Errorf("condition %q after the failure", got)
	}
}

// TestRenderFailureOfAListenerKeepsItsBackends is the same for layer 4.
func TestRenderFailureOfAListenerKeepsItsBackends(t *testing.T) {
	f := newFailing(t)
	f.setTCPRoute(1, "s2")
	f.model.Flush()
	before := f.published()
	f.fail("listener")
	f.setTCPRoute(2, "s1")
	f.model.Flush()
	if changed := changedTypes(before, f.published()); len(changed) > 0 {
		t.Errorf("the failure changed %v", changed)
	}
	f.model.Delete(store.TCPRoute, types.NamespacedName{Namespace: "app", Name: "db"})
	f.fails = nil
	f.model.Flush()
	for key := range f.published() {
		if strings.Contains(key.Name, "s2") {
			t.Errorf("%v is still published", key)
		}
	}
}

// TestListenerClusters: the chains of one port may serve HTTP and layer 4.
func TestListenerClusters(t *testing.T) {
	key := ir.ClusterKey{Kind: ir.BackendService, Namespace: "app", Name: "s1", Port: 80}
	forward := &ir.L4Forward{Targets: []ir.L4Target{{Invalid: true}, {Cluster: key}, {Cluster: key}}}
	got := listenerClusters(ir.Listener{Chains: []ir.Chain{{ID: "443/h1"}, {ID: "443/h2", Forward: forward}}})
	if !slices.Equal(got, []ir.ClusterKey{key}) {
		t.Errorf("clusters %v, want %v alone", got, key)
	}
}

// TestRenderFailureOfOneListener: another port of the Gateway follows its edit.
func TestRenderFailureOfOneListener(t *testing.T) {
	f := newFailing(t)
	f.fails = func(layer, name string) error {
		if layer == "listener" && strings.Contains(name, "443") {
			return errRender
		}
		return nil
	}
	f.touchEverything()
	f.model.Set(store.Gateway, failingGatewayObject(2, 8080))
	f.model.Flush()
	var ports []string
	for key := range f.published() {
		if key.Type == resource.Listener {
			ports = append(ports, key.Name)
		}
	}
	slices.Sort(ports)
	if want := []string{"tcp/443", "tcp/5432", "tcp/8080"}; !slices.Equal(ports, want) {
		t.Errorf("listeners %v, want %v", ports, want)
	}
}

// TestRenderFailureEndsWithItsUnit: a route of the name of a deleted one starts without its

// TestRenderFailureIsToldOnce: a unit that fails again for the same reason is not told again; for another

// TestPanicNamesItsUnit: each memo says in the log which of its units panicked, and reports it on the objects
