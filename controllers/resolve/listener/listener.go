package listener

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/hostname"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
)

// ownPorts are bound inside the proxy by listeners of its own (xds/bootstrap), so no TCP listener of the user can have
// them. That of the metrics is kept also where the parameters turn them off: for as long as it takes to replace the proxies, they
// have it.
var ownPorts = map[uint32]string{19001: "metrics", 19003: "readiness"}

// declared is a listener of the user while it is checked.
type declared struct {
	resolve.Listener
	spec       gwv1.Listener
	generation int64
	// rank orders owners for conflicts: 0 is the Gateway, then its ListenerSets.
	rank int
	// accepted, resolved and conflict say what is wrong, in the words of the conditions.
	accepted, resolved, conflict resolve.Problem
	// formed is set when the values of the spec are usable, with or without the objects that they refer to, and when the
	// listener keeps its hostname without usable values.
	formed bool
	// mutual is set when the conflict is with a listener of the same owner.
	mutual bool
	// overlap names the listeners of the port whose hostnames overlap.
	overlap string
	// ignored is what was not applied although the listener is accepted.
	ignored string
	// unusable is set when an unresolved reference leaves the listener nothing to serve with.
	unusable bool
	secrets  []ir.Secret
}

// parentDeclares are the listeners of a Gateway or ListenerSet before conflicts are known.
func parentDeclares(v store.View, gateway *gwv1.Gateway, owner listenerOwner) []declared {
	listeners := make([]declared, 0, len(owner.listeners))
	for _, spec := range owner.listeners {
		d := declared{
			Listener: resolve.Listener{
				ID:       resolve.ListenerID{Parent: owner.object, Name: string(spec.Name)},
				Port:     uint32(spec.Port),
				Protocol: spec.Protocol,
			},
			spec:       spec,
			generation: owner.generation,
			rank:       owner.rank,
		}
		d.check(v, gateway)
		listeners = append(listeners, d)
	}
	return listeners
}

// listenerOwner is a Gateway or ListenerSet with its listeners in one form.
type listenerOwner struct {
	object     resolve.Object
	generation int64
	rank       int
	listeners  []gwv1.Listener
}

// check fills in all that can be said of a listener without looking at the others.
// Conflicts follow from the spec alone, so that a Secret that comes and goes moves none.
func (d *declared) check(v store.View, gateway *gwv1.Gateway) {
	d.checkKinds()
	d.accepted = d.checkValues()
	d.formed = d.accepted.None() || d.keepsHostname()
	if !d.accepted.None() {
		return
	}
	d.accepted = d.resolveFilters(v)
	if !usesTLS(d.Protocol) {
		return
	}
	d.Passthrough = d.Protocol == gwv1.TLSProtocolType && tlsMode(d.spec) == gwv1.TLSModePassthrough
	if d.Passthrough {
		return
	}
	d.resolveCertificates(v)
	if d.Protocol == gwv1.HTTPSProtocolType {
		d.resolveClientValidation(v, gateway)
	}
}

// checkValues says which value of the spec keeps the listener from being accepted, without a look at its references.
func (d *declared) checkValues() resolve.Problem {
	checks := []func() resolve.Problem{d.checkProtocol, d.checkPort, d.checkHostname, d.checkNamespaces, d.checkTLS}
	for _, check := range checks {
		if problem := check(); !problem.None() {
			return problem
		}
	}
	return resolve.Problem{}
}

func (d *declared) checkProtocol() resolve.Problem {
	if _, known := routeKinds[d.Protocol]; !known {
		return resolve.Problemf(gwv1.ListenerReasonUnsupportedProtocol,
			"protocol %q is not supported; use HTTP, HTTPS, TLS, TCP or UDP.", d.Protocol)
	}
	return resolve.Problem{}
}

func (d *declared) checkPort() resolve.Problem {
	if purpose := ownPorts[d.Port]; purpose != "" && d.Protocol != gwv1.UDPProtocolType {
		return resolve.Problemf(gwv1.ListenerReasonPortUnavailable,
			"port %d is used by the proxy itself for its %s; choose another port.", d.Port, purpose)
	}
	if d.Port == 0 || d.Port > 65535 {
		return resolve.Problemf(gwv1.ListenerReasonPortUnavailable, "port %d is not a port; use 1 to 65535.", d.Port)
	}
	return resolve.Problem{}
}

func (d *declared) checkHostname() resolve.Problem {
	// TCP and UDP have no hostnames; the API says to ignore the field there.
	if d.spec.Hostname == nil || d.Protocol == gwv1.TCPProtocolType || d.Protocol == gwv1.UDPProtocolType {
		return resolve.Problem{}
	}
	name := strings.ToLower(string(*d.spec.Hostname))
	if problem := hostname.Problem(name); name != "" && problem != "" {
		return resolve.Problemf(gwv1.ListenerReasonUnsupportedValue, "hostname %q %s.", *d.spec.Hostname, problem)
	}
	d.Hostname = name
	return resolve.Problem{}
}

func (d *declared) checkNamespaces() resolve.Problem {
	same := gwv1.NamespacesFromSame
	d.Namespaces = gwv1.RouteNamespaces{From: &same}
	if d.spec.AllowedRoutes == nil || d.spec.AllowedRoutes.Namespaces == nil {
		return resolve.Problem{}
	}
	d.Namespaces.Selector = d.spec.AllowedRoutes.Namespaces.Selector
	if from := d.spec.AllowedRoutes.Namespaces.From; from != nil {
		d.Namespaces.From = from
	}
	if *d.Namespaces.From != gwv1.NamespacesFromSelector {
		return resolve.Problem{}
	}
	if d.Namespaces.Selector == nil {
		return resolve.Problemf(gwv1.ListenerReasonUnsupportedValue,
			"allowedRoutes.namespaces.selector is missing; it is required when allowedRoutes.namespaces.from is Selector.")
	}
	if _, err := metav1.LabelSelectorAsSelector(d.Namespaces.Selector); err != nil {
		return resolve.Problemf(gwv1.ListenerReasonUnsupportedValue,
			"allowedRoutes.namespaces.selector is not a valid label selector: %v.", err)
	}
	return resolve.Problem{}
}

func (d *declared) checkTLS() resolve.Problem {
	if d.spec.TLS == nil {
		if d.Protocol == gwv1.TLSProtocolType {
			return resolve.Problemf(gwv1.ListenerReasonUnsupportedValue,
				"tls is missing; protocol TLS needs tls.mode Terminate with tls.certificateRefs, or Passthrough.")
		}
		return resolve.Problem{}
	}
	if !usesTLS(d.Protocol) {
		return resolve.Problemf(gwv1.ListenerReasonUnsupportedValue,
			"tls is set, but protocol %s has none; remove tls or use protocol HTTPS or TLS.", d.Protocol)
	}
	switch mode := tlsMode(d.spec); {
	case mode == gwv1.TLSModePassthrough && d.Protocol == gwv1.HTTPSProtocolType:
		return resolve.Problemf(gwv1.ListenerReasonUnsupportedValue,
			"tls.mode Passthrough is not possible with protocol HTTPS; use protocol TLS, or tls.mode Terminate.")
	case mode != gwv1.TLSModePassthrough && mode != gwv1.TLSModeTerminate:
		return resolve.Problemf(gwv1.ListenerReasonUnsupportedValue,
			"tls.mode %q is not supported; use Terminate or Passthrough.", mode)
	}
	return d.checkTLSOptions()
}

// checkTLSOptions rejects options that are meant for this gateway and unknown to it: to
// ignore a limit on TLS versions would be worse than to say so. Options of other
// implementations are ignored.
func (d *declared) checkTLSOptions() resolve.Problem {
	var foreign []string
	for _, option := range slices.Sorted(maps.Keys(d.spec.TLS.Options)) {
		prefix, _, prefixed := strings.Cut(string(option), "/")
		if !prefixed || resolve.OwnDomain(prefix) {
			return resolve.Problemf(gwv1.ListenerReasonUnsupportedValue,
				"tls.options has %q, which this gateway does not know; remove the option.", option)
		}
		foreign = append(foreign, string(option))
	}
	if len(foreign) > 0 {
		d.ignored = fmt.Sprintf(" tls.options %s belong to other implementations and are ignored.", strings.Join(foreign, ", "))
	}
	return resolve.Problem{}
}

func usesTLS(protocol gwv1.ProtocolType) bool {
	return protocol == gwv1.HTTPSProtocolType || protocol == gwv1.TLSProtocolType
}

// tlsMode returns the mode in force; Terminate is the default of the API.
func tlsMode(listener gwv1.Listener) gwv1.TLSModeType {
	if listener.TLS == nil || listener.TLS.Mode == nil || *listener.TLS.Mode == "" {
		return gwv1.TLSModeTerminate
	}
	return *listener.TLS.Mode
}
