package listener

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/controllers/resolve/grant"
	"github.com/kedify/inference-gateway/controllers/resolve/tracing"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
)

// Gateway resolves one Gateway with the ListenerSets that name it. A Gateway that is missing,
// or whose class is of another controller, gives the zero result.
func Gateway(v store.View, key types.NamespacedName, setting class.Setting) resolve.GatewayResult {
	gateway := v.Gateway(key)
	if gateway == nil {
		return resolve.GatewayResult{}
	}
	gatewayClass := class.Resolve(v, string(gateway.Spec.GatewayClassName))
	if !gatewayClass.Owned {
		return resolve.GatewayResult{}
	}
	r := gatewayResolution{view: v, gateway: gateway, generation: gateway.Generation}
	r.declareListeners(setting.Installed.MixedTermination())
	parameters, problem := gatewayParameters(v, gateway, gatewayClass, setting)
	r.valuesProblem = valuesProblem(v, gateway)
	r.accept(problem, setting.Installed.Routability())
	r.resolveClientCertificate()
	result := resolve.GatewayResult{
		Key:               key,
		Owned:             true,
		Generation:        gateway.Generation,
		Listeners:         r.finishedListeners(),
		ListenerSets:      r.setResults(),
		Addresses:         gateway.Spec.Addresses,
		ClientCertificate: r.clientCertificate.Name,
		ClassName:         string(gateway.Spec.GatewayClassName),
		UID:               string(gateway.UID),
	}
	result.Secrets = r.secrets()
	result.TracingParameters = parameters.tracing()
	traced := tracing.Of(v, key, result.TracingParameters)
	result.Tracing, r.collectorRef = traced.Tracing, traced.OfParameters()
	result.Clusters = clustersOf(result.Listeners, traced)
	result.Conditions = r.conditions()
	result.Infrastructure = infrastructure(gateway, parameters.GatewayParametersSpec)
	result.Infrastructure.Ports = r.ports()
	result.RouteFields, result.ClusterFields = fieldsOfEnvoy(parameters.GatewayParametersSpec)
	result.RefuseHTTP10 = parameters.Envoy != nil && !ptr.Deref(parameters.Envoy.AcceptHTTP10, true)
	result.AccessLog = accessLog(parameters.GatewayParametersSpec)
	result.Client, result.ProxyProtocol = class.Client(parameters.Client)
	result.IPv6 = setting.IPv6
	return result
}

// gatewayResolution collects what is found out about one Gateway.
type gatewayResolution struct {
	view       store.View
	gateway    *gwv1.Gateway
	generation int64
	own        int // the first own listeners are the Gateway's
	listeners  []declared
	sets       []attachedSet
	problem    resolve.Problem // why the Gateway is not accepted
	// valuesProblem is why a generated Gateway has the parameters of before; empty: it has not.
	valuesProblem string
	// clientCertificate is presented to backends; clientRef says why there is none.
	clientCertificate ir.Secret
	clientRef         resolve.Problem
	// collectorRef says why no spans are sent.
	collectorRef resolve.Problem
}

// declareListeners puts the listeners of the Gateway and of the sets that it lets in into
// one list and finds their conflicts.
func (r *gatewayResolution) declareListeners(mixed bool) {
	r.listeners = parentDeclares(r.view, r.gateway, listenerOwner{
		object:     resolve.Object{Kind: store.Gateway, Key: store.KeyOf(r.gateway)},
		generation: r.generation,
		listeners:  r.gateway.Spec.Listeners,
	})
	r.own = len(r.listeners)
	r.sets = attachedSets(r.view, r.gateway)
	for _, set := range r.sets {
		if set.problem.None() {
			r.listeners = append(r.listeners, parentDeclares(r.view, r.gateway, set.owner)...)
		}
	}
	resolveConflicts(r.listeners, mixed)
}

// accept finds what makes the Gateway as a whole unacceptable.
func (r *gatewayResolution) accept(parameters resolve.Problem, routability bool) {
	switch address := unsupportedAddress(r.gateway.Spec.Addresses, routability); {
	case !parameters.None():
		r.problem = parameters
	case !address.None():
		r.problem = address
	case len(notAccepted(r.listeners[:r.own])) == r.own:
		r.problem = resolve.Problemf(gwv1.GatewayReasonListenersNotValid,
			"No listener of the Gateway is accepted; the conditions of each listener say why.")
		r.withdrawSets()
	}
}

// withdrawSets takes the listeners of ListenerSets out of service: a Gateway without a
// listener of its own is rejected as a whole. Wrong parameters and addresses, however, leave
// running proxies as they are.
func (r *gatewayResolution) withdrawSets() {
	for i := range r.listeners[r.own:] {
		r.listeners[r.own+i].unusable = true
	}
}

// unsupportedAddress finds an address of a type that no data plane of this product can have, or of a routability that the
// status could not report. Whether a supported one is usable shows when the data plane asks for it.
func unsupportedAddress(addresses []gwv1.GatewaySpecAddress, routability bool) resolve.Problem {
	for i, address := range addresses {
		if address.Routability != gwv1.GatewayAddressRoutabilityDefault && !routability {
			return resolve.Problemf(gwv1.GatewayReasonUnsupportedAddress,
				"spec.addresses[%d].routability %q is not supported while CRDs of Gateway API are not of the experimental channel of %s; "+
					"leave it out.", i, address.Routability, class.BundleVersion)
		}
		if address.Type == nil || *address.Type == gwv1.IPAddressType || *address.Type == gwv1.HostnameAddressType {
			continue
		}
		return resolve.Problemf(gwv1.GatewayReasonUnsupportedAddress,
			"spec.addresses[%d].type %q is not supported; use IPAddress or Hostname.", i, *address.Type)
	}
	return resolve.Problem{}
}

// clientCertificateSection marks what comes from spec.tls.backend.clientCertificateRef. No
// listener has a name with capital letters.
const clientCertificateSection = "clientCertificateRef"

// resolveClientCertificate resolves spec.tls.backend.clientCertificateRef.
func (r *gatewayResolution) resolveClientCertificate() {
	tls := r.gateway.Spec.TLS
	if tls == nil || tls.Backend == nil || tls.Backend.ClientCertificateRef == nil {
		return
	}
	from := grant.From{Group: gwv1.GroupName, Kind: string(store.Gateway), Namespace: r.gateway.Namespace}
	secret, problem := certificateSecret(r.view, from, *tls.Backend.ClientCertificateRef, certificateReasons{
		notPermitted: string(gwv1.GatewayReasonRefNotPermitted),
		invalid:      string(gwv1.GatewayReasonInvalidClientCertificateRef),
	})
	if !problem.None() {
		problem.Message = "spec.tls.backend.clientCertificateRef: " + problem.Message
		r.clientRef = problem
		return
	}
	secret.Source = ir.Source{
		Kind: string(store.Gateway), Namespace: r.gateway.Namespace, Name: r.gateway.Name, Section: clientCertificateSection,
	}
	r.clientCertificate = secret
}

func (r *gatewayResolution) finishedListeners() []resolve.Listener {
	listeners := make([]resolve.Listener, len(r.listeners))
	for i := range r.listeners {
		listeners[i] = r.listeners[i].finished()
	}
	return listeners
}

func (r *gatewayResolution) setResults() []resolve.ListenerSetResult {
	results := make([]resolve.ListenerSetResult, 0, len(r.sets))
	for _, set := range r.sets {
		results = append(results, set.result(r.problem, r.listenersOf(set.owner.rank)))
	}
	return results
}

func (r *gatewayResolution) listenersOf(rank int) []declared {
	return slices.DeleteFunc(slices.Clone(r.listeners), func(d declared) bool { return d.rank != rank })
}

// secrets returns what the proxy needs, once each, sorted by name.
func (r *gatewayResolution) secrets() []ir.Secret {
	needed := map[string]ir.Secret{}
	if r.clientCertificate.Name != "" {
		needed[r.clientCertificate.Name] = r.clientCertificate
	}
	for _, d := range r.listeners {
		if !d.Serving {
			continue
		}
		for _, secret := range d.secrets {
			if _, known := needed[secret.Name]; !known {
				needed[secret.Name] = secret
			}
		}
	}
	return slices.SortedFunc(maps.Values(needed), func(a, b ir.Secret) int { return strings.Compare(a.Name, b.Name) })
}

// clustersOf returns what the filters of listeners and tracing name, once each, sorted.
func clustersOf(listeners []resolve.Listener, traced tracing.Traced) []ir.ClusterKey {
	clusters := traced.Clusters()
	for _, l := range listeners {
		if l.Filters != nil {
			l.Filters.EachCluster(func(key ir.ClusterKey) { clusters = append(clusters, key) })
		}
	}
	slices.SortFunc(clusters, func(a, b ir.ClusterKey) int { return strings.Compare(a.String(), b.String()) })
	return slices.Compact(clusters)
}

// ports returns the ports of all accepted listeners, served or not: a certificate that is
// late must not take the port from the load balancer and bring it back.
func (r *gatewayResolution) ports() []resolve.Port {
	var ports []resolve.Port
	for _, d := range r.listeners {
		port := resolve.Port{Port: d.Port, Protocol: corev1.ProtocolTCP}
		if d.Protocol == gwv1.UDPProtocolType {
			port.Protocol = corev1.ProtocolUDP
		}
		if d.acceptance().None() && !slices.Contains(ports, port) {
			ports = append(ports, port)
		}
	}
	slices.SortFunc(ports, func(a, b resolve.Port) int {
		return cmp.Or(cmp.Compare(a.Port, b.Port), strings.Compare(string(a.Protocol), string(b.Protocol)))
	})
	return ports
}

// conditions of the Gateway except Programmed.
func (r *gatewayResolution) conditions() []metav1.Condition {
	conditions := []metav1.Condition{r.acceptedCondition(), r.resolvedCondition()}
	if field := insecureFallback(r.gateway); field != "" {
		conditions = append(conditions, resolve.Condition(gwv1.GatewayConditionInsecureFrontendValidationMode, metav1.ConditionTrue,
			gwv1.GatewayReasonConfigurationChanged,
			field+" is AllowInsecureFallback: clients get in without a valid certificate. Use AllowValidOnly to keep them out.",
			r.generation))
	}
	return conditions
}

func (r *gatewayResolution) acceptedCondition() metav1.Condition {
	kind := gwv1.GatewayConditionAccepted
	if !r.problem.None() {
		return resolve.Condition(kind, metav1.ConditionFalse, r.problem.Reason, r.problem.Message, r.generation)
	}
	if bad := notAccepted(r.listeners[:r.own]); len(bad) > 0 {
		return resolve.Condition(kind, metav1.ConditionTrue, gwv1.GatewayReasonListenersNotValid, fmt.Sprintf(
			"Accepted: %d of %d listeners. Not accepted: %s; the conditions of each listener say why.",
			r.own-len(bad), r.own, strings.Join(bad, ", ")), r.generation)
	}
	message := "The Gateway is accepted."
	if r.valuesProblem != "" {
		message += " Its proxies keep the values that they have: " + r.valuesProblem
	}
	return resolve.Condition(kind, metav1.ConditionTrue, gwv1.GatewayReasonAccepted, message, r.generation)
}

func (r *gatewayResolution) resolvedCondition() metav1.Condition {
	kind := gwv1.GatewayConditionResolvedRefs
	if !r.clientRef.None() {
		return resolve.Condition(kind, metav1.ConditionFalse, r.clientRef.Reason, r.clientRef.Message, r.generation)
	}
	if !r.collectorRef.None() {
		return untraced(r.collectorRef, r.generation)
	}
	var bad []string
	for _, d := range r.listeners[:r.own] {
		if !d.resolved.None() {
			bad = append(bad, fmt.Sprintf("listener %q", d.ID.Name))
		}
	}
	if len(bad) > 0 {
		return resolve.Condition(kind, metav1.ConditionFalse, gwv1.GatewayReasonListenersNotResolved,
			"References are not resolved of "+strings.Join(bad, ", ")+"; the conditions of each listener say why.", r.generation)
	}
	return resolve.Condition(kind, metav1.ConditionTrue, gwv1.GatewayReasonResolvedRefs,
		"All references of the Gateway are resolved.", r.generation)
}
