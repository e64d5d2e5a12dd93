package listener

import (
	"fmt"
	"slices"
	"strings"

	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/hostname"
	"github.com/kedify/inference-gateway/xds/ir"
)

// resolveConflicts marks the listeners that cannot be distinguished from others. Listeners of an
// earlier owner win: the Gateway, then its ListenerSets in their order (Gateway API
// ListenerSetSpec). Among listeners of one owner none wins (GatewaySpec: none of them may
// be picked). The listeners come sorted by rank.
//
// mixed: a port may have listeners of protocol TLS that terminate beside others that pass
// through (TLSRouteModeMixed). Without the feature, the API wants a conflict.
func resolveConflicts(listeners []declared, mixed bool) {
	for start := 0; start < len(listeners); {
		end := start
		for end < len(listeners) && listeners[end].rank == listeners[start].rank {
			end++
		}
		yieldToEarlier(listeners[:start], listeners[start:end], mixed)
		conflictAmong(listeners[start:end], mixed)
		start = end
	}
	if !mixed {
		withoutKinds(listeners)
	}
	markOverlaps(listeners)
}

// yieldToEarlier marks the listeners that lost to one of an earlier owner.
func yieldToEarlier(earlier, listeners []declared, mixed bool) {
	for i := range listeners {
		for j := range earlier {
			if !earlier[j].claims() || !listeners[i].contends() {
				continue
			}
			if conflict := conflictOf(&listeners[i], &earlier[j], mixed); !conflict.None() {
				conflict.Message += "; that one was first and keeps serving."
				listeners[i].conflict = conflict
				break
			}
		}
	}
}

// conflictAmong marks all listeners of one owner that conflict with each other.
func conflictAmong(listeners []declared, mixed bool) {
	conflicts := make([]resolve.Problem, len(listeners))
	for i := range listeners {
		for j := range listeners {
			if i == j || !listeners[i].contends() || !listeners[j].contends() {
				continue
			}
			if conflict := conflictOf(&listeners[i], &listeners[j], mixed); !conflict.None() {
				conflict.Message += "; neither is served."
				conflicts[i] = conflict
				break
			}
		}
	}
	for i, conflict := range conflicts {
		if !conflict.None() {
			listeners[i].conflict = conflict
			listeners[i].mutual = true
		}
	}
}

// contends reports whether the listener takes part in the search for conflicts.
func (d *declared) contends() bool { return d.formed && d.conflict.None() }

// claims reports whether later owners must leave the listener its place: also when it is in
// conflict within its own owner, since no listener may serve a contested port then.
func (d *declared) claims() bool { return d.formed && (d.conflict.None() || d.mutual) }

// conflictOf says why a cannot stand beside b.
func conflictOf(a, b *declared, mixed bool) resolve.Problem {
	if a.Port != b.Port || transport(a.Protocol) != transport(b.Protocol) {
		return resolve.Problem{}
	}
	if family(a.Protocol) != family(b.Protocol) {
		return resolve.Problemf(gwv1.ListenerReasonProtocolConflict,
			"port %d: protocol %s cannot share the port with protocol %s of %s",
			a.Port, a.Protocol, b.Protocol, b.describe(a))
	}
	if !a.HasHostnames() {
		return resolve.Problemf(gwv1.ListenerReasonProtocolConflict,
			"port %d: only one %s listener can have the port, and %s has it too",
			a.Port, a.Protocol, b.describe(a))
	}
	if !mixed && mixedTermination(a, b) {
		return resolve.Problemf(gwv1.ListenerReasonProtocolConflict,
			"port %d: with the CRDs of the standard channel of v1.6, TLS cannot be terminated here and passed through by %s", a.Port, b.describe(a))
	}
	if a.Hostname == b.Hostname {
		return resolve.Problemf(gwv1.ListenerReasonHostnameConflict,
			"hostname %s on port %d is also that of %s", displayHostname(a.Hostname), a.Port, b.describe(a))
	}
	return resolve.Problem{}
}

// mixedTermination reports whether one listener terminates what the other passes through.
func mixedTermination(a, b *declared) bool {
	return a.Port == b.Port && a.Protocol == gwv1.TLSProtocolType && b.Protocol == gwv1.TLSProtocolType && a.Passthrough != b.Passthrough
}

// withoutKinds takes the kinds of routes from listeners of a mode that is not supported beside
// another on their port: with it, no kind is.
func withoutKinds(listeners []declared) {
	for i := range listeners {
		mixes := func(other declared) bool { return mixedTermination(&listeners[i], &other) }
		if !listeners[i].conflict.None() && slices.ContainsFunc(listeners, mixes) {
			listeners[i].Kinds = []gwv1.RouteGroupKind{} // not null, which says nothing
		}
	}
}

// describe names the listener to the owner of another one. What others own stays unnamed
// beyond its kind, since their owners may not know each other.
func (d *declared) describe(to *declared) string {
	switch {
	case d.ID.Parent == to.ID.Parent:
		return fmt.Sprintf("listener %q", d.ID.Name)
	case d.rank == 0:
		return fmt.Sprintf("listener %q of the Gateway", d.ID.Name)
	}
	return "a listener of another ListenerSet"
}

// family groups the protocols that can share a port: the server name of the handshake tells
// HTTPS and TLS listeners apart, cleartext has nothing of the kind.
func family(protocol gwv1.ProtocolType) gwv1.ProtocolType {
	if protocol == gwv1.HTTPSProtocolType {
		return gwv1.TLSProtocolType
	}
	return protocol
}

func transport(protocol gwv1.ProtocolType) ir.Transport {
	if protocol == gwv1.UDPProtocolType {
		return ir.UDP
	}
	return ir.TCP
}

// markOverlaps notes which TLS listeners of a port have overlapping hostnames: a client that
// reuses its connection may then meet the TLS settings of another listener.
func markOverlaps(listeners []declared) {
	for i := range listeners {
		a := &listeners[i]
		var others []string
		for j := range listeners {
			b := &listeners[j]
			if i == j || a.Port != b.Port || !usesTLS(a.Protocol) || !usesTLS(b.Protocol) || !a.contends() || !b.contends() {
				continue
			}
			if hostname.Overlap(a.Hostname, b.Hostname) {
				others = append(others, b.describe(a))
			}
		}
		a.overlap = strings.Join(slices.Compact(others), ", ")
	}
}

func displayHostname(hostname string) string {
	if hostname == "" {
		return "(every name)"
	}
	return hostname
}
