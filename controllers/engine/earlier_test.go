package engine

import (
	"testing"

	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/google/go-cmp/cmp"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
)

// TestRefusalsOutliveTheirProcess: what a process learned from proxies stays in statuses that the next one writes, word for word, until
// its own proxies have everything, the route is another one, or they refuse it again.
func TestRefusalsOutliveTheirProcess(t *testing.T) {
	object := resolve.Object{Kind: store.HTTPRoute, Key: objectOf("exact")}
	refused := Delivery{Connected: 1, Rejected: []Rejection{
		{Sources: []ir.Source{sourceOf(object.Kind, object.Key)}, Message: "no such code", Rule: "0"},
	}}
	statusOf := func(f *failing) []gwv1.RouteParentStatus {
		return f.out.statuses[object].Value.([]gwv1.RouteParentStatus)
	}
	first := newFailing(t)
	accepted := statusOf(first)
	first.model.Deliver(failingGateway, refused)
	first.model.Flush()
	said := statusOf(first)
	if cmp.Equal(accepted, said) {
		t.Fatal("the refusal is not in the status")
	}
	restarted := func() *failing {
		return newFailing(t, func(f *failing) {
			route := crowdRoute(0, 1, "/")
			route.ObjectMeta, route.Spec = f.meta("exact"), f.model.store.Object(store.HTTPRoute, object.Key).(*gwv1.HTTPRoute).Spec
			route.Status.Parents = said
			f.model.Delete(store.HTTPRoute, object.Key)
			f.model.Set(store.HTTPRoute, route)
		})
	}
	for name, c := range map[string]struct {
		happens func(f *failing)
		want    []gwv1.RouteParentStatus
	}{
		"nothing":             {func(*failing) {}, said},
		"a proxy connects":    {func(f *failing) { f.model.Deliver(failingGateway, Delivery{Connected: 1}) }, said},
		"another gateway":     {func(f *failing) { f.model.Deliver(objectOf("other"), Delivery{Connected: 1, Synced: true}) }, said},
		"it is refused again": {func(f *failing) { f.model.Deliver(failingGateway, refused) }, said},
		"proxies have all":    {func(f *failing) { f.model.Deliver(failingGateway, Delivery{Connected: 1, Synced: true}) }, accepted},
		"proxies had all": {func(f *failing) {
			f.model.Deliver(failingGateway, Delivery{Connected: 1, Synced: true})
			f.model.Deliver(failingGateway, Delivery{})
		}, accepted},
		"another route": {func(f *failing) {
			f.model.Delete(store.HTTPRoute, object.Key)
			f.model.Flush()
			f.setRoute("exact", 1, "h1.example.com", "/v1", "s1")
		}, accepted},
	} {
		t.Run(name, func(t *testing.T) {
			f := restarted()
			c.happens(f)
			f.model.Flush()
			if diff := cmp.Diff(c.want, statusOf(f)); diff != "" {
				t.Errorf("status (-want +got):\n%s", diff)
			}
		})
	}
	f := restarted()
	f.setRoute("exact", 2, "h1.example.com", "/v2", "s1")
	f.model.Flush()
	if got := statusOf(f); len(got[0].Conditions) != len(accepted[0].Conditions) {
		t.Errorf("after an edit: %+v", got)
	}
}
