package translate

import (
	"slices"
	"strings"

	xdscore "github.com/cncf/xds/go/xds/core/v3"
	xdsmatcher "github.com/cncf/xds/go/xds/type/matcher/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/kedify/inference-gateway/xds/ir"
)

const (
	// treeThreshold is the number of rules of one host above which a tree replaces the list. A
	// list costs about 0.1 us per rule passed over; a tree costs the same for any number of
	// rules, but 3 to 5 times as much to load (32 instead of 10 ms for 1,000 rules).
	treeThreshold = 200
	// maxTreeGrowth bounds what the tree repeats: a rule stands in the list of every path below
	// it, and one with a regular expression in every list. Beyond it the list is better.
	maxTreeGrowth = 32
	// ordinaryRule is the size of a rule, in bytes, that maxTreeGrowth is meant for; larger ones are
	// repeated less often.
	ordinaryRule = 256
)

// fill gives a virtual host its rules, as a list or as a tree, and the 404 that ends them.
func fill(host *routev3.VirtualHost, rules []*rule) error {
	if len(rules) > treeThreshold {
		tree, err := matcherTree(rules, maxTreeGrowth*len(rules))
		if err != nil {
			return err
		}
		if tree != nil {
			host.Matcher = tree
			return nil
		}
	}
	host.Routes = routeList(rules).Routes
	return nil
}

func routeList(rules []*rule) *routev3.RouteList {
	out := &routev3.RouteList{}
	for _, r := range rules {
		out.Routes = append(out.Routes, r.route)
	}
	out.Routes = append(out.Routes, notFound(NoMatchRoute))
	return out
}

// pathIndex finds the rules that can take a path.
type pathIndex struct {
	rules  []*rule
	exact  map[string][]int
	prefix map[string][]int // by segments, "" for all paths
	regex  []int
}

// indexPaths returns nil when a path is none that the keys of a tree can express.
func indexPaths(rules []*rule) *pathIndex {
	index := &pathIndex{rules: rules, exact: map[string][]int{}, prefix: map[string][]int{}}
	for i, r := range rules {
		if spelled(r.path).Kind == ir.PathRegex {
			index.regex = append(index.regex, i)
			continue
		}
		if !strings.HasPrefix(r.path.Value, "/") || strings.ContainsAny(r.path.Value, "?#") {
			return nil
		}
		if r.path.Kind == ir.PathExact {
			index.exact[r.path.Value] = append(index.exact[r.path.Value], i)
		} else {
			prefix := segments(r.path.Value)
			index.prefix[prefix] = append(index.prefix[prefix], i)
		}
	}
	return index
}

// at returns the rules that can take exactly this path, in the order of precedence.
func (x *pathIndex) at(path string) []*rule { return x.pick(x.exact[path], path) }

// below returns the rules that can take the paths below a prefix which no longer key claims.
func (x *pathIndex) below(prefix string) []*rule { return x.pick(nil, prefix) }

// pick merges rules of the path itself, of every prefix above it, and with expressions.
func (x *pathIndex) pick(own []int, path string) []*rule {
	found := slices.Concat(own, x.regex, x.prefix[""])
	for end := 1; end <= len(path); end++ {
		if end == len(path) || path[end] == '/' {
			found = append(found, x.prefix[path[:end]]...)
		}
	}
	slices.Sort(found)
	var out []*rule
	for _, i := range slices.Compact(found) {
		out = append(out, x.rules[i])
	}
	return out
}

// treeBuilder collects the two maps of a tree.
type treeBuilder struct {
	exact, prefix map[string]*xdsmatcher.Matcher_OnMatch
	// Rules in all lists, and their bytes, for maxTreeGrowth.
	routes, bytes int
	limit         int
}

func (b *treeBuilder) tooLarge() bool { return b.routes > b.limit || b.bytes/ordinaryRule > b.limit }

// matcherTree renders rules as an exact map of paths over a prefix map, each entry a list of
// its own. It returns nil when its lists would have more entries than the limit, or when keys
// cannot express the paths.
//
// Envoy takes the longest prefix and does not go on to a shorter one when no rule of the list
// fits; so each list ends with the rules of the shorter prefixes. The input is the path with
// its query, hence up to three keys for a path P: P itself, "P?" and "P/".
func matcherTree(rules []*rule, limit int) (*xdsmatcher.Matcher, error) {
	index := indexPaths(rules)
	if index == nil {
		return nil, nil
	}
	b := &treeBuilder{exact: map[string]*xdsmatcher.Matcher_OnMatch{}, prefix: map[string]*xdsmatcher.Matcher_OnMatch{}, limit: limit}
	for path := range index.exact {
		if err := b.path(index, path); err != nil || b.tooLarge() {
			return nil, err
		}
	}
	for prefix := range index.prefix {
		if prefix != "" {
			if err := b.path(index, prefix); err != nil {
				return nil, err
			}
		}
		list, err := b.list(index.below(prefix))
		if err != nil {
			return nil, err
		}
		b.prefix[prefix+"/"] = list
		if b.tooLarge() {
			return nil, nil
		}
	}
	rest, err := b.list(index.pick(nil, ""))
	if err != nil {
		return nil, err
	}
	return b.matcher(rest)
}

// path adds the keys of one path, with and without a query.
func (b *treeBuilder) path(index *pathIndex, path string) error {
	if b.exact[path] != nil {
		return nil // an exact and a prefix rule of the same path
	}
	list, err := b.list(index.at(path))
	if err != nil {
		return err
	}
	b.exact[path], b.prefix[path+"?"] = list, list
	return nil
}

func (b *treeBuilder) list(rules []*rule) (*xdsmatcher.Matcher_OnMatch, error) {
	b.routes += len(rules)
	config, err := typedConfig(routeList(rules))
	if err != nil {
		return nil, err
	}
	b.bytes += len(config.Value)
	return &xdsmatcher.Matcher_OnMatch{OnMatch: &xdsmatcher.Matcher_OnMatch_Action{
		Action: &xdscore.TypedExtensionConfig{Name: "routes", TypedConfig: config},
	}}, nil
}

func (b *treeBuilder) matcher(rest *xdsmatcher.Matcher_OnMatch) (*xdsmatcher.Matcher, error) {
	path, err := typedConfig(&matcherv3.HttpRequestHeaderMatchInput{HeaderName: ":path"})
	if err != nil {
		return nil, err
	}
	if len(b.prefix) > 0 {
		rest = &xdsmatcher.Matcher_OnMatch{OnMatch: &xdsmatcher.Matcher_OnMatch_Matcher{
			Matcher: level(path, &xdsmatcher.Matcher_MatcherTree{
				TreeType: &xdsmatcher.Matcher_MatcherTree_PrefixMatchMap{
					PrefixMatchMap: &xdsmatcher.Matcher_MatcherTree_MatchMap{Map: b.prefix},
				},
			}, rest),
		}}
	}
	if len(b.exact) == 0 {
		return &xdsmatcher.Matcher{OnNoMatch: rest}, nil
	}
	return level(path, &xdsmatcher.Matcher_MatcherTree{
		TreeType: &xdsmatcher.Matcher_MatcherTree_ExactMatchMap{
			ExactMatchMap: &xdsmatcher.Matcher_MatcherTree_MatchMap{Map: b.exact},
		},
	}, rest), nil
}

// level is one map over the path, and what to do when nothing in it fits.
func level(path *anypb.Any, tree *xdsmatcher.Matcher_MatcherTree, rest *xdsmatcher.Matcher_OnMatch) *xdsmatcher.Matcher {
	tree.Input = &xdscore.TypedExtensionConfig{Name: "path", TypedConfig: path}
	return &xdsmatcher.Matcher{
		MatcherType: &xdsmatcher.Matcher_MatcherTree_{MatcherTree: tree},
		OnNoMatch:   rest,
	}
}
