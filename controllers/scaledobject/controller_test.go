package scaledobject

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/apply"
	"github.com/kedify/inference-gateway/controllers/scaledobject/plan"
)

var everything = []string{
	"apply GatewayParameters kedify-proxy", "apply Gateway kedify-proxy", "apply HTTPScaler web-0", "apply HTTPRoute web-0", "status web-0",
	"apply Service kedify-proxy", // when the Gateway is there to own it
}

func TestWritesOnceAndRests(t *testing.T) {
	b := newBench(t, scaledObject("web", "a.test"), webService())
	b.reconcile()
	if writes := b.written(); !slices.Equal(writes, everything) {
		t.Errorf("writes %q", writes)
	}
	if events := b.heard(); len(events) != 1 || !strings.HasPrefix(events[0], "Normal Accepted trigger 0: HTTPRoute web-0") {
		t.Errorf("events %q", events)
	}
	for range 3 {
		b.reconcile()
	}
	if writes := b.written(); len(writes) > 0 {
		t.Errorf("writes at rest: %q", writes)
	}
	if events := b.heard(); len(events) > 0 {
		t.Errorf("events at rest: %q", events)
	}
}

func TestStatusSaysWhatWasMade(t *testing.T) {
	b := newBench(t, scaledObject("web", "a.test"), webService())
	b.reconcile()
	scaler := &v1alpha1.HTTPScaler{}
	if !b.exists(scaler, "web-0") {
		t.Fatal("no HTTPScaler")
	}
	if scaler.Status.Route != "web-0" || scaler.Status.Gateway != v1alpha1.ProxyGatewayName {
		t.Errorf("status %+v", scaler.Status)
	}
	for _, kind := range []string{plan.ConditionAccepted, plan.ConditionResolvedRefs} {
		condition := meta.FindStatusCondition(scaler.Status.Conditions, kind)
		if condition == nil || condition.Status != metav1.ConditionTrue ||
			condition.ObservedGeneration != scaler.Generation || !condition.LastTransitionTime.Time.Equal(epoch) {
			t.Errorf("%s: %+v, generation %d", kind, condition, scaler.Generation)
		}
	}
}

// A condition that goes both ways is reported each time, and its time is that of the change.
func TestMissingServiceComesAndGoes(t *testing.T) {
	b := newBench(t, scaledObject("web", "a.test"))
	b.reconcile()
	scaler := &v1alpha1.HTTPScaler{}
	b.exists(scaler, "web-0")
	if meta.IsStatusConditionTrue(scaler.Status.Conditions, plan.ConditionResolvedRefs) {
		t.Fatal("a Service that does not exist is resolved")
	}
	b.heard()
	b.clock.Step(1e9)
	b.create(webService())
	b.reconcile()
	b.exists(scaler, "web-0")
	condition := meta.FindStatusCondition(scaler.Status.Conditions, plan.ConditionResolvedRefs)
	if condition.Status != metav1.ConditionTrue || condition.LastTransitionTime.Time.Equal(epoch) {
		t.Errorf("condition %+v", condition)
	}
	if events := b.heard(); len(events) != 1 || !strings.HasPrefix(events[0], "Normal ResolvedRefs trigger 0: ") {
		t.Errorf("events %q", events)
	}
	accepted := meta.FindStatusCondition(scaler.Status.Conditions, plan.ConditionAccepted)
	if !accepted.LastTransitionTime.Time.Equal(epoch) {
		t.Errorf("a condition that stayed has a new time: %+v", accepted)
	}
}

func TestDriftIsReverted(t *testing.T) {
	b := newBench(t, scaledObject("web", "a.test"), webService())
	b.reconcile()
	b.written()
	route := &gwv1.HTTPRoute{}
	b.exists(route, "web-0")
	route.Spec.Hostnames = []gwv1.Hostname{"evil.test"}
	b.update(route)
	gateway := &gwv1.Gateway{}
	b.exists(gateway, "kedify-proxy")
	gateway.Spec.Listeners[0].Port = 81
	b.update(gateway)
	scaler := &v1alpha1.HTTPScaler{}
	b.exists(scaler, "web-0")
	scaler.Status.Route = "other"
	if err := b.client.Status().Update(context.Background(), scaler); err != nil {
		t.Fatal(err)
	}
	b.reconcile()
	if writes := b.written(); !slices.Equal(writes, []string{"apply Gateway kedify-proxy", "apply HTTPRoute web-0", "status web-0"}) {
		t.Errorf("writes %q", writes)
	}
	b.exists(route, "web-0")
	if route.Spec.Hostnames[0] != "a.test" {
		t.Errorf("hostnames %q", route.Spec.Hostnames)
	}
}

// What users add to the generated Gateway stays: a listener, an annotation.
func TestAdditionsStay(t *testing.T) {
	b := newBench(t, scaledObject("web", "a.test"), webService())
	b.reconcile()
	gateway := &gwv1.Gateway{}
	b.exists(gateway, "kedify-proxy")
	gateway.Annotations["example.com/team"] = "shop"
	gateway.Spec.Listeners = append(gateway.Spec.Listeners, gwv1.Listener{Name: "mine", Port: 9999, Protocol: gwv1.HTTPProtocolType})
	b.update(gateway)
	b.written()
	b.reconcile()
	if writes := b.written(); len(writes) > 0 {
		t.Errorf("writes %q", writes)
	}
}

func TestChangedTriggerDropsFields(t *testing.T) {
	b := newBench(t, scaledObject("web", "a.test"), webService())
	b.reconcile()
	so := &kedav1alpha1.ScaledObject{}
	b.exists(so, "web")
	so.Spec.Triggers[0].Metadata["hosts"] = "*"
	b.update(so)
	b.reconcile()
	route := &gwv1.HTTPRoute{}
	if b.exists(route, "web-0"); len(route.Spec.Hostnames) != 0 {
		t.Errorf("hostnames %q", route.Spec.Hostnames)
	}
}

func TestLastTriggerRemovesAll(t *testing.T) {
	b := newBench(t, scaledObject("web", "a.test"), scaledObject("api", "b.test"), webService())
	b.reconcile()
	remove := func(name string) {
		t.Helper()
		so := &kedav1alpha1.ScaledObject{}
		b.exists(so, name)
		so.Finalizers = []string{"finalizer.keda.sh"} // KEDA's, which may last
		b.update(so)
		if err := b.client.Delete(context.Background(), so); err != nil {
			t.Fatal(err)
		}
		b.written()
		b.reconcile()
	}
	remove("api")
	if writes := b.written(); !slices.Equal(writes, []string{"delete HTTPRoute api-0", "delete HTTPScaler api-0"}) {
		t.Errorf("writes %q", writes)
	}
	remove("web")
	want := []string{
		"delete HTTPRoute web-0", "delete HTTPScaler web-0", "delete Gateway kedify-proxy", "delete GatewayParameters kedify-proxy",
	}
	if writes := b.written(); !slices.Equal(writes, want) {
		t.Errorf("writes %q", writes)
	}
	if b.controller.active["shop"] {
		t.Error("the namespace is still looked at for every Service")
	}
}

// A trigger that goes takes its route along, the others stay.
func TestRemovedTrigger(t *testing.T) {
	so := scaledObject("web", "a.test")
	second := so.Spec.Triggers[0].DeepCopy()
	so.Spec.Triggers[0].Name, second.Name, second.Metadata["hosts"] = "one", "two", "b.test"
	so.Spec.Triggers = append(so.Spec.Triggers, *second)
	b := newBench(t, so, webService())
	b.reconcile()
	b.written()
	b.exists(so, "web")
	so.Spec.Triggers = so.Spec.Triggers[:1]
	b.update(so)
	b.reconcile()
	if writes := b.written(); !slices.Equal(writes, []string{"delete HTTPRoute web-two", "delete HTTPScaler web-two"}) {
		t.Errorf("writes %q", writes)
	}
}

// A route of the user that has the name is left alone, reported, and delays no other trigger.
func TestForeignRoute(t *testing.T) {
	mine := &gwv1.HTTPRoute{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-0"}}
	b := newBench(t, scaledObject("web", "a.test"), scaledObject("api", "b.test"), webService(), mine)
	for range 3 {
		if err := b.controller.reconcile(context.Background(), "shop"); !errors.Is(err, apply.ErrForeign) {
			t.Fatalf("error %v", err)
		}
	}
	if !b.exists(&gwv1.HTTPRoute{}, "api-0") {
		t.Error("the other trigger has no route")
	}
	if b.exists(mine, "web-0"); len(mine.OwnerReferences) > 0 {
		t.Error("the route was taken over")
	}
	count := 0
	for _, event := range b.heard() {
		if strings.HasPrefix(event, "Warning NotApplied ") {
			count++
		}
	}
	if count != 1 {
		t.Errorf("told %d times", count)
	}
}

// Objects of a ScaledObject that was deleted and came back are made anew.
func TestPredecessor(t *testing.T) {
	b := newBench(t, scaledObject("web", "a.test"), webService())
	b.reconcile()
	so := &kedav1alpha1.ScaledObject{}
	b.exists(so, "web")
	if err := b.client.Delete(context.Background(), so); err != nil {
		t.Fatal(err)
	}
	again := scaledObject("web", "a.test")
	again.UID = "another"
	b.create(again)
	if err := b.controller.reconcile(context.Background(), "shop"); !errors.Is(err, apply.ErrPredecessor) {
		t.Fatalf("error %v", err)
	}
	b.reconcile()
	route := &gwv1.HTTPRoute{}
	if b.exists(route, "web-0"); metav1.GetControllerOf(route).UID != "another" {
		t.Error("the route belongs to the predecessor")
	}
}

// An object that the API server does not take keeps no other from being written, and its
// event waits for no status.
func TestRefusedObject(t *testing.T) {
	b := newBench(t, scaledObject("web", "a.test"), scaledObject("api", "b.test"), webService())
	b.fail["apply HTTPScaler web-0"] = errors.New("the API server is busy")
	if err := b.controller.reconcile(context.Background(), "shop"); err == nil {
		t.Fatal("no error")
	}
	if !b.exists(&v1alpha1.HTTPScaler{}, "api-0") || !b.exists(&gwv1.HTTPRoute{}, "api-0") {
		t.Error("the other trigger was held up")
	}
	if events := b.heard(); len(events) != 1 || !strings.HasPrefix(events[0], "Normal Accepted trigger 0: HTTPRoute api-0") {
		t.Errorf("events %q", events)
	}
	delete(b.fail, "apply HTTPScaler web-0")
	b.reconcile()
	if events := b.heard(); len(events) != 1 || !strings.HasPrefix(events[0], "Normal Accepted trigger 0: HTTPRoute web-0") {
		t.Errorf("events %q; it is told when it is true", events)
	}
}

// TestS1RefusedObjectIsACondition: what the API server refuses of a trigger is said in the status of its
// HTTPScaler, which is what people look at, and not in an event alone that is gone after an hour.
func TestS1RefusedObjectIsACondition(t *testing.T) {
	for _, refused := range []string{"HTTPScaler web-0", "HTTPRoute web-0", "HTTPRoute web-0.health"} {
		kind, name, _ := strings.Cut(refused, " ")
		t.Run(refused, func(t *testing.T) {
			probed := scaledObject("web", "a.test")
			probed.Spec.Triggers[0].Metadata["healthcheckPathPrefix"] = "/probe/web"
			probed.Spec.Triggers[0].Metadata["healthcheckResponse"] = "pathEmbeddedHost"
			b := newBench(t, probed, webService())
			b.reconcile()
			so := &kedav1alpha1.ScaledObject{}
			b.exists(so, "web")
			so.Spec.Triggers[0].Metadata["hosts"] = "b.test"
			b.update(so)
			b.fail["apply "+refused] = apierrors.NewInvalid(schema.GroupKind{Kind: kind}, name, nil)
			for range 2 {
				if err := b.controller.reconcile(context.Background(), "shop"); !apierrors.IsInvalid(err) {
					t.Fatalf("error %v", err)
				}
			}
			scaler := &v1alpha1.HTTPScaler{}
			b.exists(scaler, "web-0")
			for _, kindOfCondition := range []string{plan.ConditionAccepted, plan.ConditionReady} {
				condition := meta.FindStatusCondition(scaler.Status.Conditions, kindOfCondition)
				if condition == nil || condition.Status != metav1.ConditionFalse || condition.Reason != plan.ReasonNotApplied ||
					!strings.Contains(condition.Message, kind) || !strings.Contains(condition.Message, "invalid") {
					t.Errorf("%s: %+v", kindOfCondition, condition)
				}
			}
			statuses := 0
			for _, write := range b.written() {
				if write == "status web-0" {
					statuses++
				}
			}
			if statuses != 2 { // the first one, and the refusal
				t.Errorf("%d writes of the status", statuses)
			}
			delete(b.fail, "apply "+refused)
			b.reconcile()
			if b.exists(scaler, "web-0"); meta.IsStatusConditionFalse(scaler.Status.Conditions, plan.ConditionReady) {
				t.Errorf("when it is applied: %+v", scaler.Status.Conditions)
			}
		})
	}
}

// A read that fails is not the absence of everything.
func TestFailedReadDeletesNothing(t *testing.T) {
	b := newBench(t, scaledObject("web", "a.test"), webService())
	b.reconcile()
	b.written()
	b.read = errors.New("the cache is away")
	if err := b.controller.reconcile(context.Background(), "shop"); !errors.Is(err, b.read) {
		t.Fatalf("error %v", err)
	}
	b.read = nil
	b.controller.kinds.set("ScaledObject", false)
	if err := b.controller.reconcile(context.Background(), "shop"); err != nil {
		t.Fatal(err)
	}
	if writes := b.written(); len(writes) > 0 {
		t.Errorf("writes %q", writes)
	}
}

// A namespace that is being deleted gets no new objects, and no event is written.
func TestTerminatingNamespace(t *testing.T) {
	b := newBench(t, scaledObject("web", "a.test"), webService())
	refused := apierrors.NewForbidden(schema.GroupResource{Resource: "httpscalers"}, "web-0", errors.New("terminating"))
	refused.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}
	b.fail["apply HTTPScaler web-0"] = refused
	if err := b.controller.reconcile(context.Background(), "shop"); err != nil {
		t.Error(err)
	}
	if events := b.heard(); len(events) > 0 {
		t.Errorf("events %q", events)
	}
}

func TestShared(t *testing.T) {
	so := scaledObject("web", "a.test")
	so.Spec.Triggers[0].Metadata["tlsSecretName"] = "cert"
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "cert"}, Data: map[string][]byte{"tls.crt": []byte("x"), "tls.key": []byte("x")},
	}
	b := newBench(t, so, webService(), secret)
	b.reconcile() // a proxy for the namespace, from before the option was changed
	b.controller.Shared = true
	for range 3 {
		if err := b.controller.reconcile(context.Background(), ""); err != nil {
			t.Fatal(err)
		}
	}
	if b.exists(&gwv1.Gateway{}, "kedify-proxy") || !b.exists(&gwv1.ReferenceGrant{}, "kedify-proxy") {
		t.Error("the proxy of the namespace is still there, or the Secret is not lent")
	}
	key := client.ObjectKey{Namespace: "kedify-system", Name: "kedify-proxy"}
	if err := b.client.Get(context.Background(), key, &gwv1.Gateway{}); err != nil {
		t.Error(err)
	}
	b.written()
	if err := b.controller.reconcile(context.Background(), ""); err != nil {
		t.Fatal(err)
	}
	if writes := b.written(); len(writes) > 0 {
		t.Errorf("writes at rest: %q", writes)
	}
	if err := b.client.Delete(context.Background(), so); err != nil {
		t.Fatal(err)
	}
	if err := b.controller.reconcile(context.Background(), ""); err != nil {
		t.Fatal(err)
	}
	if b.exists(&gwv1.ReferenceGrant{}, "kedify-proxy") || b.client.Get(context.Background(), key, &gwv1.Gateway{}) == nil {
		t.Error("the proxy outlives the last trigger")
	}
}

// Triggers that say nothing of holding get the defaults of the installation; others keep their own.
func TestHoldDefaults(t *testing.T) {
	b := newBench(t, scaledObject("web", "a.test"), webService())
	b.controller.Hold = v1alpha1.HTTPScalerHold{Timeout: &metav1.Duration{Duration: 3 * time.Minute}, MaxPending: ptr.To[int32](7)}
	b.reconcile()
	hold := func() v1alpha1.HTTPScalerHold {
		scaler := &v1alpha1.HTTPScaler{}
		b.exists(scaler, "web-0")
		return scaler.Spec.Hold
	}
	if now := hold(); now.Timeout == nil || now.Timeout.Duration != 3*time.Minute || *now.MaxPending != 7 {
		t.Errorf("hold %+v", now)
	}
	so := &kedav1alpha1.ScaledObject{}
	b.exists(so, "web")
	so.Spec.Triggers[0].Metadata["holdTimeout"] = "10s"
	b.update(so)
	b.reconcile()
	if now := hold(); now.Timeout.Duration != 10*time.Second || *now.MaxPending != 7 {
		t.Errorf("hold %+v", now)
	}
}
