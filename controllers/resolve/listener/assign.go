package listener

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/store"
)

// Assignment is which addresses of its data plane a Gateway has, by its spec.addresses (GEP-5093, "Spec Semantics").
type Assignment struct {
	Addresses []gwv1.GatewayStatusAddress
	// Unsatisfied describes the entries of spec.addresses that have no address, each with the reason.
	Unsatisfied []string
	// Unusable is what is wrong with the addresses that the load balancer was asked for; "": nothing.
	Unusable string
	// Pending: no Service of the data plane exists yet.
	Pending bool
	// Routability: the CRDs have routability of addresses, and each entry of spec.addresses is held to what it asks for.
	Routability bool
}

// Assign gives each entry of spec.addresses one address that matches it, and no address twice. Without entries the Gateway
// has all addresses of its data plane.
func Assign(v store.View, g resolve.GatewayResult) Assignment {
	services := v.DataPlaneServices(g.Key)
	assignment := Assignment{Pending: len(services) == 0, Routability: true}
	var free []gwv1.GatewayStatusAddress
	for _, service := range services {
		free = append(free, routableAddresses(service)...)
	}
	if len(g.Addresses) == 0 {
		assignment.Addresses = free
		return assignment
	}
	given := make([]*gwv1.GatewayStatusAddress, len(g.Addresses))
	for _, i := range byDemand(g.Addresses) {
		at := slices.IndexFunc(free, func(a gwv1.GatewayStatusAddress) bool { return satisfies(a, g.Addresses[i]) })
		if at < 0 {
			continue
		}
		address := free[at]
		free = slices.Delete(free, at, at+1)
		if g.Addresses[i].Value != "" {
			address.Value = g.Addresses[i].Value
		}
		if g.Addresses[i].Routability == resolve.RoutabilitySentinel {
			address.Routability = ptr.To(resolve.RoutabilitySentinel)
		}
		given[i] = &address
	}
	assignment.take(g.Addresses, given)
	return assignment
}

// take sorts the entries into those that have an address and those that have none.
func (a *Assignment) take(entries []gwv1.GatewaySpecAddress, given []*gwv1.GatewayStatusAddress) {
	var notGiven []string
	for i, entry := range entries {
		if given[i] != nil {
			a.Addresses = append(a.Addresses, *given[i])
			continue
		}
		why := resolve.Unsatisfiable(entry)
		switch {
		case why != "":
		case entry.Routability == gwv1.GatewayAddressRoutabilityCluster && entry.Value != "":
			why = "the cluster did not give this cluster IP; it has to be free, and of the range for Services"
		case entry.Routability == gwv1.GatewayAddressRoutabilityCluster:
			why = "there is no Service with a cluster IP for it; a Gateway has one without a value"
		case entry.Value != "":
			why = "the load balancer did not give it"
			notGiven = append(notGiven, entry.Value)
		default:
			why = "the Service of the Gateway has no address of this type for it"
		}
		a.Unsatisfied = append(a.Unsatisfied, fmt.Sprintf("spec.addresses[%d] (%s): %s", i, describe(entry), why))
	}
	if len(notGiven) > 0 {
		a.Unusable = notGivenText(notGiven)
	}
}

func describe(entry gwv1.GatewaySpecAddress) string {
	words := []string{string(resolve.AddressType(entry.Type))}
	if entry.Value != "" {
		words = append(words, entry.Value)
	}
	if entry.Routability != "" {
		words = append(words, "routability "+string(entry.Routability))
	}
	return strings.Join(words, ", ")
}

// byDemand orders entries by how much they ask for, so that none takes the only address of a pickier one: a value, then a
// cluster IP, then anything. The order of the list decides last.
func byDemand(entries []gwv1.GatewaySpecAddress) []int {
	demand := func(entry gwv1.GatewaySpecAddress) int {
		switch {
		case entry.Value != "":
			return 0
		case entry.Routability == gwv1.GatewayAddressRoutabilityCluster:
			return 1
		}
		return 2
	}
	order := make([]int, len(entries))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(demand(entries[a]), demand(entries[b])) })
	return order
}

// satisfies reports whether an address is what an entry asks for.
func satisfies(address gwv1.GatewayStatusAddress, entry gwv1.GatewaySpecAddress) bool {
	if resolve.Unsatisfiable(entry) != "" || resolve.AddressType(address.Type) != resolve.AddressType(entry.Type) {
		return false
	}
	if entry.Routability == gwv1.GatewayAddressRoutabilityCluster && *address.Routability != gwv1.GatewayAddressRoutabilityCluster {
		return false
	}
	return entry.Value == "" || entry.Value == address.Value ||
		resolve.CanonicalIP(entry.Value) != "" && resolve.CanonicalIP(entry.Value) == resolve.CanonicalIP(address.Value)
}

// routableAddresses are the addresses of a Service with their routability: Cluster for cluster IPs, else empty.
func routableAddresses(service *corev1.Service) []gwv1.GatewayStatusAddress {
	routability := gwv1.GatewayAddressRoutabilityDefault
	if service.Spec.Type != corev1.ServiceTypeLoadBalancer {
		routability = gwv1.GatewayAddressRoutabilityCluster
	}
	addresses := serviceAddresses(service)
	for i := range addresses {
		addresses[i].Routability = ptr.To(routability)
	}
	return addresses
}

// addressesAssigned says which entries of spec.addresses have an address, where the CRDs have routability. It is absent
// until there is a Service that could have one (GEP-5093, "Full and Partially Accepted Address Entry Semantics").
func (in StatusInput) addressesAssigned() []metav1.Condition {
	waiting := in.Pending && in.AddressFailure == "" && resolve.ExposureOf(in.Result.Addresses).Any()
	if !in.Routability || !in.Result.Accepted() || waiting {
		return nil
	}
	kind, generation := gwv1.GatewayConditionAddressesAssigned, in.Result.Generation
	switch {
	case len(in.Unsatisfied) == 0 && len(in.Addresses) > 0:
		return []metav1.Condition{resolve.Condition(kind, metav1.ConditionTrue, gwv1.GatewayReasonAddressesAssigned,
			"The Gateway has all its addresses.", generation)}
	case len(in.Addresses) > 0:
		return []metav1.Condition{resolve.Condition(kind, metav1.ConditionFalse, gwv1.GatewayReasonAddressesPartiallyAssigned,
			in.unsatisfied(), generation)}
	case len(in.Unsatisfied) > 0:
		return []metav1.Condition{resolve.Condition(kind, metav1.ConditionFalse, gwv1.GatewayReasonAddressesNotAssigned,
			in.unsatisfied(), generation)}
	}
	return []metav1.Condition{resolve.Condition(kind, metav1.ConditionFalse, gwv1.GatewayReasonAddressesNotAssigned,
		"The Service of the Gateway has no address yet.", generation)}
}

// unsatisfied enumerates the entries without an address.
func (in StatusInput) unsatisfied() string {
	text := "Not assigned: " + resolve.Sentence(strings.Join(in.Unsatisfied, "; "))
	if in.AddressFailure != "" {
		text += " The API server said: " + resolve.Sentence(in.AddressFailure)
	}
	return text
}
