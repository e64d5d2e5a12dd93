package plan

import (
	"maps"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler/trigger"
)

// isRollout reports whether the target is a Rollout of Argo, which names its Services itself.
func isRollout(target v1alpha1.HTTPScalerTarget) bool {
	return target.Kind == "Rollout" && strings.HasPrefix(target.APIVersion, "argoproj.io/")
}

// withWeightsOf adds the weights that stand on the Rollout, unless the ScaledObject has some.
func withWeightsOf(annotations map[string]string, rollout *unstructured.Unstructured) map[string]string {
	if rollout == nil {
		return annotations
	}
	weights, found := rollout.GetAnnotations()[trigger.WeightsAnnotation]
	if _, own := annotations[trigger.WeightsAnnotation]; own || !found {
		return annotations
	}
	merged := map[string]string{trigger.WeightsAnnotation: weights}
	maps.Copy(merged, annotations)
	return merged
}

// serviceFields are where a Rollout names the Service that takes all traffic when nothing is
// being rolled out.
var serviceFields = [][]string{
	{"spec", "strategy", "canary", "stableService"},
	{"spec", "strategy", "blueGreen", "activeService"},
}

// fromRollout completes a trigger that leaves its Service to the Rollout.
func (m *maker) fromRollout(c *candidate, rollout *unstructured.Unstructured) {
	target := c.spec.Scale.Target
	if c.spec.Type != v1alpha1.TriggerHTTP || c.spec.Backend.Service != "" || c.pooled() || !isRollout(target) {
		return
	}
	if rollout == nil {
		c.unresolve(ReasonRolloutNotFound, "scaleTargetRef: Rollout "+c.of(target.Name).String()+
			" does not exist, and the trigger leaves its Service to it; create the Rollout, or set service.")
		return
	}
	for _, field := range serviceFields {
		if name, found, err := unstructured.NestedString(rollout.Object, field...); err == nil && found && name != "" {
			c.spec.Backend.Service = name
			return
		}
	}
	c.unresolve(ReasonServiceMissing, "scaleTargetRef: Rollout "+c.of(target.Name).String()+
		" names neither strategy.canary.stableService nor strategy.blueGreen.activeService; set one of them, or service of the trigger.")
}
