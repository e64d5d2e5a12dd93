package route

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
)

// Compare orders the rules of one hostname by precedence, first the one that is asked first
// (Gateway API HTTPRouteRule.matches and GRPCRouteRule.matches): exact path, regular
// expression, longest prefix, method, most headers, most query parameters, oldest route,
// namespace/name, kind, position in the route.
//
// Gateway API leaves the place of regular expressions open. Here they come after exact paths
// and before every prefix, the longer expression first: a prefix "/" would hide them
// otherwise. A model is one of the headers. An expression for models comes after what is as specific
// otherwise, the longer one first: an older "gpt-.*" would hide a model "gpt-4".
func Compare(a, b resolve.Rule) int {
	return cmp.Or(
		comparePaths(&a.Route, &b.Route),
		-compareBool(a.Route.Match.Method != "", b.Route.Match.Method != ""),
		-cmp.Compare(headerMatches(&a.Route), headerMatches(&b.Route)),
		-cmp.Compare(len(a.Route.Match.Query), len(b.Route.Match.Query)),
		compareModels(a.Route.Match.Model, b.Route.Match.Model),
		cmp.Compare(a.Created, b.Created),
		store.CompareKeys(a.Owner, b.Owner),
		cmp.Compare(a.Route.Source.Kind, b.Route.Source.Kind),
		cmp.Compare(a.Index, b.Index),
	)
}

func comparePaths(a, b *ir.Route) int {
	rankA, rankB := rankPath(a), rankPath(b)
	return -cmp.Or(
		cmp.Compare(rankA.kind, rankB.kind),
		cmp.Compare(rankA.length, rankB.length),
		cmp.Compare(rankA.method, rankB.method),
	)
}

// headerMatches is the number of headers that a rule compares in words of its route.
func headerMatches(route *ir.Route) int {
	if route.Match.Model.Any() {
		return len(route.Match.Headers)
	}
	return len(route.Match.Headers) + 1
}

func compareModels(a, b ir.ModelMatch) int {
	if !a.Regex || !b.Regex {
		return compareBool(a.Regex, b.Regex)
	}
	return -cmp.Compare(len(a.Value), len(b.Value))
}

// pathRank is how specific a path match is.
type pathRank struct {
	kind   int // prefixes, then expressions, then exact paths
	length int // characters
	method int // characters of the method, of GRPCRoutes that name no service
}

func rankPath(route *ir.Route) pathRank {
	path := route.Match.Path
	switch {
	case path.Kind == ir.PathExact:
		return pathRank{kind: 2, length: len(path.Value)}
	case path.Kind == ir.PathRegex && grpcMethodOnly(route):
		// A match without a service has no characters in a matching service: any service
		// that is named goes first, be it a prefix in the words of HTTP.
		return pathRank{method: len(path.Value) - len(anyService)}
	case path.Kind == ir.PathRegex:
		return pathRank{kind: 1, length: len(path.Value)}
	}
	// "/" takes everything and is as long as no prefix at all.
	return pathRank{length: len(path.Value) - 1}
}

func grpcMethodOnly(route *ir.Route) bool {
	return route.Source.Kind == string(store.GRPCRoute) && strings.HasPrefix(route.Match.Path.Value, anyService)
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

func sortedClusters(set map[ir.ClusterKey]struct{}) []ir.ClusterKey {
	return slices.SortedFunc(maps.Keys(set), ir.ClusterKey.Compare)
}

func sortedKeys(keys []types.NamespacedName) []types.NamespacedName {
	slices.SortFunc(keys, store.CompareKeys)
	return slices.Compact(keys)
}
