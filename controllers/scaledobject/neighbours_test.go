package scaledobject

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/work"
)

// looks has the controller note the partitions that it is to look at, and returns those that follow from what happens.
func (b *bench) looks() (after func(happens func()) []partition) {
	looked := make(chan partition, 100)
	b.controller.queue.ShutDown()
	b.controller.queue = work.New(work.Options[partition]{
		Workers: 1, Clock: clock.RealClock{}, Log: logr.Discard(),
		Do: func(_ context.Context, key partition) work.Next { looked <- key; return work.Done() },
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); b.controller.queue.Run(ctx) }()
	b.t.Cleanup(func() { cancel(); <-done })
	return func(happens func()) (found []partition) {
		happens()
		b.controller.touch("end") // comes last
		for key := range looked {
			if key == "end" {
				return found
			}
			found = append(found, key)
		}
		return nil
	}
}

// TestX1NeighboursMakeNoPlans: when a tenant changes a Gateway of its own, or routes that name Services which they may
// not refer to, the triggers of other namespaces are not planned anew.
func TestX1NeighboursMakeNoPlans(t *testing.T) {
	b := newBench(t, scaledObject("web", "a.test"), webService())
	b.controller.setActive("shop", true)
	looks := b.looks()
	gateways, routes := b.handler("Gateway"), b.handler("HTTPRoute")
	gateway := &gwv1.Gateway{ObjectMeta: metav1.ObjectMeta{Namespace: "evil", Name: "main", UID: "1"},
		Spec: gwv1.GatewaySpec{GatewayClassName: "other"}}
	denied := foreignRoute("evil", "denied", "shop")
	denied.Status.Parents = nil
	if got := looks(func() {
		gateways.Set(nil, gateway)
		routes.Set(nil, denied)
		routes.Set(denied, denied.DeepCopy())
		gateways.Delete(gateway)
		routes.Delete(denied)
	}); len(got) != 0 {
		t.Errorf("looked at %q for what does not matter to the namespace", got)
	}
	edited := gateway.DeepCopy()
	edited.Generation, edited.Annotations = 2, map[string]string{"a": "b"}
	if !sameGateway(gateway, edited) {
		t.Error("an edit of a Gateway that leaves its class matters")
	}
	edited.Spec.GatewayClassName = "kedify"
	if sameGateway(gateway, edited) {
		t.Error("another class does not matter")
	}
	own := gateway.DeepCopy()
	own.Name, own.Annotations = v1alpha1.ProxyGatewayName, map[string]string{"a": "b"}
	if sameGateway(gateway, own) {
		t.Error("what has the name of the generated Gateway does not matter")
	}
	looks(func() { routes.Set(nil, foreignRoute("evil", "granted", "shop")) })
	if got := looks(func() { gateways.Set(nil, gateway) }); !slices.Equal(got, []partition{"shop"}) {
		t.Errorf("looked at %q for the Gateway of a route that leads to shop", got)
	}
}

// TestX1PlansOfManyReferrers: however many routes of another namespace lead to an application, its plan reads those that were made
// first, and as many routes of third namespaces as before.
func TestX1PlansOfManyReferrers(t *testing.T) {
	b := newBench(t, scaledObject("web", "a.test"), webService())
	routes := b.handler("HTTPRoute")
	for i := range 3 * maxAbroad {
		route := foreignRoute("evil", fmt.Sprintf("route-%03d", i), "shop")
		route.CreationTimestamp = metav1.NewTime(epoch.Add(-time.Duration(i) * time.Second))
		routes.Set(nil, route)
	}
	routes.Set(nil, foreignRoute("friend", "route", "shop"))
	read := map[string]bool{}
	for _, key := range b.controller.referrers.into("HTTPRoute", "shop") {
		read[key.String()] = true
	}
	if len(read) != maxAbroad+1 || !read["friend/route"] || !read["evil/route-299"] || read["evil/route-199"] {
		t.Errorf("%d routes are read: %v", len(read), read)
	}
}
