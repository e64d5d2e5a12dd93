package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/scaler/trigger"
)

// resolveBackend finds what the generated route leads to.
func (m *maker) resolveBackend(c *candidate) {
	switch {
	case c.spec.Type != v1alpha1.TriggerHTTP:
	case c.pooled():
		m.resolvePool(c)
	case c.service() == "": // a Rollout left it open
	default:
		m.resolveWeights(c)
		m.resolveServices(c)
	}
}

// service takes the requests when nothing is weighted.
func (c *candidate) service() string { return c.spec.RequestService() }

func (m *maker) resolvePool(c *candidate) {
	backend := c.spec.Backend
	c.backends = []gwv1.BackendRef{{BackendObjectReference: gwv1.BackendObjectReference{
		Group: ptr.To(gwv1.Group(inferencev1.GroupName)), Kind: ptr.To(gwv1.Kind("InferencePool")), Name: gwv1.ObjectName(backend.InferencePool),
	}}}
	pool := m.Find.InferencePool(c.of(backend.InferencePool))
	if pool == nil {
		c.unresolve(ReasonPoolNotFound, fmt.Sprintf(
			"inferencePool: InferencePool %s does not exist; create it or correct the name. Until then requests are answered 5xx.",
			c.of(backend.InferencePool)))
		return
	}
	if backend.Service == "" {
		return
	}
	service := m.Find.Service(c.of(backend.Service))
	if service == nil {
		c.warnings = append(c.warnings, fmt.Sprintf(
			"service: Service %s does not exist; requests still go to the InferencePool", c.of(backend.Service)))
		return
	}
	if !sameSelector(pool, service) {
		c.mismatch = fmt.Sprintf("InferencePool %s selects %s and Service %s selects %s; use the same labels, "+
			"or the numbers of one are not those of the other.",
			pool.Name, labelsText(store.Plain(pool.Spec.Selector.MatchLabels)), service.Name, labelsText(service.Spec.Selector))
	}
}

// Mismatch says that a pool and a Service select different Pods; empty: they do not.
func Mismatch(pool *inferencev1.InferencePool, service *corev1.Service) string {
	if sameSelector(pool, service) {
		return ""
	}
	return fmt.Sprintf("inferencePool %q selects %s and service %q selects %s; use the same labels",
		pool.Name, labelsText(store.Plain(pool.Spec.Selector.MatchLabels)), service.Name, labelsText(service.Spec.Selector))
}

func sameSelector(pool *inferencev1.InferencePool, service *corev1.Service) bool {
	return maps.Equal(store.Plain(pool.Spec.Selector.MatchLabels), service.Spec.Selector)
}

func labelsText(labels map[string]string) string {
	if len(labels) == 0 {
		return "nothing"
	}
	return metav1.FormatLabelSelector(metav1.SetAsLabelSelector(labels))
}

// resolveWeights decides which weights are in force: those of the annotation, or the last
// good ones when they name a Service that does not exist, or are no weights.
func (m *maker) resolveWeights(c *candidate) {
	var last []v1alpha1.HTTPScalerWeight
	if c.live != nil && c.live.Spec.Backend.Service == c.spec.Backend.Service {
		last = c.live.Spec.Backend.Weighted
	}
	if c.weights.none() && !slices.Equal(c.spec.Backend.Weighted, last) {
		for _, w := range c.spec.Backend.Weighted {
			if _, problem := m.port(c, w.Service); !problem.none() {
				c.weights = explanation{problem.reason, "annotation " + trigger.WeightsAnnotation + ": " + problem.message}
				break
			}
		}
	}
	if c.weights.none() {
		return
	}
	c.spec.Backend.Weighted = last
	if len(last) > 0 {
		c.weights.message += " The last good weights stay in force."
	} else {
		c.weights.message += " All requests go to Service " + c.service() + "."
	}
}

// resolveServices makes the references of the route.
func (m *maker) resolveServices(c *candidate) {
	if len(c.spec.Backend.Weighted) == 0 {
		m.addService(c, c.service(), nil)
		return
	}
	for _, w := range c.spec.Backend.Weighted {
		m.addService(c, w.Service, ptr.To(w.Weight))
	}
}

// addService adds a reference, if the number of its port is known, and notes what is wrong.
func (m *maker) addService(c *candidate, service string, weight *int32) {
	number, problem := m.port(c, service)
	if !problem.none() {
		c.unresolved = append(c.unresolved, problem)
	}
	if number == 0 {
		return
	}
	c.backends = append(c.backends, gwv1.BackendRef{
		BackendObjectReference: gwv1.BackendObjectReference{Name: gwv1.ObjectName(service), Port: ptr.To(number)},
		Weight:                 weight,
	})
}

// port finds the number of the trigger's port at a Service. When the name of a port leads
// nowhere, the number that it had goes on; 0: it never had one.
func (m *maker) port(c *candidate, name string) (int32, explanation) {
	backend, key := c.spec.Backend, c.of(name)
	number := m.lastPort(c, name)
	if backend.Port != nil {
		number = *backend.Port
	}
	service := m.Find.Service(key)
	if service == nil {
		return number, explanation{ReasonBackendNotFound, fmt.Sprintf("service: Service %s does not exist; create it or correct the name.", key)}
	}
	if service.Spec.Type == corev1.ServiceTypeExternalName {
		return number, explanation{ReasonUnsupported, fmt.Sprintf(
			"service: Service %s has type ExternalName, which has no Pods to scale; use a Service with a selector.", key)}
	}
	for _, port := range service.Spec.Ports {
		if port.Protocol != "" && port.Protocol != corev1.ProtocolTCP {
			continue
		}
		if backend.Port != nil && port.Port == *backend.Port || backend.Port == nil && port.Name == backend.PortName {
			return port.Port, explanation{}
		}
	}
	if backend.Port != nil {
		return number, explanation{ReasonPortNotFound,
			fmt.Sprintf("port: Service %s has no TCP port %d; it has %s.", key, number, portsText(service))}
	}
	return number, explanation{ReasonPortNotFound, fmt.Sprintf(
		"portName: Service %s has no TCP port %q; it has %s.", key, backend.PortName, portsText(service))}
}

// lastPort is the number that the generated route has for a Service.
func (m *maker) lastPort(c *candidate, service string) int32 {
	for _, ref := range m.generated[c.key] {
		if string(ref.Name) == service && ref.Port != nil {
			return *ref.Port
		}
	}
	return 0
}

// generatedRefs are the references of the generated routes, by their key, which is that of the
// HTTPScaler.
func generatedRefs(w World) map[types.NamespacedName][]gwv1.BackendRef {
	all := map[types.NamespacedName][]gwv1.BackendRef{}
	for _, route := range w.HTTPRoutes {
		if !Generated(route) {
			continue
		}
		key := types.NamespacedName{Namespace: route.Namespace, Name: route.Name}
		for _, rule := range route.Spec.Rules {
			for _, ref := range rule.BackendRefs {
				all[key] = append(all[key], ref.BackendRef)
			}
		}
	}
	for _, route := range w.TLSRoutes {
		if !Generated(route) {
			continue
		}
		key := types.NamespacedName{Namespace: route.Namespace, Name: route.Name}
		for _, rule := range route.Spec.Rules {
			all[key] = append(all[key], rule.BackendRefs...)
		}
	}
	return all
}

func portsText(service *corev1.Service) string {
	var ports []string
	for _, port := range service.Spec.Ports {
		text := fmt.Sprint(port.Port)
		if port.Name != "" {
			text += " (" + port.Name + ")"
		}
		if port.Protocol != "" && port.Protocol != corev1.ProtocolTCP {
			text += "/" + string(port.Protocol)
		}
		ports = append(ports, text)
	}
	if len(ports) == 0 {
		return "none"
	}
	return strings.Join(ports, ", ")
}
