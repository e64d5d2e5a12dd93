package translate

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"

	"github.com/kedify/inference-gateway/internal/contain"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
)

// dividedHost has a rule with two matches, and another rule.
func dividedHost(name string) ir.Host {
	forward := func(backend string) ir.Action {
		return &ir.Forward{Targets: []ir.Target{{Weight: 1,
			Cluster: ir.ClusterKey{Kind: ir.BackendService, Namespace: "a", Name: backend, Port: 80}}}}
	}
	route := func(rule, path string, action ir.Action) ir.Route {
		return ir.Route{Name: "HTTPRoute/a/r/" + rule, Action: action, Match: ir.Match{Path: ir.PathMatch{Kind: ir.PathPrefix, Value: path}}}
	}
	one, two := forward("one"), forward("two")
	return ir.Host{Chain: "80", Hostname: name, Routes: []ir.Route{route("one", "/a", one), route("one", "/b", one), route("two", "/c", two)}}
}

// TestDivided: parts are known by their content, a rule with a refused part answers 500 in all of its parts, what is restored is
// the table as it was, and a trial has its parts alone.
func TestDivided(t *testing.T) {
	_, exact, err := Host(dividedHost("h.test"))
	if err != nil {
		t.Fatal(err)
	}
	_, wild, err := Wildcards(ir.Wildcards{Chain: "80", Hosts: []ir.Host{dividedHost("*.h.test"), dividedHost("*.i.test")}})
	if err != nil {
		t.Fatal(err)
	}
	for name, table := range map[string]resource.Resource{"exact": exact, "wildcards": wild} {
		t.Run(name, func(t *testing.T) {
			parts, err := table.Divisible.Parts()
			if err != nil {
				t.Fatal(err)
			}
			if parts[0].ID == parts[1].ID || parts[0].Name != "one" || name == "wildcards" && parts[0].ID != parts[3].ID {
				t.Errorf("parts %+v", parts)
			}
			whole, err := table.Divisible.Render(nil)
			if err != nil || whole.Version != table.Version {
				t.Errorf("rendered again: version %s, want %s (%v)", whole.Version, table.Version, err)
			}
			failing, err := table.Divisible.Render(map[string]resource.Form{parts[0].ID: resource.Failing})
			if err != nil {
				t.Fatal(err)
			}
			both, err := table.Divisible.Render(map[string]resource.Form{parts[0].ID: resource.Failing, parts[1].ID: resource.Failing})
			if err != nil || failing.Version != both.Version || failing.Version == whole.Version {
				t.Errorf("one part fails: version %s, both: %s (%v)", failing.Version, both.Version, err)
			}
			if again, err := failing.Divisible.Render(nil); err != nil || again.Version != table.Version {
				t.Errorf("restored: version %s, want %s (%v)", again.Version, table.Version, err)
			}
			_, trial, err := table.Divisible.Trial("7", map[string]resource.Form{parts[2].ID: resource.Whole})
			if err != nil || trial.Name != resource.TrialPrefix+"7" || len(trial.Clusters) != 0 || len(trial.Body) >= len(table.Body) {
				t.Errorf("trial %s of %d bytes (%v)", trial.Name, len(trial.Body), err)
			}
		})
	}
}

// TestAbsentHostStays: a hostname of which every rule is left out keeps its requests, which else went to a less specific one. A trial
// has the hosts of its parts alone, but for the one without parts, which has all.
func TestAbsentHostStays(t *testing.T) {
	_, table, err := Wildcards(ir.Wildcards{Chain: "80", Hosts: []ir.Host{dividedHost("*.h.test"), dividedHost("*")}})
	if err != nil {
		t.Fatal(err)
	}
	parts, err := table.Divisible.Parts()
	if err != nil {
		t.Fatal(err)
	}
	forms := map[string]resource.Form{}
	for _, part := range parts {
		forms[part.ID] = resource.Absent
	}
	left, err := table.Divisible.Render(forms)
	if err != nil {
		t.Fatal(err)
	}
	_, none, err := table.Divisible.Trial("1", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, absent, err := table.Divisible.Trial("2", forms)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		table resource.Resource
		hosts []string
	}{
		"rendered": {left, []string{"*.h.test", "*"}}, "a trial of nothing": {none, []string{"*.h.test", "*"}},
		"a trial": {absent, []string{"*"}},
	} {
		config := &routev3.RouteConfiguration{}
		if err := proto.Unmarshal(test.table.Body, config); err != nil {
			t.Fatal(err)
		}
		var hosts []string
		for _, host := range config.GetVirtualHosts() {
			hosts = append(hosts, host.GetDomains()...)
			if len(host.GetRoutes()) != 1 || host.GetRoutes()[0].GetDirectResponse().GetStatus() != 404 {
				t.Errorf("%s: %s has the routes %v, want one that answers 404", name, host.GetName(), host.GetRoutes())
			}
		}
		if !slices.Equal(hosts, test.hosts) {
			t.Errorf("%s: hosts %q, want %q", name, hosts, test.hosts)
		}
	}
}

// TestPartsPanic: a panic while the parts are hashed is the error of every call.
func TestPartsPanic(t *testing.T) {
	host := dividedHost("h.test")
	host.Routes[1].Action = (*ir.Respond)(nil)
	d := divided{hosts: []ir.Host{host}, exact: true, chain: "80", host: "h.test", ids: &partIDs{}}
	for call := range 2 {
		var panicked *contain.Panic
		if parts, err := d.Parts(); !errors.As(err, &panicked) || len(parts) > 0 {
			t.Errorf("call %d: parts %v, error %v", call, parts, err)
		}
	}
	if _, err := d.Render(map[string]resource.Form{"x": resource.Failing}); err == nil {
		t.Error("rendered without the IDs of the parts")
	}
}

// TestDividedListenerFilters: the filters of a listener are one part in each of its hosts. Where they are withheld, the hosts answer 500
// to all requests, and hosts of other listeners are as they were. A trial of them has nothing else, and one of rules goes without them.
func TestDividedListenerFilters(t *testing.T) {
	filters := &ir.ListenerFilters{
		Auths:  []*ir.Auth{{Cluster: ir.ClusterKey{Kind: ir.BackendService, Namespace: "a", Name: "auth", Port: 80}}},
		Source: ir.Source{Kind: "Gateway", Namespace: "a", Name: "g", Section: "l"},
	}
	with := func(host ir.Host) ir.Host { host.Filters = filters; return host }
	_, exact, err := Host(with(dividedHost("h.test")))
	if err != nil {
		t.Fatal(err)
	}
	_, wild, err := Wildcards(ir.Wildcards{Chain: "80", Hosts: []ir.Host{
		with(dividedHost("*.h.test")), with(ir.Host{Chain: "80", Hostname: "*.i.test"}), dividedHost("*"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	parts, err := exact.Divisible.Parts()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := parts[0].Source, filters.Source; got != want || parts[0].Name != "filters.requests" || parts[0].Forwards {
		t.Errorf("part %+v", parts[0])
	}
	if others, err := wild.Divisible.Parts(); err != nil || others[0].ID != parts[0].ID || others[4].ID != parts[0].ID || len(others) != 8 {
		t.Errorf("parts %+v (%v)", others, err)
	}
	if !slices.Contains(exact.Sources, filters.Source) || !slices.Contains(exact.Clusters, "service/a/auth/80") {
		t.Errorf("sources %v, clusters %v", exact.Sources, exact.Clusters)
	}
	for _, form := range []resource.Form{resource.Failing, resource.Absent} {
		left, err := wild.Divisible.Render(map[string]resource.Form{parts[0].ID: form})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := outlineOf(t, left), "*.h.test 500 404, *.i.test 500 404, * 0 0 0 404"; got != want {
			t.Errorf("%s: %s, want %s", form, got, want)
		}
		if again, err := left.Divisible.Render(nil); err != nil || again.Version != wild.Version {
			t.Errorf("restored: version %s, want %s (%v)", again.Version, wild.Version, err)
		}
	}
	for name, tt := range map[string]struct {
		forms map[string]resource.Form
		want  string
	}{
		"filters": {map[string]resource.Form{parts[0].ID: resource.Whole}, "*.h.test filters 404, *.i.test filters 404, * 404"},
		"failing": {map[string]resource.Form{parts[0].ID: resource.Failing}, "*.h.test 500 404, *.i.test 500 404, * 404"},
		"a rule":  {map[string]resource.Form{parts[3].ID: resource.Whole}, "*.h.test 0 404, *.i.test 404, * 0 404"},
		"nothing": {nil, "*.h.test 404, *.i.test 404, * 404"},
	} {
		_, trial, err := wild.Divisible.Trial("1", tt.forms)
		if err != nil {
			t.Fatal(err)
		}
		if got := outlineOf(t, trial); got != tt.want {
			t.Errorf("a trial of %s: %s, want %s", name, got, tt.want)
		}
	}
}

// outlineOf is the hosts of a table, whether they have filters, and the statuses of what is answered directly; 0 is forwarded.
func outlineOf(t *testing.T, table resource.Resource) string {
	t.Helper()
	config := &routev3.RouteConfiguration{}
	if err := proto.Unmarshal(table.Body, config); err != nil {
		t.Fatal(err)
	}
	var hosts []string
	for _, host := range config.GetVirtualHosts() {
		words := host.GetDomains()[:1]
		if len(host.GetTypedPerFilterConfig()) > 0 {
			words = append(words, "filters")
		}
		for _, route := range host.GetRoutes() {
			words = append(words, fmt.Sprint(route.GetDirectResponse().GetStatus()))
		}
		hosts = append(hosts, strings.Join(words, " "))
	}
	return strings.Join(hosts, ", ")
}
