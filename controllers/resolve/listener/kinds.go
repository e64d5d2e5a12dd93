package listener

import (
	"slices"
	"strings"

	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
)

// routeKinds are the kinds of routes that a listener takes, by protocol. A protocol that is
// not a key is not supported. A kind belongs here once its routes are resolved.
var routeKinds = map[gwv1.ProtocolType][]gwv1.Kind{
	gwv1.HTTPProtocolType:  {"HTTPRoute", "GRPCRoute"},
	gwv1.HTTPSProtocolType: {"HTTPRoute", "GRPCRoute"},
	gwv1.TLSProtocolType:   {"TLSRoute"},
	gwv1.TCPProtocolType:   {"TCPRoute"},
	gwv1.UDPProtocolType:   {"UDPRoute"},
}

// checkKinds sets the kinds that may attach: those that the user lists and the protocol
// takes, or all that the protocol takes when the user lists none.
func (d *declared) checkKinds() {
	supported := routeKinds[d.Protocol]
	var wanted []gwv1.RouteGroupKind
	if d.spec.AllowedRoutes != nil {
		wanted = d.spec.AllowedRoutes.Kinds
	}
	d.Kinds = []gwv1.RouteGroupKind{} // an empty list says "none", which null does not
	if len(wanted) == 0 {
		for _, kind := range supported {
			d.Kinds = append(d.Kinds, routeGroupKind(kind))
		}
		return
	}
	var bad []string
	for _, want := range wanted {
		kind := routeGroupKind(want.Kind)
		switch {
		case want.Group != nil && *want.Group != *kind.Group || !slices.Contains(supported, want.Kind):
			bad = append(bad, groupKind(want))
		case !d.Takes(want.Kind):
			d.Kinds = append(d.Kinds, kind)
		}
	}
	if len(bad) == 0 || len(supported) == 0 {
		return // without a supported protocol the kinds are the smaller problem
	}
	d.resolved = resolve.Problemf(gwv1.ListenerReasonInvalidRouteKinds,
		"allowedRoutes.kinds lists %s, which a listener with protocol %s cannot take; it takes %s.",
		strings.Join(bad, ", "), d.Protocol, kindNames(supported))
	d.unusable = len(d.Kinds) == 0
}

func routeGroupKind(kind gwv1.Kind) gwv1.RouteGroupKind {
	group := gwv1.Group(gwv1.GroupName)
	return gwv1.RouteGroupKind{Group: &group, Kind: kind}
}

func groupKind(kind gwv1.RouteGroupKind) string {
	if kind.Group == nil || *kind.Group == gwv1.GroupName {
		return string(kind.Kind)
	}
	return string(*kind.Group) + "/" + string(kind.Kind)
}

func kindNames(kinds []gwv1.Kind) string {
	names := make([]string, len(kinds))
	for i, kind := range kinds {
		names[i] = string(kind)
	}
	return strings.Join(names, ", ")
}
