package route

import (
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/xds/ir"
)

const statusOK = 200

// probe returns the match of the health checks of the trigger that a rule's requests count
// for: the rule's own, but for the path. Load balancers and kubelets ask all day, and what they
// ask must keep nothing awake.
func (r *routeResolver) probe(of match, action ir.Action) (match, bool) {
	check := r.healthCheck(action)
	if check == nil {
		return match{}, false
	}
	probe := match{Match: of.Match, text: "healthcheck"}
	probe.Path = ir.PathMatch{Kind: ir.PathExact, Value: check.Path}
	return probe, true
}

// healthCheck returns how health checks of the trigger behind an action are answered; nil when
// they are requests like others.
func (r *routeResolver) healthCheck(action ir.Action) *v1alpha1.HTTPScalerHealthCheck {
	forward, ok := action.(*ir.Forward)
	if !ok {
		return nil
	}
	for _, target := range forward.Targets {
		if target.Invalid || target.Cluster.Demand == "" {
			continue
		}
		found := r.view.HTTPScaler(types.NamespacedName{Namespace: target.Cluster.Namespace, Name: target.Cluster.Demand})
		if found == nil || found.Spec.HealthCheck.Path == "" {
			continue
		}
		if found.Spec.HealthCheck.Response != v1alpha1.HealthPathEmbeddedHost {
			return &found.Spec.HealthCheck
		}
	}
	return nil
}

// answerProbe is the action for health checks: 200, or the backend through clusters that count
// for no trigger. While the backend is at zero, scaler/hold answers them.
func (r *routeResolver) answerProbe(action ir.Action) ir.Action {
	if r.healthCheck(action).Response == v1alpha1.HealthStatic {
		return &ir.Respond{StatusCode: statusOK}
	}
	forward := *action.(*ir.Forward)
	forward.Targets = append([]ir.Target(nil), forward.Targets...)
	for i := range forward.Targets {
		forward.Targets[i].Cluster.Demand = ""
	}
	if rewrite := forward.Filters.Rewrite; rewrite != nil && rewrite.Path != nil && rewrite.Path.Prefix {
		// The prefix that it would replace is not what matched.
		forward.Filters.Rewrite = &ir.Rewrite{Hostname: rewrite.Hostname}
	}
	return &forward
}
