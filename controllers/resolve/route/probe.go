package route

import (
	"cmp"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/xds/ir"
)

const statusOK = 200

// probe returns the match of the health checks of the trigger that a rule's requests count
// for: the rule's own, but for the path, and without a model, which no health check asks for. Load balancers and kubelets
// ask all day, and what they ask must keep nothing awake.
func (r *routeResolver) probe(of match, action ir.Action) (match, bool) {
	check := r.healthCheck(action)
	if check == nil {
		return match{}, false
	}
	probe := match{Match: of.Match, text: "healthcheck"}
	probe.Path, probe.Model = ir.PathMatch{Kind: ir.PathExact, Value: check.Path}, ir.ModelMatch{}
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

// answerProbe is the action for health checks of a rule that matches of: 200, or the backend through clusters that count
// for no trigger. While the backend is at zero, scaler/hold answers them.
func (r *routeResolver) answerProbe(of match, action ir.Action) ir.Action {
	check := r.healthCheck(action)
	path := check.Path
	if check.Response == v1alpha1.HealthStatic {
		return &ir.Respond{StatusCode: statusOK}
	}
	forward := *action.(*ir.Forward)
	forward.Targets = append([]ir.Target(nil), forward.Targets...)
	for i := range forward.Targets {
		forward.Targets[i].Cluster.Demand = ""
		if replacesPrefix(forward.Targets[i].Filters.Rewrite) {
			rewrite := *forward.Targets[i].Filters.Rewrite
			if rewrite.Path = replacedPrefix(of.Path, rewrite.Path.Value, path); rewrite.Path == nil {
				rewrite.Path = &ir.PathRewrite{Value: path} // and not that of the rule
			}
			forward.Targets[i].Filters.Rewrite = &rewrite
		}
	}
	if replacesPrefix(forward.Filters.Rewrite) {
		rewrite := *forward.Filters.Rewrite
		rewrite.Path = replacedPrefix(of.Path, rewrite.Path.Value, path)
		forward.Filters.Rewrite = &rewrite
	}
	return &forward
}

// replacedPrefix is what a rule makes of one path whose prefix it replaces; nil: the path is not below the prefix of the rule, and
// stays.
func replacedPrefix(of ir.PathMatch, replacement, path string) *ir.PathRewrite {
	from := strings.TrimRight(of.Value, "/")
	rest, below := strings.CutPrefix(path, from)
	if !below || rest != "" && rest[0] != '/' {
		return nil
	}
	return &ir.PathRewrite{Value: cmp.Or(strings.TrimRight(replacement, "/")+rest, "/")}
}
