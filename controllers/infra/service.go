package infra

import (
	"maps"
	"net/netip"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
)

// service exposes the ports of the Gateway. Target ports are the ports themselves: Envoy binds
// what the user wrote, so that "destination port" means the same in a route, in an access log
// and to a client inside the cluster that dials a pod.
func service(spec Spec) *corev1.Service {
	object := &corev1.Service{
		TypeMeta:   typeMeta(corev1.SchemeGroupVersion.String(), "Service"),
		ObjectMeta: objectMeta(spec),
		Spec: corev1.ServiceSpec{
			Type:     corev1.ServiceTypeLoadBalancer,
			Selector: selector(spec.Gateway),
		},
	}
	object.Spec.Ports = servicePorts(spec)
	applyServiceParameters(spec, object)
	if object.Spec.Type == corev1.ServiceTypeLoadBalancer {
		object.Spec.LoadBalancerIP = staticAddress(spec.Addresses)
	}
	return object
}

// clusterService exposes the ports inside the cluster, at a cluster IP of the user's or any (""). Parameters of the Service
// are about the load balancer and are not applied. A cluster IP never changes: another one has another Service.
func clusterService(spec Spec, ip string) *corev1.Service {
	object := &corev1.Service{
		TypeMeta:   typeMeta(corev1.SchemeGroupVersion.String(), "Service"),
		ObjectMeta: objectMeta(spec),
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeClusterIP, ClusterIP: ip, Selector: selector(spec.Gateway), Ports: servicePorts(spec),
		},
	}
	object.Name = ClusterServiceName(spec.Gateway, ip)
	return object
}

func servicePorts(spec Spec) (ports []corev1.ServicePort) {
	for _, port := range spec.Infrastructure.Ports {
		ports = append(ports, corev1.ServicePort{
			Name:       strings.ToLower(string(port.Protocol)) + "-" + strconv.FormatUint(uint64(port.Port), 10),
			Protocol:   port.Protocol,
			Port:       int32(port.Port),
			TargetPort: intstr.FromInt32(int32(port.Port)),
		})
	}
	return ports
}

// serviceNames are the names of the Services that the addresses of a Gateway ask for, whether or not it has ports.
func serviceNames(spec Spec) (names []string) {
	exposure := resolve.ExposureOf(spec.Addresses)
	if exposure.Outside {
		names = append(names, Name(spec.Gateway))
	}
	for _, ip := range exposure.ClusterIPs {
		names = append(names, ClusterServiceName(spec.Gateway, ip))
	}
	return names
}

func applyServiceParameters(spec Spec, object *corev1.Service) {
	parameters := spec.Infrastructure.Parameters.Service
	if parameters == nil {
		return
	}
	if parameters.Type != nil {
		object.Spec.Type = *parameters.Type
	}
	if object.Spec.Type == corev1.ServiceTypeLoadBalancer {
		object.Spec.LoadBalancerClass = parameters.LoadBalancerClass
	}
	object.Spec.IPFamilyPolicy = parameters.IPFamilyPolicy
	object.Spec.IPFamilies = parameters.IPFamilies
	if parameters.ExternalTrafficPolicy != nil && object.Spec.Type != corev1.ServiceTypeClusterIP {
		object.Spec.ExternalTrafficPolicy = *parameters.ExternalTrafficPolicy
	}
	if len(parameters.Annotations) > 0 {
		if object.Annotations == nil {
			object.Annotations = map[string]string{}
		}
		maps.Copy(object.Annotations, parameters.Annotations)
	}
}

// staticAddress is the address to ask the load balancer for: the first IP of the user.
// Kubernetes can ask for one only. loadBalancerIP and not externalIPs, because externalIPs
// would capture any address inside the cluster without a check (CVE-2020-8554, and clusters
// that deny them), and would call an address usable that nothing routes here. Which addresses
// were given is read back from the Service's status; those that were not make the Gateway
// AddressNotUsable.
func staticAddress(addresses []gwv1.GatewaySpecAddress) string {
	for _, address := range addresses {
		cluster := address.Routability == gwv1.GatewayAddressRoutabilityCluster
		if cluster || resolve.Unsatisfiable(address) != "" || resolve.AddressType(address.Type) != gwv1.IPAddressType {
			continue
		}
		if ip, err := netip.ParseAddr(address.Value); err == nil {
			return ip.String()
		}
	}
	return ""
}
