package mirror

import (
	"maps"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// noProxyPort is a target port that no Pod of a proxy has: the endpointslice controller leaves such
// a port out of the slices of the proxies.
const noProxyPort = "not-proxied"

// wiredService is the Service as clients of the original know it, with the proxies behind it.
func (r *renderer) wiredService(original *corev1.Service) *corev1.Service {
	service := r.bare(original.Namespace, Name(original.Name, false), Wires(original.Name, false))
	maps.Copy(service.Labels, kept(original.Labels))
	maps.Copy(service.Labels, marks())
	copied := kept(original.Annotations)
	maps.Copy(copied, service.Annotations)
	service.Annotations = copied

	from := original.Spec
	if from.Type == corev1.ServiceTypeNodePort || from.Type == corev1.ServiceTypeLoadBalancer {
		service.Spec.Type = corev1.ServiceTypeNodePort // load balancers in "instance" mode dial node ports
	}
	service.Spec.SessionAffinity = from.SessionAffinity
	if from.SessionAffinity == corev1.ServiceAffinityClientIP {
		service.Spec.SessionAffinityConfig = from.SessionAffinityConfig.DeepCopy()
	}
	service.Spec.TrafficDistribution = from.TrafficDistribution
	service.Spec.IPFamilies = append([]corev1.IPFamily(nil), from.IPFamilies...)
	service.Spec.IPFamilyPolicy = from.IPFamilyPolicy
	for _, port := range from.Ports {
		service.Spec.Ports = append(service.Spec.Ports, r.port(port))
	}
	return service
}

// poolService is the Service for the objects that know no pools, and for the fallback.
func (r *renderer) poolService(pool *inferencev1.InferencePool) *corev1.Service {
	service := r.bare(pool.Namespace, Name(pool.Name, true), Wires(pool.Name, true))
	port := corev1.ServicePort{Name: "inference", Port: PoolPort, Protocol: corev1.ProtocolTCP}
	if pool.Spec.AppProtocol != "" && pool.Spec.AppProtocol != inferencev1.AppProtocolHTTP {
		port.AppProtocol = ptr.To(string(pool.Spec.AppProtocol))
	}
	service.Spec.Ports = []corev1.ServicePort{r.port(port)}
	return service
}

func (r *renderer) bare(namespace, name, wires string) *corev1.Service {
	return &corev1.Service{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: name, Labels: marks(), Annotations: map[string]string{v1alpha1.WiresAnnotation: wires},
		},
		Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeClusterIP, Selector: r.selector()},
	}
}

// selector leads to the proxies, and on the direct path to nothing: the endpointslice controller
// then takes the proxies out. A Service without a selector would keep its old slices for ever.
func (r *renderer) selector() map[string]string {
	selector := maps.Clone(r.entry.Selector)
	if len(selector) > 0 && r.path == Direct {
		selector[nowhereLabel] = "true"
	}
	return selector
}

// port is a port of the original with the proxies behind it. Numbers of node ports are the
// original's alone.
func (r *renderer) port(port corev1.ServicePort) corev1.ServicePort {
	wired := corev1.ServicePort{
		Name: port.Name, Port: port.Port, Protocol: protocolOf(port.Protocol), AppProtocol: port.AppProtocol,
		TargetPort: intstr.FromString(noProxyPort),
	}
	if target, proxied := r.entry.target(port); proxied {
		wired.TargetPort = intstr.FromInt32(target)
	}
	return wired
}
