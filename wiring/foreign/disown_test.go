package foreign

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/apimachinery/pkg/util/managedfields/managedfieldstest"
)

// TestDisown removes the entries of one manager and no others.
func TestDisown(t *testing.T) {
	object := twoPaths(t, "web", "api", "")
	if patch := Disown(object, "wiring"); patch != nil {
		t.Errorf("nothing to disown, but %v", patch)
	}
	entry := func(manager, operation string) any { return map[string]any{"manager": manager, "operation": operation} }
	object.Object["metadata"].(map[string]any)["managedFields"] = []any{
		entry("wiring", "Update"), entry("kubectl", "Update"), "x", entry("wiring", "Apply"), entry("wiring-2", "Update"),
	}
	patch := Disown(object, "wiring")
	want := []Operation{
		{"replace", "/metadata/resourceVersion", "7"},
		{"test", "/metadata/managedFields/3/manager", "wiring"}, {"remove", "/metadata/managedFields/3", nil},
		{"test", "/metadata/managedFields/0/manager", "wiring"}, {"remove", "/metadata/managedFields/0", nil},
	}
	if diff := cmp.Diff(want, patch); diff != "" {
		t.Errorf("patch (- want, + got):\n%s", diff)
	}
	left := apply(t, object, patch).Object["metadata"].(map[string]any)["managedFields"]
	if diff := cmp.Diff([]any{entry("kubectl", "Update"), "x", entry("wiring-2", "Update")}, left); diff != "" {
		t.Errorf("entries (- want, + got):\n%s", diff)
	}
}

// TestDisownEndsTheConflict: what the API server makes of the patches. T47: after Restore alone, a
// server-side apply of a changed list that forces nothing would be refused.
func TestDisownEndsTheConflict(t *testing.T) {
	server := managedfieldstest.NewTestFieldManager(managedfields.NewDeducedTypeConverter(), Ingress)
	live := func() *unstructured.Unstructured { return server.Live().(*unstructured.Unstructured) }
	update := func(operations []Operation) {
		t.Helper()
		if len(operations) == 0 {
			t.Fatal("no patch")
		}
		if err := server.Update(apply(t, live(), operations), "wiring"); err != nil {
			t.Fatal(err)
		}
	}
	owns := func() bool {
		return slices.ContainsFunc(server.ManagedFields(), func(entry metav1.ManagedFieldsEntry) bool { return entry.Manager == "wiring" })
	}
	if err := server.Apply(twoPaths(t, "web", "api", ""), "gitops", false); err != nil {
		t.Fatal(err)
	}
	update(Rewrite(live(), func(reference Reference) string { return wiredName(reference.Target) }))
	restoring := Restore(live(), keepNone)
	if err := server.Update(apply(t, live(), append(restoring, Disown(live(), "wiring")[1:]...)), "wiring"); err != nil {
		t.Fatal(err)
	}
	if !owns() {
		t.Error("one patch that restores and disowns is enough")
	}
	changed := twoPaths(t, "web", "other", "")
	if err := server.Apply(changed, "gitops", false); err == nil {
		t.Error("there is no conflict to end")
	}
	update(Disown(live(), "wiring"))
	if owns() {
		t.Errorf("still an owner: %v", server.ManagedFields())
	}
	if err := server.Apply(changed, "gitops", false); err != nil {
		t.Errorf("after the object is disowned: %v", err)
	}
}
