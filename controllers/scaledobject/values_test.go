package scaledobject

import (
	"context"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// withValues has values for the proxy of the namespace shop.
func withValues(t *testing.T, entry string, objects ...client.Object) (b *bench, set func(string)) {
	t.Helper()
	values := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kedify-system", Name: "values"},
		Data:       map[string]string{"namespacedValues.shop": entry},
	}
	b = newBench(t, append(objects, scaledObject("web", "a.test"), webService(), values)...)
	b.controller.Namespace, b.controller.Values = "kedify-system", "values"
	return b, func(entry string) {
		if err := b.client.Get(context.Background(), client.ObjectKeyFromObject(values), values); err != nil {
			t.Fatal(err)
		}
		values.Data["namespacedValues.shop"] = entry
		b.update(values)
	}
}

// Invalid values write one annotation and one event, valid ones take the annotation back.
func TestInvalidValuesAreToldOnce(t *testing.T) {
	b, set := withValues(t, "replicas: 2")
	b.reconcile()
	b.reconcile()
	b.heard()
	b.written()
	set("replicas: -2")
	for range 3 {
		b.reconcile()
	}
	if writes := b.written(); !slices.Equal(writes, []string{"apply GatewayParameters kedify-proxy"}) {
		t.Errorf("writes %q", writes)
	}
	told := b.heard()
	if len(told) != 1 || !strings.HasPrefix(told[0], "Warning InvalidProxyValues ") ||
		!strings.Contains(told[0], "spec.replicas -2 is negative") {
		t.Errorf("events %q", told)
	}
	parameters := &v1alpha1.GatewayParameters{}
	if b.exists(parameters, "kedify-proxy"); parameters.Spec.Replicas == nil || *parameters.Spec.Replicas != 2 {
		t.Errorf("parameters %+v", parameters.Spec)
	}
	set("replicas: 3")
	b.reconcile()
	b.reconcile()
	if b.exists(parameters, "kedify-proxy"); *parameters.Spec.Replicas != 3 || parameters.Annotations[v1alpha1.ValuesProblemAnnotation] != "" {
		t.Errorf("parameters %+v, annotations %v", parameters.Spec, parameters.Annotations)
	}
	if writes := b.written(); len(writes) != 1 {
		t.Errorf("writes %q", writes)
	}
}

// Parameters that the API server refuses are reported on the Gateway, and the rest is made.
func TestRefusedParametersAreTold(t *testing.T) {
	b, _ := withValues(t, "replicas: 2")
	b.reconcile()
	b.reconcile()
	b.heard()
	b.fail["apply GatewayParameters kedify-proxy"] = apierrors.NewInvalid(schema.GroupKind{Kind: "GatewayParameters"}, "kedify-proxy", nil)
	parameters := &v1alpha1.GatewayParameters{}
	b.exists(parameters, "kedify-proxy")
	*parameters.Spec.Replicas = 7
	b.update(parameters)
	for range 3 {
		if err := b.controller.reconcile(context.Background(), "shop"); err == nil {
			t.Fatal("the failure is not tried again")
		}
	}
	if told := b.heard(); len(told) != 1 || !strings.HasPrefix(told[0], "Warning NotApplied ") {
		t.Errorf("events %q", told)
	}
}

// Parameters of the user win over values, valid or not.
func TestParametersOfTheUserWin(t *testing.T) {
	mine := &v1alpha1.GatewayParameters{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "kedify-proxy"}}
	b, set := withValues(t, "replicas: 2", mine)
	b.reconcile()
	set("replicas: -2")
	b.reconcile()
	if b.exists(mine, "kedify-proxy"); mine.Spec.Replicas != nil || len(mine.Annotations) > 0 {
		t.Errorf("parameters %+v, annotations %v", mine.Spec, mine.Annotations)
	}
	if told := b.heard(); slices.ContainsFunc(told, func(event string) bool { return strings.Contains(event, "InvalidProxyValues") }) {
		t.Errorf("events %q", told)
	}
}

// TestX3PrivilegedValuesStayWithTheInstallation: what a Gateway may not set for itself is written into the namespace
// of the installation, and goes with the values and with the last trigger.
func TestX3PrivilegedValuesStayWithTheInstallation(t *testing.T) {
	b, set := withValues(t, "replicas: 2\nenvoy: {image: registry.example/hardened}")
	b.reconcile()
	inNamespace := func() *v1alpha1.GatewayParameters {
		found := &v1alpha1.GatewayParameters{}
		err := b.client.Get(context.Background(), client.ObjectKey{Namespace: "kedify-system", Name: "kedify-proxy.shop"}, found)
		if client.IgnoreNotFound(err) != nil {
			t.Fatal(err)
		}
		if err != nil {
			return nil
		}
		return found
	}
	if found := inNamespace(); found == nil || *found.Spec.Envoy.Image != "registry.example/hardened" || found.Spec.Replicas != nil {
		t.Fatalf("of the installation: %+v", found)
	}
	parameters := &v1alpha1.GatewayParameters{}
	if b.exists(parameters, "kedify-proxy"); *parameters.Spec.Replicas != 2 || parameters.Spec.Envoy != nil {
		t.Errorf("of the namespace: %+v", parameters.Spec)
	}
	set("replicas: 2")
	b.reconcile()
	if found := inNamespace(); found != nil {
		t.Errorf("left: %+v", found.Spec)
	}
	set("podTemplate: {spec: {nodeSelector: {pool: edge}}}")
	b.reconcile()
	if inNamespace() == nil {
		t.Fatal("not written again")
	}
	if err := b.client.Delete(context.Background(), scaledObject("web", "a.test")); err != nil {
		t.Fatal(err)
	}
	b.reconcile()
	if found := inNamespace(); found != nil {
		t.Errorf("left after the last trigger: %+v", found.Spec)
	}
}
