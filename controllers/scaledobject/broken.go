package scaledobject

import (
	"fmt"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/controllers/apply"
	"github.com/kedify/inference-gateway/controllers/scaledobject/plan"
	"github.com/kedify/inference-gateway/internal/contain"
)

// failures are those of a plan, with which its partition is tried again.
func (c *Controller) failures(made plan.Plan) (problems []error) {
	for _, failure := range made.Failures {
		contain.Log(c.Log, failure.Err, "Failed to plan a trigger; what there is of it stays", "scaledObject", failure.ScaledObject.String())
		problems = append(problems, fmt.Errorf("plan ScaledObject %s: %w", failure.ScaledObject, failure.Err))
	}
	return problems
}

// prunedOf are the kinds that are generated for triggers, but for what stays as it is.
func prunedOf(made plan.Plan) []apply.Pruned {
	if len(made.Kept) == 0 {
		return prunedOfTriggers
	}
	pruned := slices.Clone(prunedOfTriggers)
	for i := range pruned {
		pruned[i].Select = func(object client.Object) bool {
			return generated(object) && !slices.Contains(made.Kept, scalerOf(object))
		}
	}
	return pruned
}
