package translate

import (
	"fmt"
	"math"
	"math/rand"
	"regexp"
	"strings"
	"testing"

	xdsmatcher "github.com/cncf/xds/go/xds/type/matcher/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"

	"github.com/kedify/inference-gateway/xds/fields"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/proxytest/oracle"
)

// rendered renders rules the way Host does.
func renderedRules(t testing.TB, routes []ir.Route) []*rule {
	t.Helper()
	var out []*rule
	for i := range routes {
		rules, _, err := renderRoute(&routes[i], ir.Host{Chain: "80", Hostname: "a.test"}, fields.Route{})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, rules...)
	}
	return out
}

// takes evaluates a match of Envoy.
func takes(m *routev3.RouteMatch, r oracle.Request) bool {
	path, _, _ := strings.Cut(r.Path, "?")
	switch p := m.PathSpecifier.(type) {
	case *routev3.RouteMatch_Path:
		if path != p.Path {
			return false
		}
	case *routev3.RouteMatch_Prefix:
		if !strings.HasPrefix(path, p.Prefix) {
			return false
		}
	case *routev3.RouteMatch_PathSeparatedPrefix:
		if path != p.PathSeparatedPrefix && !strings.HasPrefix(path, p.PathSeparatedPrefix+"/") {
			return false
		}
	case *routev3.RouteMatch_SafeRegex:
		if !regexp.MustCompile("^(?:" + p.SafeRegex.Regex + ")$").MatchString(path) {
			return false
		}
	default:
		panic(fmt.Sprintf("%T", p))
	}
	for _, header := range m.Headers {
		value := r.Headers[header.Name]
		if header.Name == ":method" {
			value = r.Method
		}
		exact := header.GetStringMatch().GetMatchPattern().(*matcherv3.StringMatcher_Exact).Exact
		if value != exact {
			return false
		}
	}
	return true
}

func inList(list []*routev3.Route, r oracle.Request) string {
	for _, route := range list {
		if takes(route.Match, r) {
			return route.Name
		}
	}
	return ""
}

// inTree walks a matcher the way Envoy does: exact entry, else longest prefix, and no second
// chance below an action.
func inTree(t testing.TB, m *xdsmatcher.Matcher, r oracle.Request) string {
	t.Helper()
	var found *xdsmatcher.Matcher_OnMatch
	switch tree := m.GetMatcherTree().GetTreeType().(type) {
	case *xdsmatcher.Matcher_MatcherTree_ExactMatchMap:
		found = tree.ExactMatchMap.Map[r.Path]
	case *xdsmatcher.Matcher_MatcherTree_PrefixMatchMap:
		longest := -1
		for prefix, entry := range tree.PrefixMatchMap.Map {
			if len(prefix) > longest && strings.HasPrefix(r.Path, prefix) {
				longest, found = len(prefix), entry
			}
		}
	}
	if found == nil {
		found = m.OnNoMatch
	}
	if nested := found.GetMatcher(); nested != nil {
		return inTree(t, nested, r)
	}
	list := &routev3.RouteList{}
	if err := found.GetAction().GetTypedConfig().UnmarshalTo(list); err != nil {
		t.Fatal(err)
	}
	return inList(list.Routes, r)
}

// compareTree checks that list and tree of a random host agree with the IR.
func compareTree(t testing.TB, seed int64, rules, requests int) {
	t.Helper()
	random := rand.New(rand.NewSource(seed))
	routes := oracle.Routes(random, rules)
	rendered := renderedRules(t, routes)
	list := routeList(rendered).Routes
	tree, err := matcherTree(rendered, math.MaxInt)
	if err != nil || tree == nil {
		t.Fatalf("no tree: %v", err)
	}
	for range requests {
		request := oracle.Ask(random, routes)
		want := oracle.Route(routes, request)
		if want == "" {
			want = NoMatchRoute
		}
		if got := inList(list, request); got != want {
			t.Fatalf("seed %d: %+v: the list answers %q, the IR %q", seed, request, got, want)
		}
		if got := inTree(t, tree, request); got != want {
			t.Fatalf("seed %d: %+v: the tree answers %q, the IR %q", seed, request, got, want)
		}
	}
}

func TestTreeEqualsList(t *testing.T) {
	for seed := range int64(300) {
		compareTree(t, seed, 1+int(seed%60), 100)
	}
}

func FuzzPathTree(f *testing.F) {
	f.Add(int64(1), uint8(10))
	f.Add(int64(2), uint8(200))
	f.Fuzz(func(t *testing.T, seed int64, rules uint8) {
		compareTree(t, seed, int(rules), 50)
	})
}

func TestTreeGrowth(t *testing.T) {
	host := func(regexes int) *routev3.VirtualHost {
		var routes []ir.Route
		for i := range treeThreshold + 1 {
			path := ir.PathMatch{Kind: ir.PathPrefix, Value: fmt.Sprintf("/p%d", i)}
			if i < regexes {
				path = ir.PathMatch{Kind: ir.PathRegex, Value: fmt.Sprintf("/r%d/.*", i)}
			}
			routes = append(routes, ir.Route{Name: "r", Match: ir.Match{Path: path}, Action: &ir.Respond{StatusCode: 200}})
		}
		out := &routev3.VirtualHost{}
		if err := fill(out, renderedRules(t, routes)); err != nil {
			t.Fatal(err)
		}
		return out
	}
	if host(0).Matcher == nil {
		t.Error("many prefixes make no tree")
	}
	if out := host(100); out.Matcher != nil || len(out.Routes) != treeThreshold+2 {
		t.Error("many expressions make a tree, which repeats them everywhere")
	}
}
