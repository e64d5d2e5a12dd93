package plan

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler/trigger"
	"github.com/kedify/inference-gateway/xds/ir"
)

// routes of a trigger, the one of its hosts first. They have no timeout: an answer may stream
// for hours, and a request may be held.
func (m *maker) routes(c *candidate) []Object {
	if c.passthrough() {
		if len(c.backends) == 0 {
			return nil // a TLSRoute needs a backend
		}
		return []Object{m.tlsRoute(c)}
	}
	routes := []Object{m.httpRoute(c)}
	if c.spec.HealthCheck.PathPrefix != "" {
		routes = append(routes, m.healthRoute(c))
	}
	return routes
}

func (m *maker) httpRoute(c *candidate) *gwv1.HTTPRoute {
	rule := gwv1.HTTPRouteRule{BackendRefs: httpRefs(c.backends)}
	headers := headerMatches(c.spec.Headers)
	for _, prefix := range c.spec.PathPrefixes {
		if len(c.spec.Models) == 0 {
			rule.Matches = append(rule.Matches, gwv1.HTTPRouteMatch{Path: pathPrefix(prefix), Headers: headers})
		}
		for _, name := range c.spec.Models {
			rule.Matches = append(rule.Matches, gwv1.HTTPRouteMatch{
				Path: pathPrefix(prefix), Headers: slices.Concat(headers, []gwv1.HTTPHeaderMatch{modelMatch(name)}),
			})
		}
	}
	route := m.emptyRoute(c, c.key.Name)
	route.Spec.Hostnames = hostnames(c.spec.Hosts)
	route.Spec.Rules = []gwv1.HTTPRouteRule{rule}
	return route
}

// healthRoute leads probes of load balancers, which name an address as host, to the
// application: any host, without the prefix (healthcheckResponse pathEmbeddedHost). Its label
// names no HTTPScaler: probes do not count and keep no application awake.
func (m *maker) healthRoute(c *candidate) *gwv1.HTTPRoute {
	rewrite := &gwv1.HTTPURLRewriteFilter{
		Path: &gwv1.HTTPPathModifier{Type: gwv1.PrefixMatchHTTPPathModifier, ReplacePrefixMatch: ptr.To("/")},
	}
	for _, host := range c.spec.Hosts {
		if host[0] != '*' {
			rewrite.Hostname = ptr.To(gwv1.PreciseHostname(host))
			break
		}
	}
	route := m.emptyRoute(c, c.key.Name+healthSuffix)
	route.Labels[v1alpha1.HTTPScalerLabel] = ""
	route.Spec.Rules = []gwv1.HTTPRouteRule{{
		Matches:     []gwv1.HTTPRouteMatch{{Path: pathPrefix(c.spec.HealthCheck.PathPrefix)}},
		Filters:     []gwv1.HTTPRouteFilter{{Type: gwv1.HTTPRouteFilterURLRewrite, URLRewrite: rewrite}},
		BackendRefs: httpRefs(c.backends),
	}}
	return route
}

func (m *maker) emptyRoute(c *candidate, name string) *gwv1.HTTPRoute {
	route := &gwv1.HTTPRoute{
		TypeMeta:   metav1.TypeMeta{APIVersion: gwv1.GroupVersion.String(), Kind: "HTTPRoute"},
		ObjectMeta: c.owned(name),
	}
	route.Labels[v1alpha1.HTTPScalerLabel] = c.key.Name
	route.Spec.ParentRefs = m.parentRefs(c)
	return route
}

func (m *maker) tlsRoute(c *candidate) *gwv1.TLSRoute {
	route := &gwv1.TLSRoute{
		TypeMeta:   metav1.TypeMeta{APIVersion: gwv1.GroupVersion.String(), Kind: "TLSRoute"},
		ObjectMeta: c.owned(c.key.Name),
	}
	route.Labels[v1alpha1.HTTPScalerLabel] = c.key.Name
	parent := m.parentRef()
	parent.Port = ptr.To(gwv1.PortNumber(portHTTPS)) // every listener of the port that has one of the names
	route.Spec.ParentRefs = []gwv1.ParentReference{parent}
	route.Spec.Hostnames = hostnames(c.spec.Hosts)
	route.Spec.Rules = []gwv1.TLSRouteRule{{BackendRefs: c.backends}}
	return route
}

// parentRefs name the listeners one by one: the API asks for names when one Gateway is the
// parent more than once.
func (m *maker) parentRefs(c *candidate) []gwv1.ParentReference {
	listeners := []gwv1.SectionName{listenerHTTP}
	if c.terminates() {
		listeners = append(listeners, m.securedNames(c)...)
	}
	if c.pooled() {
		listeners = append(listeners, listenerInference)
	}
	refs := make([]gwv1.ParentReference, 0, len(listeners))
	for _, listener := range listeners {
		ref := m.parentRef()
		ref.SectionName = ptr.To(listener)
		refs = append(refs, ref)
	}
	return refs
}

func (m *maker) parentRef() gwv1.ParentReference {
	ref := gwv1.ParentReference{Name: gwv1.ObjectName(m.Proxy.Name)}
	if m.Shared {
		ref.Namespace = ptr.To(gwv1.Namespace(m.Proxy.Namespace))
	}
	return ref
}

// hostnames of a route: the host "*" is no hostname at all (trigger has it alone).
func hostnames(hosts []string) []gwv1.Hostname {
	var names []gwv1.Hostname
	for _, host := range hosts {
		if host == everyHost {
			return nil
		}
		names = append(names, gwv1.Hostname(host))
	}
	return names
}

func pathPrefix(prefix string) *gwv1.HTTPPathMatch {
	return &gwv1.HTTPPathMatch{Type: ptr.To(gwv1.PathMatchPathPrefix), Value: ptr.To(prefix)}
}

// headerMatches of a trigger: all must match. A header that must only be there is compared
// with ".*", which takes the empty value, too, and does not take its absence.
func headerMatches(headers []v1alpha1.HTTPScalerHeader) []gwv1.HTTPHeaderMatch {
	var matches []gwv1.HTTPHeaderMatch
	for _, header := range headers {
		match := gwv1.HTTPHeaderMatch{Type: ptr.To(gwv1.HeaderMatchExact), Name: gwv1.HTTPHeaderName(header.Name)}
		if pattern := trigger.HeaderPattern(header); pattern != "" {
			match.Type, match.Value = ptr.To(gwv1.HeaderMatchRegularExpression), pattern
		} else {
			match.Value = *header.Value
		}
		matches = append(matches, match)
	}
	return matches
}

// modelMatch is the header that stands for the model of a body.
func modelMatch(name string) gwv1.HTTPHeaderMatch {
	match := gwv1.HTTPHeaderMatch{Type: ptr.To(gwv1.HeaderMatchExact), Name: ir.ModelHeader, Value: name}
	if pattern := trigger.ModelPattern(name); pattern != "" {
		match.Type, match.Value = ptr.To(gwv1.HeaderMatchRegularExpression), pattern
	}
	return match
}

func httpRefs(refs []gwv1.BackendRef) []gwv1.HTTPBackendRef {
	var all []gwv1.HTTPBackendRef
	for _, ref := range refs {
		all = append(all, gwv1.HTTPBackendRef{BackendRef: ref})
	}
	return all
}
