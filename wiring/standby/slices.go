package standby

import (
	"cmp"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
)

const (
	// ManagedBy keeps the endpointslice controller off the slices. It is not that of the slices of wired
	// Services.
	ManagedBy = "kedify-gateway-standby"
	// PortName of the controllers' Service for KEDA.
	PortName = "grpc-keda"
)

// Pod is a Pod of the command "wiring".
type Pod struct {
	Name, Node string
	UID        types.UID
	IPs        []string
}

// Slices returns the EndpointSlices that make a Pod a standby endpoint of the controllers' Service, one for
// each family of its addresses. kube-proxy uses an endpoint that is not ready, serves and terminates exactly
// when the Service has no ready one. The slices go with their Pod.
func Slices(service types.NamespacedName, pod Pod, port int32) []*discoveryv1.EndpointSlice {
	byFamily := map[discoveryv1.AddressType]*discoveryv1.EndpointSlice{}
	for _, ip := range pod.IPs {
		address, err := netip.ParseAddr(ip)
		if err != nil {
			continue
		}
		family, name := discoveryv1.AddressTypeIPv4, pod.Name
		if address.Is6() && !address.Is4In6() {
			family, name = discoveryv1.AddressTypeIPv6, pod.Name+"-ipv6"
		}
		if byFamily[family] == nil { // a Pod has one address of each family
			byFamily[family] = sliceOf(service, pod, name, port)
			byFamily[family].AddressType = family
			byFamily[family].Endpoints[0].Addresses = []string{address.Unmap().String()}
		}
	}
	var found []*discoveryv1.EndpointSlice
	for _, slice := range byFamily {
		found = append(found, slice)
	}
	slices.SortFunc(found, func(a, b *discoveryv1.EndpointSlice) int { return cmp.Compare(a.Name, b.Name) })
	return found
}

// sliceOf is a slice without an address.
func sliceOf(service types.NamespacedName, pod Pod, name string, port int32) *discoveryv1.EndpointSlice {
	endpoint := discoveryv1.Endpoint{
		Conditions: discoveryv1.EndpointConditions{Ready: ptr.To(false), Serving: ptr.To(true), Terminating: ptr.To(true)},
		TargetRef:  &corev1.ObjectReference{Kind: "Pod", Namespace: service.Namespace, Name: pod.Name, UID: pod.UID},
	}
	if pod.Node != "" {
		endpoint.NodeName = ptr.To(pod.Node)
	}
	return &discoveryv1.EndpointSlice{
		TypeMeta: metav1.TypeMeta{APIVersion: discoveryv1.SchemeGroupVersion.String(), Kind: "EndpointSlice"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: service.Namespace, Name: name,
			Labels: map[string]string{discoveryv1.LabelServiceName: service.Name, discoveryv1.LabelManagedBy: ManagedBy},
			OwnerReferences: []metav1.OwnerReference{
				{APIVersion: "v1", Kind: "Pod", Name: pod.Name, UID: pod.UID},
			},
		},
		Endpoints: []discoveryv1.Endpoint{endpoint},
		Ports:     []discoveryv1.EndpointPort{{Name: ptr.To(PortName), Protocol: ptr.To(corev1.ProtocolTCP), Port: ptr.To(port)}},
	}
}
