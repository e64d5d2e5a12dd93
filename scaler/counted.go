package scaler

import (
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// counted are the kinds of targets whose replicas are known from memory (controllers/replicas), with the version that is
// watched. All of them have spec.replicas, and mean one replica without it, and status.readyReplicas.
var counted = map[schema.GroupKind]string{
	{Group: "apps", Kind: "Deployment"}:     "v1",
	{Group: "apps", Kind: "StatefulSet"}:    "v1",
	{Group: "argoproj.io", Kind: "Rollout"}: "v1alpha1",
}

// Counted returns the kind of a target as it is watched; false: its replicas are not known from memory.
func Counted(target v1alpha1.HTTPScalerTarget) (schema.GroupVersionKind, bool) {
	kind := schema.FromAPIVersionAndKind(target.APIVersion, target.Kind).GroupKind()
	version, is := counted[kind]
	return kind.WithVersion(version), is
}

// CountedKinds returns all of them, in no order.
func CountedKinds() (kinds []schema.GroupVersionKind) {
	for kind, version := range counted {
		kinds = append(kinds, kind.WithVersion(version))
	}
	return kinds
}
