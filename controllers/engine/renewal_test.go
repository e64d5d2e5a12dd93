package engine

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
)

// TestGatewayIsCreatedAgain: a Gateway that is deleted and created between two flushes is
// published in full. The output forgot it, while most units have the results of before.
func TestGatewayIsCreatedAgain(t *testing.T) {
	f := newFailing(t)
	f.setTCPRoute(1, "s2")
	f.model.Flush()
	before := f.published()
	f.model.Delete(store.Gateway, failingGateway)
	f.model.Set(store.Gateway, failingGatewayObject(1, 80))
	f.model.Flush()
	if diff := cmp.Diff(before, f.published()); diff != "" {
		t.Errorf("published (-before +after):\n%s", diff)
	}
	if !f.out.ready[failingGateway] {
		t.Error("the gateway is not ready")
	}
}

// TestRejectionEndsWithItsGateway: what the proxies of a deleted Gateway refused shows on no
// route any more.
func TestRejectionEndsWithItsGateway(t *testing.T) {
	f := newFailing(t)
	source := ir.Source{Kind: string(store.HTTPRoute), Namespace: "app", Name: "exact"}
	f.model.Deliver(failingGateway, Delivery{Rejected: []Rejection{{Sources: []ir.Source{source}, Message: "bad regex"}}})
	f.model.Flush()
	if f.programmed("exact") == "" {
		t.Fatal("the rejection does not show")
	}
	f.model.Delete(store.Gateway, failingGateway)
	f.model.Set(store.Gateway, failingGatewayObject(1, 80))
	f.model.Flush()
	if got := f.programmed("exact"); got != "" {
		t.Errorf("condition %q", got)
	}
}

// TestSourcesMoveWithoutContent: a route that replaces another with the same content is the one
// that a rejection is reported on.
func TestSourcesMoveWithoutContent(t *testing.T) {
	f := newFailing(t)
	f.setRoute("other", 1, "h1.example.com", "/v1", "s1")
	f.model.Flush()
	f.model.Delete(store.HTTPRoute, objectOf("exact"))
	f.model.Flush()
	found := false
	for key, content := range f.published() {
		if key.Type == resource.Scope && strings.Contains(key.Name, "h1.example.com") {
			found = true
			if !strings.Contains(content, "HTTPRoute app/other") || strings.Contains(content, "HTTPRoute app/exact") {
				t.Errorf("%s has %s", key.Name, content)
			}
		}
	}
	if !found {
		t.Error("the scope is not published")
	}
}
