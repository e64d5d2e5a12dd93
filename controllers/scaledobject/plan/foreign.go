package plan

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/wiring/foreign"
)

// foreignTargets returns the backends of an object of a kind that only other controllers serve.
func foreignTargets(object *unstructured.Unstructured) []target {
	var targets []target
	for _, reference := range foreign.References(object) {
		if to := reference.Target; to.Key.Name != "" {
			targets = append(targets, target{pool: to.Pool, key: to.Key})
		}
	}
	return targets
}

// backendOf reads a reference to a Service or an InferencePool, without the port.
func backendOf(ref gwv1.BackendRef, namespace string) (target, bool) {
	group, kind := "", "Service"
	if ref.Group != nil {
		group = string(*ref.Group)
	}
	if ref.Kind != nil {
		kind = string(*ref.Kind)
	}
	key := types.NamespacedName{Namespace: refNamespace(ref, namespace), Name: string(ref.Name)}
	switch {
	case group == inferencev1.GroupName && kind == "InferencePool":
		return target{pool: true, key: key}, true
	case group == "" && kind == "Service":
		return target{key: key}, true
	}
	return target{}, false
}
