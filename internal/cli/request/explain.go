package request

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/offline"
	"github.com/kedify/inference-gateway/internal/cli/chain"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/ir/lookup"
)

// World is what requests are asked about.
type World struct {
	Gateways []offline.Gateway
	// Pods by address, "namespace/name"; they need not be known.
	Pods map[string]string
	// NoEndpoints: the objects have no EndpointSlices, as files that people write, so Pods are not known.
	NoEndpoints bool
	// Unserved are hostnames of routes that no Gateway serves, with why: "HTTPRoute shop/web: ...".
	Unserved map[string]string
}

// Explain says what becomes of a request that comes to a Gateway. Without a name every Gateway is asked, and those that take it are
// told; if none does, the one that comes nearest.
func (w World) Explain(asked Asked, gateway types.NamespacedName) []chain.Checklist {
	var taken []chain.Checklist
	var nearest *outcome
	for i := range w.Gateways {
		if gateway.Name != "" && w.Gateways[i].Key != gateway {
			continue
		}
		found := w.at(asked, w.Gateways[i])
		if found.list.Served {
			taken = append(taken, found.list)
		} else if nearest == nil || found.depth > nearest.depth || found.depth == nearest.depth && found.distance < nearest.distance {
			nearest = &found
		}
	}
	switch {
	case len(taken) > 0:
		return taken
	case nearest != nil:
		return []chain.Checklist{nearest.list}
	}
	evidence := "there is no Gateway of this product."
	if gateway.Name != "" {
		evidence = fmt.Sprintf("Gateway %s does not exist, or its class is not of this product.", gateway)
	}
	return []chain.Checklist{failed(asked, chain.Link{Name: "gateway", Evidence: evidence, Fix: "create a Gateway of class kedify"}).list}
}

// outcome is what one Gateway does with a request: how many links hold, and how far the nearest miss is away.
type outcome struct {
	list            chain.Checklist
	depth, distance int
}

func title(asked Asked) string { return asked.Method + " " + asked.URL }

func failed(asked Asked, links ...chain.Link) outcome {
	last := &links[len(links)-1]
	last.State = chain.Failed
	return outcome{depth: len(links), list: chain.Checklist{Object: title(asked), Cause: last.Name + ": " + last.Evidence, Links: links}}
}

// at asks one Gateway.
func (w World) at(asked Asked, gateway offline.Gateway) outcome {
	found := gateway.Tables.Find(asked.Request)
	links := []chain.Link{{Name: "gateway", State: chain.OK, Evidence: "Gateway " + gateway.Key.String() + "."}}
	fail := func(link chain.Link, distance int) outcome {
		missed := failed(asked, append(links, link)...)
		missed.distance = distance
		return missed
	}
	if found.Listener == nil {
		return fail(noPort(asked, gateway), 0)
	}
	if found.Chain == nil {
		return fail(noServerName(asked, *found.Listener))
	}
	if link := wrongScheme(asked, *found.Chain); link.Evidence != "" {
		return fail(link, 0)
	}
	links = append(links, chain.Link{
		Name: "listener", State: chain.OK,
		Evidence: fmt.Sprintf("port %d, %s.", found.Listener.Port, listenerText(*found.Listener, *found.Chain)),
	})
	if found.Chain.Forward != nil {
		return layer4(asked, links, *found.Chain.Forward)
	}
	if found.Host == nil || len(found.Host.Routes) == 0 {
		return fail(w.noHost(asked, gateway.Tables, *found.Chain))
	}
	links = append(links, chain.Link{Name: "host", State: chain.OK, Evidence: hostText(asked, *found.Host)})
	if found.Host.Filters != nil {
		links = append(links, chain.Link{Name: "filters", State: chain.Unknown,
			Evidence: "filters of the listener are asked first; they may refuse or change the request."})
	}
	if found.Route == nil {
		return fail(noRule(asked, *found.Host))
	}
	links = append(links, chain.Link{Name: "rule", State: chain.OK, Evidence: ruleText(*found.Route)})
	return w.action(asked, gateway, links, *found.Route)
}

func listenerText(listener ir.Listener, served ir.Chain) string {
	text := "listener " + served.Source.Section
	if len(listener.Sources) > 1 && served.TLS == nil && served.Forward == nil {
		var names []string
		for _, source := range listener.Sources {
			names = append(names, source.Section)
		}
		slices.Sort(names)
		text = "listeners " + strings.Join(names, ", ")
	}
	if served.TLS != nil {
		text += fmt.Sprintf(", TLS for server names %s", cmp.Or(served.SNI, "*"))
	}
	return text
}

func hostText(asked Asked, host ir.Host) string {
	if name := lookup.Hostname(asked.Host); name != host.Hostname {
		return fmt.Sprintf("%s is taken by %s.", name, host.Hostname)
	}
	return host.Hostname + "."
}

func ruleText(route ir.Route) string {
	text := route.Source.String()
	if route.Source.Kind == "" {
		text = route.Name
	}
	return fmt.Sprintf("%s: %s.", text, matchText(route.Match))
}

func matchText(match ir.Match) string {
	parts := []string{string(match.Path.Kind) + " " + match.Path.Value}
	if match.Method != "" {
		parts = append(parts, "method "+match.Method)
	}
	for _, header := range match.Headers {
		parts = append(parts, fmt.Sprintf("header %s: %s", header.Name, header.Value))
	}
	for _, parameter := range match.Query {
		parts = append(parts, fmt.Sprintf("query %s=%s", parameter.Name, parameter.Value))
	}
	if !match.Model.Any() {
		parts = append(parts, "model "+match.Model.Value)
	}
	return strings.Join(parts, ", ")
}

// action adds what the rule does.
func (w World) action(asked Asked, gateway offline.Gateway, links []chain.Link, route ir.Route) outcome {
	switch action := route.Action.(type) {
	case *ir.Forward:
		return w.forward(asked, gateway, links, action)
	case *ir.Redirect:
		links = append(links, chain.Link{Name: "answer", State: chain.OK, Evidence: redirectText(action)})
		return served(asked, links)
	case *ir.Respond:
		if action.StatusCode < http.StatusBadRequest {
			text := fmt.Sprintf("%d by the proxy.", action.StatusCode)
			return served(asked, append(links, chain.Link{Name: "answer", State: chain.OK, Evidence: text}))
		}
		return failed(asked, append(links, respondLink(route, action))...)
	}
	return failed(asked, append(links, chain.Link{Name: "answer", Evidence: "the rule does nothing that is known here."})...)
}

func served(asked Asked, links []chain.Link) outcome {
	return outcome{depth: len(links), list: chain.Checklist{Object: title(asked), Served: true, Links: links}}
}

func respondLink(route ir.Route, action *ir.Respond) chain.Link {
	link := chain.Link{Name: "answer", Evidence: fmt.Sprintf("the proxy answers %d itself.", action.StatusCode)}
	switch {
	case action.StatusCode == http.StatusMisdirectedRequest:
		link.Evidence = "the proxy answers 421: the host belongs to another listener than the server name of the TLS connection."
		link.Fix = "connect with the server name of the host"
	case strings.HasPrefix(route.Name, "closed "):
		link.Evidence = fmt.Sprintf("the proxy answers %d: the listener of the host has filters and cannot serve.", action.StatusCode)
		link.Fix = "see the conditions of the listener in the status of the Gateway"
	default:
		link.Fix = "see the conditions of the route: a reference or a filter of the rule is refused"
	}
	return link
}

func redirectText(r *ir.Redirect) string {
	target := cmp.Or(r.Hostname, "the same host")
	if r.Scheme != "" {
		target = r.Scheme + "://" + target
	}
	if r.Port != 0 {
		target += fmt.Sprintf(":%d", r.Port)
	}
	if r.Path != nil {
		target += " " + r.Path.Value
	}
	return fmt.Sprintf("%d to %s.", r.StatusCode, target)
}

// forward adds the backends, and whether one of them has an endpoint.
func (w World) forward(asked Asked, gateway offline.Gateway, links []chain.Link, forward *ir.Forward) outcome {
	total := uint32(0)
	for _, target := range forward.Targets {
		total += target.Weight
	}
	if text := timeoutText(forward.Timeouts); text != "" {
		links = append(links, chain.Link{Name: "timeouts", State: chain.OK, Evidence: text})
	}
	usable := false
	for _, target := range forward.Targets {
		if target.Weight == 0 {
			continue
		}
		share := ""
		if len(forward.Targets) > 1 {
			share = fmt.Sprintf(" (%d %% of the requests)", 100*uint64(target.Weight)/uint64(total))
		}
		link := w.backend(gateway, target, share)
		usable = usable || link.State != chain.Failed
		links = append(links, link)
	}
	if usable {
		return served(asked, links)
	}
	if total == 0 {
		links = append(links, chain.Link{Name: "backend", Evidence: "the rule has no backend with a weight, so the proxy answers 500.",
			Fix: "name a backend in backendRefs"})
	}
	return failed(asked, links...)
}

// timeoutText is when the proxy waits no longer for an answer; empty: the rule sets no limit.
func timeoutText(timeouts ir.Timeouts) string {
	var limits []string
	for _, limit := range []struct {
		field string
		after *time.Duration
	}{{"timeouts.request", timeouts.Request}, {"timeouts.backendRequest", timeouts.BackendRequest}} {
		if limit.after != nil && *limit.after > 0 {
			limits = append(limits, fmt.Sprintf("%s (%s)", limit.after, limit.field))
		}
	}
	if len(limits) == 0 {
		return ""
	}
	return "the proxy answers 504 when the answer takes longer than " + strings.Join(limits, " or ") + "."
}

func (w World) backend(gateway offline.Gateway, target ir.Target, share string) chain.Link {
	if target.Invalid {
		return chain.Link{Name: "backend", State: chain.Failed, Evidence: "a backendRef that cannot be used" + share + ": the proxy answers 500.",
			Fix: "see ResolvedRefs in the status of the route"}
	}
	link := chain.Link{Name: "backend", Subject: clusterText(target.Cluster) + share}
	var places []string
	for _, r := range gateway.Resources {
		if r.Endpoints == nil || r.Endpoints.Key != target.Cluster.Endpoints() {
			continue
		}
		for _, endpoint := range r.Endpoints.Addresses {
			place := endpoint.String()
			if pod := w.Pods[endpoint.Address]; pod != "" {
				place += " (Pod " + pod + ")"
			}
			places = append(places, place)
		}
	}
	const shown = 5
	switch {
	case len(places) == 0 && w.NoEndpoints && target.Cluster.Kind == ir.BackendService:
		link.State, link.Evidence = chain.Unknown, "there are no EndpointSlices, so its Pods are not known."
	case len(places) == 0 && target.Hold != nil:
		link.State, link.Evidence = chain.Idle, "no Pod is ready: the request is held and starts one."
	case len(places) == 0:
		link.State, link.Evidence, link.Fix = chain.Failed, "no endpoint is ready, so the proxy answers 503.", "see the Pods of the backend"
	default:
		more := ""
		if len(places) > shown {
			more = fmt.Sprintf(" and %d others", len(places)-shown)
			places = places[:shown]
		}
		link.State, link.Evidence = chain.OK, "one of "+strings.Join(places, ", ")+more+"."
		if target.Picker != nil {
			link.Evidence = "the endpoint picker chooses " + link.Evidence
		}
	}
	return link
}

func clusterText(key ir.ClusterKey) string {
	kind := "Service"
	if key.Kind == ir.BackendPool {
		kind = "InferencePool"
	}
	text := fmt.Sprintf("%s %s/%s", kind, key.Namespace, key.Name)
	if key.Port != 0 {
		text += fmt.Sprintf(":%d", key.Port)
	}
	return text
}

// layer4 ends where the proxy sees bytes.
func layer4(asked Asked, links []chain.Link, forward ir.L4Forward) outcome {
	if len(forward.Targets) == 0 {
		return failed(asked, append(links, chain.Link{Name: "route", Evidence: "no layer 4 route is attached, so connections are closed.",
			Fix: "attach a TLSRoute or TCPRoute to the listener"})...)
	}
	var targets []string
	for _, target := range forward.Targets {
		if !target.Invalid {
			targets = append(targets, clusterText(target.Cluster))
		}
	}
	links = append(links, chain.Link{Name: "route", State: chain.OK,
		Evidence: fmt.Sprintf("%s passes the bytes of the connection to %s.", forward.Source, strings.Join(targets, ", "))})
	return served(asked, links)
}
