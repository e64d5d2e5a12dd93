package mirror

import (
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// Render renders the wired Service of a Service or an InferencePool, and its slices.
func Render(in Input) Output {
	if problem := in.refuse(); !problem.None() {
		return Output{Problem: problem}
	}
	r := renderer{path: in.Path, entry: in.Entry}
	var service *corev1.Service
	if in.Pool != nil {
		service = r.poolService(in.Pool)
		r.application = ofPods(in.Pool, in.Pods)
	} else {
		service = r.wiredService(in.Service)
		r.application = ofSlices(in.Slices, samePorts(in.Service))
	}
	r.owner(service, in.Wired)
	return Output{Service: service, Slices: r.slices(service)}
}

// refuse says why there can be no wired Service.
func (in Input) refuse() Problem {
	if in.Pool == nil && in.Service == nil {
		return problem(ReasonNotFound, "The backend does not exist; create it or correct its name.")
	}
	if problem := in.taken(); !problem.None() || in.Pool != nil {
		return problem
	}
	return refuseService(in.Service, in.Entry)
}

// taken refuses a name that another Service has. Its endpoints are those of its owner.
func (in Input) taken() Problem {
	if in.Wired == nil {
		return Problem{}
	}
	original, pool := in.original()
	if found, foundPool := Original(in.Wired); found == original && foundPool == pool {
		return Problem{}
	}
	return problem(ReasonNameTaken,
		"Service %s/%s exists and was not made by the product for %s, so no object is pointed at it; rename that Service.",
		in.Wired.Namespace, in.Wired.Name, Wires(original, pool))
}

func (in Input) original() (name string, pool bool) {
	if in.Pool != nil {
		return in.Pool.Name, true
	}
	return in.Service.Name, false
}

// refuseService says why the ports of a Service cannot lead through the proxies.
func refuseService(service *corev1.Service, entry Entry) Problem {
	name := service.Namespace + "/" + service.Name
	switch {
	case service.Spec.Type == corev1.ServiceTypeExternalName:
		return problem(ReasonUnsupported,
			"Service %s has type ExternalName, which has no endpoints to fall back to; use a Service with a selector.", name)
	case service.Spec.ClusterIP == corev1.ClusterIPNone:
		return problem(ReasonUnsupported,
			"Service %s is headless: its clients dial its port at an address of a Pod, and a proxy has other ports; "+
				"use a Service with a cluster IP.", name)
	case len(service.Spec.Ports) == 0:
		return problem(ReasonUnsupported, "Service %s has no ports; add the port that the trigger names.", name)
	}
	for _, port := range service.Spec.Ports {
		if _, proxied := entry.target(port); proxied {
			return Problem{}
		}
	}
	return problem(ReasonPortNotFound, "Service %s has no TCP port that the trigger names; correct port or portName.", name)
}

// target returns the proxies' port for a port of the Service; not proxied: there is none.
func (e Entry) target(port corev1.ServicePort) (target int32, proxied bool) {
	if protocolOf(port.Protocol) != corev1.ProtocolTCP {
		return 0, false
	}
	target, proxied = e.Ports[port.Port]
	return target, proxied
}

func protocolOf(protocol corev1.Protocol) corev1.Protocol {
	if protocol == "" {
		return corev1.ProtocolTCP
	}
	return protocol
}

// renderer renders the slices of one Service.
type renderer struct {
	path        Path
	entry       Entry
	application []endpoint
	owners      []metav1.OwnerReference
}

// owner makes the live Service, once there is one, the owner of the slices: without an owner they
// outlive it.
func (r *renderer) owner(service, live *corev1.Service) {
	if live == nil || live.UID == "" {
		return
	}
	r.owners = []metav1.OwnerReference{{APIVersion: "v1", Kind: "Service", Name: service.Name, UID: live.UID}}
}

// slices of a Service: those of the application, and those of the proxies where no selector leads
// to them.
func (r *renderer) slices(service *corev1.Service) []*discoveryv1.EndpointSlice {
	var proxied, unproxied []corev1.ServicePort
	for _, port := range service.Spec.Ports {
		if _, through := r.entry.target(port); through {
			proxied = append(proxied, port)
		} else {
			unproxied = append(unproxied, port)
		}
	}
	slices := r.grouped(service, directSuffix, conditioned(r.restrict(proxied), r.path != Proxy))
	for _, slice := range slices {
		slice.Annotations = map[string]string{PathAnnotation: string(r.path)}
	}
	if len(unproxied) > 0 {
		slices = append(slices, r.grouped(service, unproxiedSuffix, conditioned(r.restrict(unproxied), true))...)
	}
	if len(r.entry.Selector) == 0 {
		slices = append(slices, r.grouped(service, proxySuffix, r.proxies(proxied))...)
	}
	return slices
}

func marks() map[string]string { return map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy} }
