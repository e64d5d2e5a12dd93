package scaledobject

import (
	"context"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/attachments"
	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/store"
)

// userAttachment is that of a route of the user in another namespace that leads to Service web.
func userAttachment() *resolve.Attachment {
	gateway := types.NamespacedName{Namespace: "infra", Name: "main"}
	return &resolve.Attachment{
		Route:    resolve.Object{Kind: store.HTTPRoute, Key: types.NamespacedName{Namespace: "infra", Name: "mine"}},
		Parents:  []resolve.AttachedParent{{Parent: resolve.Object{Kind: store.Gateway, Key: gateway}, Gateway: gateway}},
		Backends: []resolve.BackendRef{{Kind: store.Service, Key: types.NamespacedName{Namespace: "shop", Name: "web"}, Port: 80}},
	}
}

// A route of the user that is attached takes the place of the generated one, and gives it back when
// it is not attached any more.
func TestAttachmentComesAndGoes(t *testing.T) {
	b := newBench(t, webService())
	b.controller.kinds.synced = map[string]bool{}
	b.start()
	b.await("the first look", func() bool { return b.controller.kinds.has("ScaledObject") })
	so := scaledObject("web", "a.test")
	b.create(so)
	b.informer(so).Add(so)
	generated := func() bool { return b.exists(&gwv1.HTTPRoute{}, "web-0") }
	b.await("the generated route", generated)
	attachment := userAttachment()
	b.attachments.Set(attachment.Route, attachment)
	b.await("the end of the generated route", func() bool { return !generated() })
	b.attachments.Set(attachment.Route, nil)
	b.await("the generated route again", generated)
}

// The attachments of a route that the product generated keep no route from being generated.
func TestGeneratedAttachment(t *testing.T) {
	b := newBench(t, scaledObject("web", "a.test"), webService())
	attachment := userAttachment()
	attachment.Generated = true
	b.attachments.Set(attachment.Route, attachment)
	b.reconcile()
	if !b.exists(&gwv1.HTTPRoute{}, "web-0") {
		t.Error("no route is generated")
	}
}

// Nothing is planned before the engine has seen what existed at the start: the route of the user
// would be missed, and one generated.
func TestStartWaitsForAttachments(t *testing.T) {
	b := newBench(t, webService())
	b.controller.kinds.synced = map[string]bool{}
	b.attachments = attachments.New()
	b.controller.Attachments = b.attachments
	b.start()
	b.await("the informers", func() bool { return b.controller.kinds.has("ScaledObject") })
	so := scaledObject("web", "a.test")
	b.create(so)
	b.informer(so).Add(so)
	b.await("the queued namespace", func() bool { return b.controller.queue.Len() > 0 })
	if writes := b.written(); len(writes) > 0 {
		t.Fatalf("writes without attachments: %q", writes)
	}
	attachment := userAttachment()
	b.attachments.Set(attachment.Route, attachment)
	b.attachments.SetSynced()
	b.await("the HTTPScaler", func() bool { return b.exists(&v1alpha1.HTTPScaler{}, "web-0") })
	b.await("the status", func() bool { return slices.Contains(b.peek(), "status web-0") })
	if writes := b.written(); slices.Contains(writes, "apply HTTPRoute web-0") {
		t.Errorf("a route was generated: %q", writes)
	}
}

// A route of another controller in another namespace is among the routes of a plan, those that refer
// to no backend of the namespace are not.
func TestReferrers(t *testing.T) {
	b := newBench(t, scaledObject("web", "a.test"), webService())
	handler := b.handler("HTTPRoute")
	leading, elsewhere, local := foreignRoute("infra", "leading", "shop"), foreignRoute("infra", "elsewhere", "other"),
		foreignRoute("shop", "local", "shop")
	for _, route := range []*gwv1.HTTPRoute{leading, elsewhere, local} {
		b.create(route)
		handler.Set(nil, route)
	}
	b.wantRoutes("infra/leading", "shop/local")
	moved := leading.DeepCopy()
	moved.Spec.Rules[0].BackendRefs[0].Namespace = ptr.To(gwv1.Namespace("other"))
	b.update(moved)
	handler.Set(leading, moved)
	b.wantRoutes("shop/local")
	handler.Set(moved, leading)
	b.wantRoutes("infra/leading", "shop/local")
	if err := b.client.Delete(context.Background(), leading.DeepCopy()); err != nil {
		t.Fatal(err)
	}
	b.wantRoutes("shop/local")
	handler.Delete(leading)
	handler.Delete(elsewhere)
	b.wantRoutes("shop/local")
	handler.Delete(local)
	if x := b.controller.referrers; len(x.made) > 0 || len(x.served) > 0 {
		t.Errorf("kept %v, %v", x.made, x.served)
	}
}

// handler is what the watcher hands objects of a kind to.
func (b *bench) handler(kind string) inputHandler {
	i := slices.IndexFunc(inputs, func(input input) bool { return input.name == kind })
	return inputHandler{b.controller, inputs[i]}
}

func (b *bench) wantRoutes(want ...string) {
	b.t.Helper()
	world, _, err := b.controller.readWorld(context.Background(), "shop")
	if err != nil {
		b.t.Fatal(err)
	}
	var got []string
	for _, route := range world.HTTPRoutes {
		got = append(got, store.KeyOf(route).String())
	}
	if !slices.Equal(got, want) {
		b.t.Errorf("routes %q, want %q", got, want)
	}
}

// foreignRoute is served by Gateway main of another controller, and refers to Service web of a namespace, as that controller
// permits.
func foreignRoute(namespace, name, to string) *gwv1.HTTPRoute {
	ref := gwv1.BackendObjectReference{Name: "web", Namespace: ptr.To(gwv1.Namespace(to)), Port: ptr.To(gwv1.PortNumber(80))}
	return &gwv1.HTTPRoute{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: gwv1.HTTPRouteSpec{
			CommonRouteSpec: gwv1.CommonRouteSpec{ParentRefs: []gwv1.ParentReference{{Name: "main"}}},
			Rules:           []gwv1.HTTPRouteRule{{BackendRefs: []gwv1.HTTPBackendRef{{BackendRef: gwv1.BackendRef{BackendObjectReference: ref}}}}},
		},
		Status: gwv1.HTTPRouteStatus{RouteStatus: gwv1.RouteStatus{Parents: []gwv1.RouteParentStatus{{
			ControllerName: "example.com/other", Conditions: []metav1.Condition{{Type: "ResolvedRefs", Status: metav1.ConditionTrue}},
		}}}},
	}
}

// A plan reads what other controllers say of a route, and of a generated route what this one says.
func TestSameRoute(t *testing.T) {
	status := func(generated bool, controller string, accepted metav1.ConditionStatus) *gwv1.HTTPRoute {
		route := foreignRoute("infra", "mine", "shop")
		if generated {
			route.Labels = map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy}
			route.OwnerReferences = []metav1.OwnerReference{{
				APIVersion: "keda.sh/v1alpha1", Kind: "ScaledObject", Name: "web", Controller: ptr.To(true),
			}}
		}
		route.Status.Parents = []gwv1.RouteParentStatus{{
			ControllerName: gwv1.GatewayController(controller), Conditions: []metav1.Condition{{Type: "Accepted", Status: accepted}},
		}}
		return route
	}
	for _, c := range []struct {
		generated  bool
		controller string
		same       bool
	}{
		{false, v1alpha1.ControllerName, true}, {false, "example.com/other", false},
		{true, v1alpha1.ControllerName, false}, {true, "example.com/other", true},
	} {
		before, after := status(c.generated, c.controller, metav1.ConditionTrue), status(c.generated, c.controller, metav1.ConditionFalse)
		if got := sameRoute(before, after); got != c.same {
			t.Errorf("generated %t, a status of %s: the same %t", c.generated, c.controller, got)
		}
	}
}
