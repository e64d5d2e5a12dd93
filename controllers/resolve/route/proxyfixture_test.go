package route

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/xds/ir"
)

// testProxy serves requests from tables as the real one does: the chain by port and server
// name, the exact table of the host or else the fallback table, the first rule that matches.
type testProxy struct {
	gateway   resolve.GatewayResult
	hosts     map[[2]string]ir.Host
	wildcards map[string]ir.Wildcards
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
	lookup := func(id resolve.ListenerID, hostname string) []resolve.Fragment { return at[id][hostname] }
	p := &testProxy{gateway: g, hosts: map[[2]string]ir.Host{}, wildcards: map[string]ir.Wildcards{}}
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
			if host, ok := Host(g, chain, hostname, lookup); ok {
				p.hosts[[2]string{chain, hostname}] = host
			}
		}
		slices.Sort(patterns)
		p.wildcards[chain] = Wildcards(g, chain, slices.Compact(patterns), lookup)
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
	chain, ok := p.chainOf(r)
	if !ok {
		return "refused"
	}
	if host, ok := p.hosts[[2]string{chain, r.host}]; ok {
		return answer(host.Routes, r)
	}
	best, found := ir.Host{}, false
	for _, host := range p.wildcards[chain].Hosts {
		if domainTakes(host.Hostname, r.host) && (!found || domainBeats(host.Hostname, best.Hostname)) {
			best, found = host, true
		}
	}
	if !found {
		return "404"
	}
	return answer(best.Routes, r)
}

func (p *testProxy) chainOf(r testRequest) (chain string, found bool) {
	best := ""
	for _, l := range p.gateway.Listeners {
		switch {
		case l.Port != r.port || l.Chain == "":
		case l.Protocol == gwv1.HTTPProtocolType:
			return l.Chain, true
		case domainTakes(l.Hostname, r.sni) && (!found || domainBeats(l.Hostname, best)):
			chain, best, found = l.Chain, l.Hostname, true
		}
	}
	return chain, found
}

// domainTakes and domainBeats are the rules of a proxy for domains: exact, longest suffix
// with "*", everything.
func domainTakes(domain, name string) bool {
	if domain == "" || domain == "*" || domain == name {
		return true
	}
	return strings.HasPrefix(domain, "*.") && strings.HasSuffix(name, domain[1:]) && len(name) > len(domain)-1
}

func domainBeats(a, b string) bool {
	rank := func(domain string) int {
		switch {
		case domain == "" || domain == "*":
			return 0
		case strings.HasPrefix(domain, "*"):
			return len(domain)
		}
		return 1000
	}
	return rank(a) > rank(b)
}

func answer(routes []ir.Route, r testRequest) string {
	for _, route := range routes {
		if !matchTakes(route.Match, r) {
			continue
		}
		switch action := route.Action.(type) {
		case *ir.Forward:
			return action.Targets[0].Cluster.Name
		case *ir.Respond:
			return fmt.Sprint(action.StatusCode)
		case *ir.Redirect:
			return "redirect"
		}
	}
	return "404"
}

func matchTakes(m ir.Match, r testRequest) bool {
	switch m.Path.Kind {
	case ir.PathExact:
		if r.path != m.Path.Value {
			return false
		}
	case ir.PathPrefix:
		if m.Path.Value != "/" && r.path != m.Path.Value && !strings.HasPrefix(r.path, m.Path.Value+"/") {
			return false
		}
	case ir.PathRegex:
		if !regexp.MustCompile("^(?:" + m.Path.Value + ")$").MatchString(r.path) {
			return false
		}
	}
	if m.Method != "" && m.Method != r.method {
		return false
	}
	return valuesTake(m.Headers, r.headers) && valuesTake(m.Query, r.params)
}

func valuesTake(wanted []ir.ValueMatch, values map[string]string) bool {
	for _, want := range wanted {
		value, ok := values[want.Name]
		if !ok || !want.Regex && value != want.Value || want.Regex && !regexp.MustCompile("^(?:"+want.Value+")$").MatchString(value) {
			return false
		}
	}
	return true
}
