package translate

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/kedify/inference-gateway/internal/contain"
	"github.com/kedify/inference-gateway/xds/fields"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
)

// withheld is what a rule answers that Envoy refuses. The reason is that of the condition.
func withheld() ir.Respond { return ir.Respond{StatusCode: 500, Reason: "RejectedByProxy"} }

// trialChain is the first fragment of the scope keys of trials. Listeners set the fragment to the name of a chain, which
// begins with a port.
const trialChain = "trial"

// divided is a table with the hosts that it is made of.
type divided struct {
	hosts []ir.Host
	// exact: the one host takes all domains, because its scope has compared the name.
	exact bool
	// chain and host of the scope key.
	chain, host string
	// ids of the parts.
	ids *partIDs
}

// partIDs are the IDs of the parts of each host. They cost as much as the table, and a search needs them for each trial.
type partIDs struct {
	once   sync.Once
	byHost []hostIDs
	err    error
}

// hostIDs are the IDs of what one host is made of.
type hostIDs struct {
	filters string // of the listener; empty: it has none
	routes  []string
}

// partIDs returns the IDs, which it computes once.
func (d divided) partIDs() ([]hostIDs, error) {
	d.ids.once.Do(func() { d.ids.byHost, d.ids.err = contain.Call(d.hashParts) })
	return d.ids.byHost, d.ids.err
}

func (d divided) hashParts() (byHost []hostIDs, err error) {
	for _, host := range d.hosts {
		over, err := fields.ReadRoute(host.Fields)
		if err != nil {
			return nil, err
		}
		ids := hostIDs{routes: make([]string, len(host.Routes))}
		if ids.filters, err = filtersID(host); err != nil {
			return nil, err
		}
		for i := range host.Routes {
			if ids.routes[i], err = partID(&host.Routes[i], host, over); err != nil {
				return nil, err
			}
		}
		byHost = append(byHost, ids)
	}
	return byHost, nil
}

var _ resource.Divisible = divided{}

// Parts is resource.Divisible.
func (d divided) Parts() (parts []resource.Part, err error) {
	ids, err := d.partIDs()
	if err != nil {
		return nil, err
	}
	for h, host := range d.hosts {
		if ids[h].filters != "" {
			parts = append(parts, resource.Part{ID: ids[h].filters, Name: ir.ListenerFiltersField, Source: host.Filters.Source})
		}
		for i := range host.Routes {
			_, forwards := host.Routes[i].Action.(*ir.Forward)
			parts = append(parts, resource.Part{
				ID: ids[h].routes[i], Name: ruleName(host.Routes[i].Name), Source: host.Routes[i].Source, Forwards: forwards,
			})
		}
	}
	return parts, nil
}

// filtersID is the hash of what the filters of a listener become; empty: there are none.
func filtersID(host ir.Host) (string, error) {
	configs, err := hostFilters(host)
	if len(configs) == 0 || err != nil {
		return "", err
	}
	var messages []proto.Message
	for _, name := range slices.Sorted(maps.Keys(configs)) {
		messages = append(messages, configs[name])
	}
	return hashOf(messages...)
}

// partID is the hash of the routes that a route of the IR becomes.
func partID(route *ir.Route, host ir.Host, over fields.Route) (string, error) {
	rendered, _, err := renderRoute(route, host, over)
	if err != nil {
		return "", err
	}
	var messages []proto.Message
	for _, r := range rendered {
		messages = append(messages, r.route)
	}
	return hashOf(messages...)
}

func hashOf(messages ...proto.Message) (string, error) {
	hash := sha256.New() // that an owner of a refused rule can make no other rule with its ID
	for _, message := range messages {
		body, err := proto.MarshalOptions{Deterministic: true}.Marshal(message)
		if err != nil {
			return "", err
		}
		_, _ = hash.Write(body)
	}
	return hex.EncodeToString(hash.Sum(nil)[:16]), nil
}

// ruleName is the last part of the name of a route: kind/namespace/name/rule.
func ruleName(route string) string {
	parts := strings.SplitN(route, "/", 4)
	return parts[len(parts)-1]
}

// Render is resource.Divisible.
func (d divided) Render(forms map[string]resource.Form) (resource.Resource, error) {
	changed, err := d.with(func(id string) resource.Form { return forms[id] }, true, true)
	if err != nil {
		return resource.Resource{}, err
	}
	_, table, err := changed.render()
	table.Divisible = d // what is withheld may come back
	return table, err
}

// Trial is resource.Divisible.
func (d divided) Trial(name string, forms map[string]resource.Form) (scope, table resource.Resource, err error) {
	trial, err := d.with(func(id string) resource.Form {
		if form, ok := forms[id]; ok {
			return form
		}
		return resource.Absent
	}, false, len(forms) == 0)
	if err != nil {
		return scope, table, err
	}
	trial.chain, trial.host = trialChain, name
	scope, table, err = trial.render()
	table.Divisible, table.Clusters = nil, nil // no request is sent, so no cluster has to be warm
	return scope, table, err
}

// with returns the table with parts in other forms. Together: of a rule with a part that is not whole, all parts fail,
// because the user wrote one rule. So do all requests of a host without the filters of its listener, because no request is to
// pass without them. All: a host of which no part is left stays and answers 404; else its requests went to a less
// specific host, which may be of another tenant.
func (d divided) with(formOf func(id string) resource.Form, together, all bool) (divided, error) {
	changed := d
	changed.hosts, changed.ids = nil, &partIDs{}
	ids, err := d.partIDs()
	if err != nil {
		return d, err
	}
	for h, host := range d.hosts {
		filters := resource.Whole
		if ids[h].filters != "" {
			filters = formOf(ids[h].filters)
		}
		empty := len(host.Routes) == 0
		switch {
		case filters == resource.Failing, filters == resource.Absent && together:
			host = host.Answering(ir.ListenerFiltersField, ir.FiltersFailed(), host.Filters.Source)
		case filters == resource.Absent:
			host.Filters = nil
			fallthrough
		default:
			host.Routes = routesIn(host, formsOf(host, ids[h].routes, formOf, together))
		}
		if all || d.exact || len(host.Routes) > 0 || empty || host.Filters != nil {
			changed.hosts = append(changed.hosts, host)
		}
	}
	return changed, nil
}

// routesIn returns the routes of a host in their forms.
func routesIn(host ir.Host, forms []resource.Form) (routes []ir.Route) {
	for i, route := range host.Routes {
		switch forms[i] {
		case resource.Whole:
			routes = append(routes, route)
		case resource.Failing:
			answer := withheld()
			route.Action = &answer
			routes = append(routes, route)
		case resource.Absent:
		}
	}
	return routes
}

// formsOf returns the form of each route of a host.
func formsOf(host ir.Host, ids []string, formOf func(id string) resource.Form, together bool) []resource.Form {
	forms, broken := make([]resource.Form, len(host.Routes)), map[ir.Action]bool{}
	for i, id := range ids {
		forms[i] = formOf(id)
		if forms[i] != resource.Whole {
			broken[host.Routes[i].Action] = true
		}
	}
	for i := range forms {
		if together && forms[i] == resource.Whole && broken[host.Routes[i].Action] {
			forms[i] = resource.Failing
		}
	}
	return forms
}
