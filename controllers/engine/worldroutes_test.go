package engine

import (
	"fmt"
	"slices"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"
	gwxv1 "sigs.k8s.io/gateway-api/apisx/v1alpha1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/store"
)

// generators make a random object of each kind that the engine reads.
var generators = map[store.Kind]func(*world) client.Object{
	store.GatewayClass:          (*world).class,
	store.Gateway:               (*world).gateway,
	store.ListenerSet:           (*world).listenerSet,
	store.HTTPRoute:             (*world).httpRoute,
	store.GRPCRoute:             (*world).grpcRoute,
	store.TLSRoute:              (*world).tlsRoute,
	store.TCPRoute:              (*world).tcpRoute,
	store.UDPRoute:              (*world).udpRoute,
	store.ReferenceGrant:        (*world).grant,
	store.BackendTLSPolicy:      (*world).backendTLSPolicy,
	store.InferencePool:         (*world).pool,
	store.GatewayParameters:     (*world).parameters,
	store.HTTPScaler:            (*world).httpScaler,
	store.Namespace:             (*world).namespaceObject,
	store.Service:               (*world).service,
	store.EndpointSlice:         (*world).slice,
	store.Pod:                   (*world).pod,
	store.Secret:                (*world).secret,
	store.ConfigMap:             (*world).configMap,
	store.ClusterTrustBundle:    (*world).trustBundle,
	store.XBackend:              (*world).xBackend,
	store.XBackendTrafficPolicy: (*world).trafficPolicy,
	store.XTelemetryPolicy:      (*world).telemetryPolicy,
}

var hostnames = []string{"h1.example.com", "h2.example.com", "*.example.com", "*.com", "other.org"}

func (w *world) class() client.Object {
	controller := v1alpha1.ControllerName
	if w.odds(5) {
		controller = "example.com/other"
	}
	class := &gwv1.GatewayClass{ObjectMeta: metav1.ObjectMeta{Name: "kedify"}}
	class.Spec.ControllerName = gwv1.GatewayController(controller)
	if w.odds(4) {
		class.Spec.ParametersRef = &gwv1.ParametersReference{
			Group: v1alpha1.GroupName, Kind: "GatewayParameters", Name: "params", Namespace: ptr.To(gwv1.Namespace(w.namespace())),
		}
	}
	return class
}

func (w *world) gateway() client.Object {
	gateway := &gwv1.Gateway{ObjectMeta: w.meta("g1", "g2"), Spec: gwv1.GatewaySpec{GatewayClassName: "kedify"}}
	for i := range 1 + w.random.IntN(4) {
		gateway.Spec.Listeners = append(gateway.Spec.Listeners, w.listener(fmt.Sprintf("l%d", i)))
	}
	if w.odds(2) {
		from := pick(w, []gwv1.FromNamespaces{gwv1.NamespacesFromAll, gwv1.NamespacesFromSame})
		gateway.Spec.AllowedListeners = &gwv1.AllowedListeners{Namespaces: &gwv1.ListenerNamespaces{From: &from}}
	}
	if w.odds(4) {
		gateway.Spec.Infrastructure = &gwv1.GatewayInfrastructure{ParametersRef: &gwv1.LocalParametersReference{
			Group: v1alpha1.GroupName, Kind: "GatewayParameters", Name: "params"}}
	}
	if w.odds(4) {
		gateway.Spec.TLS = &gwv1.GatewayTLSConfig{Backend: &gwv1.GatewayBackendTLS{ClientCertificateRef: ptr.To(w.certificateRef())}}
	}
	if w.odds(4) {
		validation := &gwv1.FrontendTLSValidation{CACertificateRefs: []gwv1.ObjectReference{
			{Group: bundleRef.Group, Kind: bundleRef.Kind, Name: bundleRef.Name}}}
		gateway.Spec.TLS = ptr.To(ptr.Deref(gateway.Spec.TLS, gwv1.GatewayTLSConfig{}))
		gateway.Spec.TLS.Frontend = &gwv1.FrontendTLSConfig{Default: gwv1.TLSConfig{Validation: validation}}
	}
	return gateway
}

// listener is one that is likely to be valid; ports and protocols may still conflict.
func (w *world) listener(name string) gwv1.Listener {
	kind := pick(w, []struct {
		protocol gwv1.ProtocolType
		ports    []int32
	}{
		{gwv1.HTTPProtocolType, []int32{80, 80, 8080}},
		{gwv1.HTTPProtocolType, []int32{80, 80, 8080}},
		{gwv1.HTTPSProtocolType, []int32{443, 443, 8080}},
		{gwv1.TLSProtocolType, []int32{443, 8443}},
		{gwv1.TCPProtocolType, []int32{5432, 8443}},
		{gwv1.UDPProtocolType, []int32{53, 80}},
	})
	listener := gwv1.Listener{Name: gwv1.SectionName(name), Port: pick(w, kind.ports), Protocol: kind.protocol}
	from := pick(w, []gwv1.FromNamespaces{
		gwv1.NamespacesFromAll, gwv1.NamespacesFromAll, gwv1.NamespacesFromSame, gwv1.NamespacesFromSelector,
	})
	listener.AllowedRoutes = &gwv1.AllowedRoutes{Namespaces: &gwv1.RouteNamespaces{From: &from}}
	if from == gwv1.NamespacesFromSelector && !w.odds(8) { // else it is refused
		listener.AllowedRoutes.Namespaces.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"team": "x"}}
	}
	layer4 := kind.protocol == gwv1.TCPProtocolType || kind.protocol == gwv1.UDPProtocolType
	if !layer4 && w.odds(2) {
		listener.Hostname = ptr.To(gwv1.Hostname(pick(w, hostnames)))
	}
	switch {
	case kind.protocol == gwv1.TLSProtocolType && w.odds(2):
		listener.TLS = &gwv1.ListenerTLSConfig{Mode: ptr.To(gwv1.TLSModePassthrough)}
	case kind.protocol == gwv1.TLSProtocolType, kind.protocol == gwv1.HTTPSProtocolType:
		listener.TLS = &gwv1.ListenerTLSConfig{CertificateRefs: []gwv1.SecretObjectReference{w.certificateRef()}}
	}
	if (kind.protocol == gwv1.HTTPProtocolType || kind.protocol == gwv1.HTTPSProtocolType) && w.odds(4) {
		listener.Filters = w.listenerFilters()
	}
	return listener
}

// listenerFilters are some filters; rarely one of them is refused.
func (w *world) listenerFilters() *gwv1.ListenerFilters {
	filters := &gwv1.ListenerFilters{}
	for range 1 + w.random.IntN(2) {
		filters.Requests = append(filters.Requests, gwv1.ListenerFilter{
			Type: gwv1.ListenerFilterExternalAuth, ExternalAuth: w.externalAuth().ExternalAuth,
		})
	}
	if w.odds(6) {
		filters.Requests = append(filters.Requests, gwv1.ListenerFilter{Type: gwv1.ListenerFilterExtensionRef})
	}
	return filters
}

func (w *world) certificateRef() gwv1.SecretObjectReference {
	ref := gwv1.SecretObjectReference{Name: gwv1.ObjectName(pick(w, []string{"c1", "c2"}))}
	if w.odds(4) {
		ref.Namespace = ptr.To(gwv1.Namespace(w.namespace()))
	}
	return ref
}

func (w *world) listenerSet() client.Object {
	set := &gwv1.ListenerSet{ObjectMeta: w.meta("set1", "set2")}
	set.Spec.ParentRef = gwv1.ParentGatewayReference{Name: gwv1.ObjectName(pick(w, []string{"g1", "g2"}))}
	if w.odds(2) {
		set.Spec.ParentRef.Namespace = ptr.To(gwv1.Namespace(w.namespace()))
	}
	for i := range 1 + w.random.IntN(2) {
		l := w.listener(fmt.Sprintf("l%d", i))
		set.Spec.Listeners = append(set.Spec.Listeners, gwv1.ListenerEntry(l))
	}
	return set
}

func (w *world) parents() (refs []gwv1.ParentReference) {
	for range 1 + w.random.IntN(2) {
		ref := gwv1.ParentReference{
			Name: gwv1.ObjectName(pick(w, []string{"g1", "g2"})), Namespace: ptr.To(gwv1.Namespace(w.namespace())),
		}
		if w.odds(5) {
			ref.Kind, ref.Name = ptr.To(gwv1.Kind("ListenerSet")), gwv1.ObjectName(pick(w, []string{"set1", "set2"}))
		}
		if w.odds(3) {
			ref.SectionName = ptr.To(gwv1.SectionName(pick(w, []string{"l0", "l1", "l9"})))
		}
		if !slices.ContainsFunc(refs, func(r gwv1.ParentReference) bool { return cmp.Equal(r, ref) }) {
			refs = append(refs, ref)
		}
	}
	return refs
}

func (w *world) routeHostnames() (names []gwv1.Hostname) {
	for range w.random.IntN(3) {
		hostname := gwv1.Hostname(pick(w, hostnames))
		if !slices.Contains(names, hostname) {
			names = append(names, hostname)
		}
	}
	return names
}

func (w *world) httpRoute() client.Object {
	route := &gwv1.HTTPRoute{ObjectMeta: w.meta("r1", "r2", "r3")}
	if w.odds(4) {
		route.Labels = map[string]string{v1alpha1.HTTPScalerLabel: pick(w, []string{"t1", "t2", "t3"})}
	}
	route.Spec.ParentRefs, route.Spec.Hostnames = w.parents(), w.routeHostnames()
	for range 1 + w.random.IntN(3) {
		route.Spec.Rules = append(route.Spec.Rules, w.rule())
	}
	return route
}

func (w *world) grpcRoute() client.Object {
	route := &gwv1.GRPCRoute{ObjectMeta: w.meta("r1", "r2")}
	route.Spec.ParentRefs, route.Spec.Hostnames = w.parents(), w.routeHostnames()
	match := gwv1.GRPCRouteMatch{Method: &gwv1.GRPCMethodMatch{Service: ptr.To(pick(w, []string{"a.A", "b.B"}))}}
	rule := gwv1.GRPCRouteRule{Matches: []gwv1.GRPCRouteMatch{match}}
	for _, ref := range w.backendRefs() {
		rule.BackendRefs = append(rule.BackendRefs, gwv1.GRPCBackendRef{BackendRef: ref})
	}
	route.Spec.Rules = []gwv1.GRPCRouteRule{rule}
	return route
}

func (w *world) tlsRoute() client.Object {
	route := &gwv1.TLSRoute{ObjectMeta: w.meta("r1", "r2")}
	route.Spec.ParentRefs, route.Spec.Hostnames = w.parents(), append(w.routeHostnames(), "tls.example.com")
	route.Spec.Rules = []gwv1.TLSRouteRule{{BackendRefs: w.backendRefs()}}
	return route
}

func (w *world) tcpRoute() client.Object {
	route := &gwv1.TCPRoute{ObjectMeta: w.meta("r1", "r2")}
	route.Spec.ParentRefs = w.parents()
	route.Spec.Rules = []gwv1.TCPRouteRule{{BackendRefs: w.backendRefs()}}
	return route
}

func (w *world) udpRoute() client.Object {
	route := &gwv1.UDPRoute{ObjectMeta: w.meta("r1", "r2")}
	route.Spec.ParentRefs = w.parents()
	route.Spec.Rules = []gwv1.UDPRouteRule{{BackendRefs: w.backendRefs()}}
	return route
}

func (w *world) rule() gwv1.HTTPRouteRule {
	rule := gwv1.HTTPRouteRule{Matches: []gwv1.HTTPRouteMatch{{Path: &gwv1.HTTPPathMatch{
		Type:  ptr.To(pick(w, []gwv1.PathMatchType{gwv1.PathMatchPathPrefix, gwv1.PathMatchExact})),
		Value: ptr.To(pick(w, []string{"/", "/a", "/b"})),
	}}}}
	for _, ref := range w.backendRefs() {
		rule.BackendRefs = append(rule.BackendRefs, gwv1.HTTPBackendRef{BackendRef: ref})
	}
	if w.odds(6) {
		mirror := gwv1.BackendObjectReference{Name: gwv1.ObjectName(pick(w, []string{"s1", "s2"})), Port: ptr.To(gwv1.PortNumber(80))}
		rule.Filters = []gwv1.HTTPRouteFilter{{
			Type: gwv1.HTTPRouteFilterRequestMirror, RequestMirror: &gwv1.HTTPRequestMirrorFilter{BackendRef: mirror},
		}}
	}
	if w.odds(10) {
		rule.Filters = append(rule.Filters, w.externalAuth())
	} else if w.odds(10) && len(rule.BackendRefs) > 0 {
		rule.BackendRefs[0].Filters = []gwv1.HTTPRouteFilter{w.externalAuth()}
	}
	return rule
}

func (w *world) externalAuth() gwv1.HTTPRouteFilter {
	auth := &gwv1.HTTPExternalAuthFilter{ExternalAuthProtocol: pick(w, []gwv1.HTTPRouteExternalAuthProtocol{
		gwv1.HTTPRouteExternalAuthHTTPProtocol, gwv1.HTTPRouteExternalAuthGRPCProtocol,
	})}
	auth.BackendRef = gwv1.BackendObjectReference{Name: gwv1.ObjectName(pick(w, []string{"s1", "s1", "s2", "s2", "missing"})),
		Port: ptr.To(gwv1.PortNumber(80))}
	if w.odds(6) {
		auth.BackendRef.Namespace = ptr.To(gwv1.Namespace(w.namespace()))
	}
	return gwv1.HTTPRouteFilter{Type: gwv1.HTTPRouteFilterExternalAuth, ExternalAuth: auth}
}

func (w *world) backendRefs() (refs []gwv1.BackendRef) {
	for range w.random.IntN(4) {
		ref := gwv1.BackendRef{Weight: ptr.To(int32(w.random.IntN(3)))}
		ref.Name = gwv1.ObjectName(pick(w, []string{"s1", "s1", "s2", "s2", "missing"}))
		ref.Port = ptr.To(pick(w, []int32{80, 80, 80, 8080, 53}))
		if w.odds(3) {
			ref.Namespace = ptr.To(gwv1.Namespace(w.namespace()))
		}
		if w.odds(3) {
			ref.Group, ref.Kind, ref.Name = ptr.To(gwv1.Group(inferencev1.GroupName)), ptr.To(gwv1.Kind("InferencePool")), "pool"
		} else if w.odds(8) {
			ref.Group, ref.Kind = ptr.To(gwv1.Group(gwxv1.GroupName)), ptr.To(gwv1.Kind("XBackend"))
		}
		refs = append(refs, ref)
	}
	return refs
}
