package route

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/listener"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/ir/lookup"
)

// testProxy serves requests from tables as the real one does (package lookup).
type testProxy struct {
	gateway resolve.GatewayResult
	tables  lookup.Tables
}

type testRequest struct {
	port            uint32
	sni, host       string
	path, method    string
	headers, params map[string]string
}

func (r testRequest) String() string {
	return fmt.Sprintf("%d sni=%q %s %s%s headers %v params %v", r.port, r.sni, r.method, r.host, r.path, r.headers, r.params)
}

// newTestProxy builds every table that the routes and listeners call for.
func newTestProxy(g resolve.GatewayResult, routes []resolve.RouteResult) *testProxy {
	at := map[resolve.ListenerID]map[string][]resolve.Fragment{}
	for _, route := range routes {
		for _, f := range route.Fragments {
			if f.Gateway != g.Key {
				continue
			}
			if at[f.Listener] == nil {
				at[f.Listener] = map[string][]resolve.Fragment{}
			}
			at[f.Listener][f.Hostname] = append(at[f.Listener][f.Hostname], f)
		}
	}
	fragments := func(id resolve.ListenerID, hostname string) []resolve.Fragment { return at[id][hostname] }
	p := &testProxy{gateway: g, tables: lookup.Tables{
		Listeners: listener.ByPort(g, nil), Hosts: map[lookup.Place]ir.Host{}, Wildcards: map[string]ir.Wildcards{},
	}}
	for _, chain := range p.chains() {
		exact, patterns := map[string]bool{}, []string{}
		for _, l := range g.Listeners {
			if l.Chain != chain {
				continue
			}
			if l.Hostname != "" && !strings.HasPrefix(l.Hostname, "*") {
				exact[l.Hostname] = true
			}
			for hostname := range at[l.ID] {
				if strings.HasPrefix(hostname, "*") {
					patterns = append(patterns, hostname)
				} else {
					exact[hostname] = true
				}
			}
		}
		for hostname := range exact {
			if host, ok := Host(g, chain, hostname, fragments); ok {
				p.tables.Hosts[lookup.Place{Chain: chain, Hostname: hostname}] = host
			}
		}
		slices.Sort(patterns)
		p.tables.Wildcards[chain] = Wildcards(g, chain, slices.Compact(patterns), fragments)
	}
	return p
}

func (p *testProxy) chains() []string {
	var chains []string
	for _, l := range p.gateway.Listeners {
		if l.Chain != "" && l.ServesHTTP() && !slices.Contains(chains, l.Chain) {
			chains = append(chains, l.Chain)
		}
	}
	return chains
}

// serve returns the name of the backend Service, or the status of a direct answer.
func (p *testProxy) serve(r testRequest) string {
	found := p.tables.Find(lookup.Request{
		Port: r.port, ServerName: r.sni, Host: r.host, Method: r.method, Path: r.path, Headers: r.headers, Query: r.params,
	})
	switch {
	case found.Chain == nil:
		return "refused"
	case found.Route == nil:
		return "404"
	}
	switch action := found.Route.Action.(type) {
	case *ir.Forward:
		return action.Targets[0].Cluster.Name
	case *ir.Respond:
		return fmt.Sprint(action.StatusCode)
	default:
		return "redirect"
	}
}
