package mirror

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/internal/names"
)

// maxEndpoints of one slice (discoveryv1.EndpointSlice.Endpoints).
const maxEndpoints = 1000

// grouped makes slices of endpoints: one for each family of addresses, and, if ports have several
// numbers, for each of those. What is too large for one object is divided by a hash of the address,
// so that an endpoint that comes or goes moves no other.
func (r *renderer) grouped(service *corev1.Service, suffix string, endpoints []endpoint) []*discoveryv1.EndpointSlice {
	byFamily := map[discoveryv1.AddressType]map[string][]endpoint{}
	for _, family := range families(service, endpoints) {
		byFamily[family] = map[string][]endpoint{}
	}
	for _, e := range endpoints {
		id := fmt.Sprint(e.ports)
		byFamily[e.family][id] = append(byFamily[e.family][id], e)
	}
	var found []*discoveryv1.EndpointSlice
	for _, family := range slices.Sorted(maps.Keys(byFamily)) {
		groups, name := byFamily[family], service.Name+suffix
		if family == discoveryv1.AddressTypeIPv6 {
			name += "-ipv6"
		}
		if len(groups) == 0 { // an empty slice tells a Service at zero from one without slices
			groups[""] = nil
		}
		for _, id := range slices.Sorted(maps.Keys(groups)) {
			group, groupName := unique(groups[id]), name
			if len(groups) > 1 {
				groupName = names.Shorten(name, id, len(name)+9)
			}
			found = append(found, r.divided(r.empty(service, groupName, family), group, 0)...)
		}
	}
	return found
}

// families of the addresses, and those of the Service: the proxies' Service has an empty slice for a
// family without endpoints as well.
func families(service *corev1.Service, endpoints []endpoint) []discoveryv1.AddressType {
	var found []discoveryv1.AddressType
	for _, family := range service.Spec.IPFamilies {
		found = append(found, discoveryv1.AddressType(family))
	}
	for _, e := range endpoints {
		found = append(found, e.family)
	}
	if len(found) == 0 {
		found = append(found, discoveryv1.AddressTypeIPv4)
	}
	return found
}

// unique sorts endpoints by address. One that is in two slices at once, as while the endpointslice
// controller moves it, is taken once, as ready as either says.
func unique(endpoints []endpoint) []endpoint {
	slices.SortStableFunc(endpoints, func(a, b endpoint) int {
		return cmp.Or(strings.Compare(a.Addresses[0], b.Addresses[0]), rank(a)-rank(b))
	})
	return slices.CompactFunc(endpoints, func(a, b endpoint) bool { return a.Addresses[0] == b.Addresses[0] })
}

func rank(e endpoint) int {
	switch {
	case *e.Conditions.Ready:
		return 0
	case *e.Conditions.Serving:
		return 1
	}
	return 2
}

// divided fills a slice, or the two halves of it that bit number depth of the hash of each address
// tells apart.
func (r *renderer) divided(slice *discoveryv1.EndpointSlice, endpoints []endpoint, depth int) []*discoveryv1.EndpointSlice {
	if len(endpoints) <= maxEndpoints {
		for _, e := range endpoints {
			slice.Ports = endpointPorts(e.ports)
			slice.Endpoints = append(slice.Endpoints, e.Endpoint)
		}
		return []*discoveryv1.EndpointSlice{slice}
	}
	if depth == 0 {
		slice.Name += "-"
	}
	var halves [2][]endpoint
	for _, e := range endpoints {
		hash := sha256.Sum256([]byte(e.Addresses[0]))
		bit := hash[depth/8] >> (depth % 8) & 1
		halves[bit] = append(halves[bit], e)
	}
	var found []*discoveryv1.EndpointSlice
	for bit, half := range halves {
		part := slice.DeepCopy()
		part.Name += fmt.Sprint(bit)
		found = append(found, r.divided(part, half, depth+1)...)
	}
	return found
}

func (r *renderer) empty(service *corev1.Service, name string, family discoveryv1.AddressType) *discoveryv1.EndpointSlice {
	labels := marks()
	labels[discoveryv1.LabelManagedBy] = v1alpha1.ManagedBy
	labels[discoveryv1.LabelServiceName] = service.Name
	return &discoveryv1.EndpointSlice{
		TypeMeta: metav1.TypeMeta{APIVersion: discoveryv1.SchemeGroupVersion.String(), Kind: "EndpointSlice"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: service.Namespace, Name: name, Labels: labels, OwnerReferences: slices.Clone(r.owners),
		},
		AddressType: family, Endpoints: []discoveryv1.Endpoint{}, Ports: []discoveryv1.EndpointPort{},
	}
}

func endpointPorts(ports []port) []discoveryv1.EndpointPort {
	found := make([]discoveryv1.EndpointPort, 0, len(ports))
	for _, p := range ports {
		endpointPort := discoveryv1.EndpointPort{Name: ptr.To(p.name), Protocol: ptr.To(p.protocol), Port: ptr.To(p.number)}
		if p.appProtocol != "" {
			endpointPort.AppProtocol = ptr.To(p.appProtocol)
		}
		found = append(found, endpointPort)
	}
	return found
}
