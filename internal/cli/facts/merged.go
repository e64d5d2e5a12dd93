package facts

import (
	"context"
	"maps"
	"math"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/debug"
	"github.com/kedify/inference-gateway/internal/cli/chain"
)

// Demands returns the demand of all triggers, by namespace/name, as the replica with the best view has it: replicas exchange what
// they count, and one that has just begun knows less.
func (s *Source) Demands(ctx context.Context) (map[string]debug.Demand, error) {
	answers, err := ask[[]debug.Demand](ctx, s, "/demand")
	best := map[string]debug.Demand{}
	for _, replica := range slices.Sorted(maps.Keys(answers)) {
		for _, demand := range answers[replica] {
			if known, found := best[demand.Key]; !found || better(demand, known) {
				best[demand.Key] = demand
			}
		}
	}
	return best, err
}

// better reports whether a replica knows more of a trigger than another one.
func better(a, b debug.Demand) bool {
	if knownA, knownB := a.Unknown == "", b.Unknown == ""; knownA != knownB {
		return knownA
	}
	return heard(a) > heard(b)
}

func heard(demand debug.Demand) (count int) {
	for _, proxy := range demand.Proxies {
		if proxy.Heard {
			count++
		}
	}
	return count
}

// Asked returns the last poll of KEDA at any replica, by the namespace/name of the trigger: KEDA asks one of them.
func (s *Source) Asked(ctx context.Context) (map[string]debug.Asked, error) {
	answers, err := ask[[]debug.Asked](ctx, s, "/keda")
	last := map[string]debug.Asked{}
	for _, replica := range slices.Sorted(maps.Keys(answers)) {
		for _, asked := range answers[replica] {
			if known, found := last[asked.Key]; !found || age(asked.Ago) < age(known.Ago) {
				last[asked.Key] = asked
			}
		}
	}
	return last, err
}

// age of an answer; one that does not parse is the oldest.
func age(text string) time.Duration {
	if parsed, err := time.ParseDuration(text); err == nil {
		return parsed
	}
	return math.MaxInt64
}

// Holding returns the queues of all replicas, by the namespace/name of the trigger.
func (s *Source) Holding(ctx context.Context) (map[string][]debug.HoldBackend, error) {
	answers, err := ask[[]debug.Hold](ctx, s, "/hold")
	holding := map[string][]debug.HoldBackend{}
	for _, replica := range slices.Sorted(maps.Keys(answers)) {
		for _, gateway := range answers[replica] {
			for _, backend := range gateway.Backends {
				for _, key := range backend.Demands {
					holding[key.String()] = append(holding[key.String()], backend)
				}
			}
		}
	}
	return holding, err
}

// envoys returns what all replicas say about the proxies of a Gateway and what an object made of them.
func (s *Source) envoys(ctx context.Context, gateway types.NamespacedName, object chain.Object) (*chain.Envoys, error) {
	answers, err := ask[[]debug.Gateway](ctx, s, "/xds/"+gateway.String())
	if len(answers) == 0 {
		return nil, err
	}
	merged := &chain.Envoys{}
	for _, replica := range slices.Sorted(maps.Keys(answers)) {
		for _, dump := range answers[replica] {
			addEnvoys(merged, dump, object)
		}
	}
	return merged, err
}

func addEnvoys(merged *chain.Envoys, dump debug.Gateway, object chain.Object) {
	type resource struct{ kind, name string }
	shaped := map[resource]bool{}
	for _, r := range dump.Resources {
		if slices.ContainsFunc(r.Sources, isSource(object)) {
			shaped[resource{r.Type, r.Name}] = true
		}
	}
	merged.Resources = max(merged.Resources, len(shaped))
	merged.Connected += len(dump.Proxies)
	for _, proxy := range dump.Proxies {
		if slices.ContainsFunc(proxy.Resources, func(r debug.ProxyResource) bool {
			return shaped[resource{r.Type, r.Name}] && r.Acked != r.Desired
		}) {
			merged.Behind++
		}
	}
	for _, rejection := range dump.Rejected {
		if slices.ContainsFunc(rejection.Sources, isSource(object)) {
			merged.Rejected = append(merged.Rejected, rejection)
		}
	}
}

func isSource(object chain.Object) func(debug.Source) bool {
	return func(source debug.Source) bool {
		return source.Kind == object.Kind && source.Namespace == object.Namespace && source.Name == object.Name
	}
}
