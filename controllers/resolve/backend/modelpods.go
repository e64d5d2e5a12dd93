package backend

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/scaler"
)

// ModelPods returns the Pods whose metrics a trigger asks for; nil: it asks for none, or does not exist.
//
// A replica of the control plane connects to what is here, on a port that the author of the trigger chooses. So an address is one that the
// kubelet wrote into the status of a ready Pod of the trigger's namespace. An EndpointSlice, which the author may have written, only
// selects among them: an endpoint that names no such Pod, or another address than its Pod has, is counted and not read.
func ModelPods(v store.View, key types.NamespacedName) *scaler.ModelPods {
	object := v.HTTPScaler(key)
	if object == nil {
		return nil
	}
	wanted := podMetrics(&object.Spec)
	if wanted == nil {
		return nil
	}
	found := &modelPods{view: v, port: wanted.Port, pods: scaler.ModelPods{Engine: string(wanted.Engine), Path: wanted.Path}}
	if pool := object.Spec.Backend.InferencePool; pool != "" {
		found.ofPool(types.NamespacedName{Namespace: key.Namespace, Name: pool})
	} else {
		for _, service := range servicesOf(&object.Spec) {
			found.ofService(types.NamespacedName{Namespace: key.Namespace, Name: service}, &object.Spec.Backend)
		}
	}
	slices.SortFunc(found.pods.Pods, func(a, b scaler.ModelPod) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), a.Address.Compare(b.Address))
	})
	found.pods.Pods = slices.Compact(found.pods.Pods)
	return &found.pods
}

// podMetrics is how the Pods are read, the same for all metrics of a trigger; nil: none asks for them.
func podMetrics(spec *v1alpha1.HTTPScalerSpec) *v1alpha1.PodMetrics {
	for _, metric := range spec.Metrics() {
		if wanted := metric.Pods(); wanted != nil {
			return wanted
		}
	}
	return nil
}

// servicesOf are those that the requests of a trigger go to.
func servicesOf(spec *v1alpha1.HTTPScalerSpec) []string {
	if len(spec.Backend.Weighted) == 0 {
		return []string{spec.RequestService()}
	}
	var services []string
	for _, weighted := range spec.Backend.Weighted {
		services = append(services, weighted.Service)
	}
	return services
}

// modelPods is ModelPods under way.
type modelPods struct {
	view store.View
	// port that is read; nil: the one that requests go to.
	port *int32
	pods scaler.ModelPods
}

func (m *modelPods) ofPool(key types.NamespacedName) {
	pool := m.view.InferencePool(key)
	if pool == nil {
		m.missing("InferencePool %s does not exist; create it or correct the name", key)
		return
	}
	for _, pod := range m.view.PodsMatching(key.Namespace, store.Plain(pool.Spec.Selector.MatchLabels)) {
		if pod.Status.PodIP == "" || !ready(pod) {
			continue
		}
		if m.port != nil {
			m.add(pod, pod.Status.PodIP, uint32(*m.port))
			continue
		}
		for _, port := range pool.Spec.TargetPorts {
			m.add(pod, pod.Status.PodIP, uint32(port.Number))
		}
	}
}

func (m *modelPods) ofService(key types.NamespacedName, backend *v1alpha1.HTTPScalerBackend) {
	service := m.view.Service(key)
	switch {
	case service == nil:
		m.missing("Service %s does not exist; create it or correct the name", key)
		return
	case service.Spec.Type == corev1.ServiceTypeExternalName:
		m.missing("Service %s has type ExternalName, which leads to no Pods; use a Service with a selector", key)
		return
	case leadsToProxies(m.view, service, key):
		m.missing("Service %s leads to proxies of this product and not to Pods of the model", key)
		return
	}
	name, found := backend.PortName, true
	if backend.Port != nil {
		port := ServicePort(service, uint32(*backend.Port), corev1.ProtocolTCP)
		if found = port != nil; found {
			name = port.Name
		}
	}
	if !found {
		m.missing("Service %s has no TCP port %d; it has %s", key, *backend.Port, PortNumbers(service))
		return
	}
	part := servicePart{name: name, protocol: corev1.ProtocolTCP, families: families(service), slices: m.view.EndpointSlicesOf(key)}
	for _, endpoint := range part.endpoints(usable) {
		m.ofEndpoint(key.Namespace, endpoint)
	}
}

// ofEndpoint adds the Pod of an endpoint, if it is one and has the address.
func (m *modelPods) ofEndpoint(namespace string, endpoint sliceEndpoint) {
	ref := endpoint.TargetRef
	if ref == nil || ref.Kind != "Pod" || ref.Namespace != "" && ref.Namespace != namespace {
		m.pods.Foreign++
		return
	}
	pod := m.view.Pod(types.NamespacedName{Namespace: namespace, Name: ref.Name})
	address := endpoint.Addresses[0]
	switch {
	case pod == nil, ref.UID != "" && ref.UID != pod.UID, !hasAddress(pod, address):
		m.pods.Foreign++
	case ready(pod):
		number := endpoint.port
		if m.port != nil {
			number = uint32(*m.port)
		}
		m.add(pod, address, number)
	}
}

func hasAddress(pod *corev1.Pod, address string) bool {
	return pod.Status.PodIP == address || slices.Contains(pod.Status.PodIPs, corev1.PodIP{IP: address})
}

func (m *modelPods) add(pod *corev1.Pod, ip string, port uint32) {
	address, err := netip.ParseAddr(ip)
	if err != nil || port > 65535 || !reachable(address) {
		m.pods.Foreign++
		return
	}
	m.pods.Pods = append(m.pods.Pods, scaler.ModelPod{
		Name: pod.Name, ID: string(pod.UID), Address: netip.AddrPortFrom(address.Unmap(), uint16(port)),
	})
}

// reachable reports whether an address can be that of a Pod to another Pod: not this one's own, and not that of a link, where metadata
// services are. Kubelets write no others.
func reachable(address netip.Addr) bool {
	address = address.Unmap()
	return !address.IsLoopback() && !address.IsLinkLocalUnicast() && !address.IsMulticast() && !address.IsUnspecified()
}

// missing notes why the Pods are not known; the first reason stays.
func (m *modelPods) missing(format string, args ...any) {
	if m.pods.Missing == "" {
		m.pods.Missing = fmt.Sprintf(format, args...)
	}
}
