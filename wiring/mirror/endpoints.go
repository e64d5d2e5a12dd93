package mirror

import (
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/utils/ptr"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"
)

// endpoint is one address behind some ports of the rendered Service.
type endpoint struct {
	family discoveryv1.AddressType
	// ports are those of the rendered Service, with numbers of the endpoint, sorted by name.
	ports []port
	discoveryv1.Endpoint
}

// port of an endpoint under the name that the rendered Service gives it.
type port struct {
	name        string
	protocol    corev1.Protocol
	number      int32
	appProtocol string
}

// pair is a port of the rendered Service and the name that the slices of the application have for it.
type pair struct {
	corev1.ServicePort
	source string
}

// samePorts pairs the ports of a Service with themselves.
func samePorts(service *corev1.Service) []pair {
	pairs := make([]pair, 0, len(service.Spec.Ports))
	for _, port := range service.Spec.Ports {
		pairs = append(pairs, pair{port, port.Name})
	}
	return pairs
}

// ofSlices reads the endpoints of a Service. kube-proxy knows no slices of names.
func ofSlices(all []*discoveryv1.EndpointSlice, pairs []pair) []endpoint {
	var found []endpoint
	for _, slice := range all {
		if slice.AddressType == discoveryv1.AddressTypeFQDN || Ours(slice) {
			continue
		}
		ports := portsOf(slice, pairs)
		if len(ports) == 0 {
			continue
		}
		for _, e := range slice.Endpoints {
			if len(e.Addresses) > 0 {
				found = append(found, endpoint{slice.AddressType, ports, copied(e)})
			}
		}
	}
	return found
}

// portsOf are the ports of a slice under the names of the rendered Service.
func portsOf(slice *discoveryv1.EndpointSlice, pairs []pair) []port {
	var ports []port
	for _, pair := range pairs {
		for _, p := range slice.Ports {
			if p.Port == nil || ptr.Deref(p.Name, "") != pair.source ||
				protocolOf(ptr.Deref(p.Protocol, "")) != protocolOf(pair.Protocol) {
				continue
			}
			ports = append(ports, port{
				name: pair.Name, protocol: protocolOf(pair.Protocol), number: *p.Port,
				appProtocol: ptr.Deref(pair.AppProtocol, ptr.Deref(p.AppProtocol, "")),
			})
		}
	}
	return ports
}

// copied is what consumers want to know of an endpoint.
func copied(e discoveryv1.Endpoint) discoveryv1.Endpoint {
	return discoveryv1.Endpoint{
		Addresses: slices.Clone(e.Addresses), Conditions: *e.Conditions.DeepCopy(), TargetRef: e.TargetRef.DeepCopy(),
		NodeName: e.NodeName, Zone: e.Zone, Hints: e.Hints.DeepCopy(),
	}
}

// ofPods reads the endpoints of a pool: each target port of each Pod that it selects.
func ofPods(pool *inferencev1.InferencePool, pods []*corev1.Pod) []endpoint {
	var found []endpoint
	for _, pod := range pods {
		if !selected(pool, pod) {
			continue
		}
		for _, ip := range pod.Status.PodIPs {
			address, err := netip.ParseAddr(ip.IP)
			if err != nil {
				continue
			}
			family := discoveryv1.AddressTypeIPv6
			if address.Is4() {
				family = discoveryv1.AddressTypeIPv4
			}
			for _, target := range pool.Spec.TargetPorts {
				p := port{name: "inference", protocol: corev1.ProtocolTCP, number: int32(target.Number)}
				if pool.Spec.AppProtocol != inferencev1.AppProtocolHTTP {
					p.appProtocol = string(pool.Spec.AppProtocol)
				}
				found = append(found, endpoint{family, []port{p}, ofPod(pod, ip.IP)})
			}
		}
	}
	return found
}

// selected reports whether a Pod is of a pool and has not come to its end.
func selected(pool *inferencev1.InferencePool, pod *corev1.Pod) bool {
	if pod.Namespace != pool.Namespace || pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed ||
		len(pool.Spec.Selector.MatchLabels) == 0 {
		return false
	}
	for name, value := range pool.Spec.Selector.MatchLabels {
		if found, has := pod.Labels[string(name)]; !has || found != string(value) {
			return false
		}
	}
	return true
}

// ofPod reads a Pod as the endpointslice controller does.
func ofPod(pod *corev1.Pod, address string) discoveryv1.Endpoint {
	serving := slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
	terminating := pod.DeletionTimestamp != nil
	e := discoveryv1.Endpoint{
		Addresses: []string{address},
		Conditions: discoveryv1.EndpointConditions{
			Ready: ptr.To(serving && !terminating), Serving: ptr.To(serving), Terminating: ptr.To(terminating),
		},
		TargetRef: &corev1.ObjectReference{Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID},
	}
	if pod.Spec.NodeName != "" {
		e.NodeName = ptr.To(pod.Spec.NodeName)
	}
	return e
}

// restrict keeps, of each endpoint of the application, the given ports.
func (r *renderer) restrict(to []corev1.ServicePort) []endpoint {
	var found []endpoint
	for _, e := range r.application {
		e.ports = slices.DeleteFunc(slices.Clone(e.ports), func(p port) bool {
			return !slices.ContainsFunc(to, func(wanted corev1.ServicePort) bool {
				return wanted.Name == p.name && protocolOf(wanted.Protocol) == p.protocol
			})
		})
		if len(e.ports) > 0 {
			found = append(found, e)
		}
	}
	return found
}

// conditioned gives endpoints the conditions of their original, or of a standby of it. Only what the
// original reports ready may take requests at once.
func conditioned(endpoints []endpoint, ready bool) []endpoint {
	for i := range endpoints {
		c := &endpoints[i].Conditions
		wasReady, terminating := ptr.Deref(c.Ready, true), ptr.Deref(c.Terminating, false)
		serving := ptr.Deref(c.Serving, wasReady)
		if !ready {
			terminating, serving = terminating || wasReady, wasReady
			wasReady = false
		}
		*c = discoveryv1.EndpointConditions{Ready: &wasReady, Serving: &serving, Terminating: &terminating}
	}
	return endpoints
}

// proxies are the ready endpoints of the proxies behind the proxied ports.
func (r *renderer) proxies(proxied []corev1.ServicePort) []endpoint {
	if r.path == Direct {
		return nil
	}
	var found []endpoint
	for _, slice := range r.entry.Slices {
		var ports []port
		for _, p := range proxied {
			target, _ := r.entry.target(p)
			if !slices.ContainsFunc(slice.Ports, func(open discoveryv1.EndpointPort) bool { return ptr.Deref(open.Port, 0) == target }) {
				continue
			}
			ports = append(ports, port{p.Name, protocolOf(p.Protocol), target, ptr.Deref(p.AppProtocol, "")})
		}
		if len(ports) == 0 || slice.AddressType == discoveryv1.AddressTypeFQDN {
			continue
		}
		for _, e := range slice.Endpoints {
			if ptr.Deref(e.Conditions.Ready, true) && len(e.Addresses) > 0 {
				found = append(found, endpoint{slice.AddressType, ports, copied(e)})
			}
		}
	}
	return conditioned(found, true)
}
