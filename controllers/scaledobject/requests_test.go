package scaledobject

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/scaledobject/plan"
	"github.com/kedify/inference-gateway/wiring/foreign"
)

// An Ingress that comes later bypasses the proxy, which the HTTPScaler says; a first request
// through the proxy ends that, and the HTTPScaler remembers it.
func TestIngressBypassesUntilFirstRequest(t *testing.T) {
	b := newBench(t, webService())
	so := scaledObject("web", "a.test")
	delete(so.Spec.Triggers[0].Metadata, "trafficAutowire")
	b.create(so)
	b.controller.kinds.synced = map[string]bool{}
	b.start()
	b.await("the first look", func() bool { return b.controller.kinds.has("ScaledObject") })
	b.informer(so).Add(so)
	traffic := func() v1alpha1.HTTPScalerTraffic {
		scaler := &v1alpha1.HTTPScaler{}
		b.exists(scaler, "web-0")
		return scaler.Spec.Traffic
	}
	b.await("the HTTPScaler", func() bool { return b.exists(&v1alpha1.HTTPScaler{}, "web-0") })
	if bypass := traffic().Bypass; len(bypass) > 0 {
		t.Fatalf("bypassed by %q", bypass)
	}
	ingress := webIngress()
	b.create(ingress)
	b.informer(ingress).Add(ingress)
	b.await("the bypass", func() bool { return len(traffic().Bypass) > 0 })
	warned := func(text string) func() bool {
		return func() bool {
			for _, event := range b.heard() {
				if strings.HasPrefix(event, text) {
					return true
				}
			}
			return false
		}
	}
	b.await("the warning", warned("Warning NoRequestYet trigger 0: Ingress shop/web "))
	b.requested.Store(types.NamespacedName{Namespace: "shop", Name: "web-0"}, true)
	b.await("the memory of the request", func() bool { return traffic().Seen })
	b.await("the event", warned("Normal RequestSeen trigger 0: A request came through the proxy"))
	bypassed := func() bool {
		scaler := &v1alpha1.HTTPScaler{}
		return b.exists(scaler, "web-0") && meta.FindStatusCondition(scaler.Status.Conditions, plan.ConditionBypassed) != nil
	}
	b.await("the end of the condition", func() bool { return !bypassed() })
	b.requested.Clear() // as after a restart
	b.reconcile()
	if now := traffic(); !now.Seen {
		t.Errorf("the first request is forgotten: %+v", now)
	}
}

func webIngress() *unstructured.Unstructured {
	ingress := newUnstructured(foreign.Ingress)
	ingress.SetNamespace("shop")
	ingress.SetName("web")
	service := map[string]any{"name": "web", "port": map[string]any{"number": int64(80)}}
	ingress.Object["spec"] = map[string]any{"defaultBackend": map[string]any{"service": service}}
	return ingress
}
