package translate

import (
	"errors"
	"slices"
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
		return &ir.Forward{Targets: []ir.Target{{Weight: 1, Cluster: ir.ClusterKey{Kind: ir.BackendService, Namespace: "a", Name: backend, Port: 80}}}}
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
		"rendered": {left, []string{"*.h.test", "*"}}, "a trial of nothing": {none, []string{"*.h.test", "*"}}, "a trial": {absent, []string{"*"}},
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
