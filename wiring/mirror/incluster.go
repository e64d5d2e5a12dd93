package mirror

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// Marks of the controllers of Kubernetes that write endpoints.
const (
	sliceController  = "endpointslice-controller.k8s.io"
	mirrorController = "endpointslicemirroring-controller.k8s.io"

	endpointsManagedBy = "endpoints.kubernetes.io/managed-by"
	endpointController = "endpoint-controller"
	// changeTrigger is an annotation that the endpoints controller of all versions writes.
	changeTrigger = "endpoints.kubernetes.io/last-change-trigger-time"
	skipMirror    = "endpointslice.kubernetes.io/skip-mirror"
)

// InCluster is what the slices of a user's Service are made from, whose clients are to come through
// the proxies (kind "service"): the Service has no selector, and Fallback selects the Pods.
type InCluster struct {
	Service *corev1.Service
	// Slices of the Service, of any controller.
	Slices []*discoveryv1.EndpointSlice
	// Endpoints is the object of the name of the Service; nil: there is none.
	Endpoints *metav1.PartialObjectMetadata

	Fallback       *corev1.Service
	FallbackSlices []*discoveryv1.EndpointSlice

	// Entry without a Selector.
	Entry Entry
	Path  Path
}

// RenderInCluster renders the slices of the user's Service.
func RenderInCluster(in InCluster) Output {
	if problem := in.refuse(); !problem.None() {
		return Output{Problem: problem}
	}
	out := Output{Leftovers: in.leftovers(), Problem: in.competitor()}
	r := renderer{path: in.Path, entry: in.Entry}
	r.owner(in.Service, in.Service)
	r.application = ofSlices(in.FallbackSlices, in.pairs())
	if !out.Problem.None() {
		if !slices.ContainsFunc(in.Slices, Ours) {
			return out // a Service with endpoints of another owner gets none of the product
		}
		r.path, r.entry.Slices = Proxy, nil
	}
	out.Slices = r.slices(in.Service)
	for _, slice := range out.Slices {
		if slice.Annotations == nil {
			slice.Annotations = map[string]string{}
		}
		slice.Annotations[v1alpha1.WiresAnnotation] = in.Fallback.Name
	}
	return out
}

// refuse says why the Service cannot lead through the proxies at all.
func (in InCluster) refuse() Problem {
	switch {
	case in.Service == nil:
		return problem(ReasonNotFound, "service: the Service does not exist; create it, without a selector, or correct the name.")
	case in.Fallback == nil:
		return problem(ReasonNotFound,
			"fallbackService: the Service with the Pods behind Service %s/%s does not exist; create it or correct the name.",
			in.Service.Namespace, in.Service.Name)
	case in.Fallback.Name == in.Service.Name:
		return problem(ReasonUnsupported,
			"fallbackService: Service %s/%s cannot be its own fallback; name the Service with the selector.", in.Service.Namespace, in.Service.Name)
	case in.Service.Spec.PublishNotReadyAddresses:
		return problem(ReasonUnsupported,
			"Service %s/%s has publishNotReadyAddresses, which would send requests to the standby past the proxies; remove it.",
			in.Service.Namespace, in.Service.Name)
	case in.Service.Spec.InternalTrafficPolicy != nil && *in.Service.Spec.InternalTrafficPolicy == corev1.ServiceInternalTrafficPolicyLocal,
		in.Service.Spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal:
		return problem(ReasonUnsupported,
			"Service %s/%s has traffic policy Local, which sends requests of nodes without a proxy past the proxies; use Cluster.",
			in.Service.Namespace, in.Service.Name)
	}
	return refuseService(in.Service, in.Entry)
}

// leftovers are what the controllers of Kubernetes wrote while the Service had a selector: they do
// not take it back, and send requests past the proxies.
func (in InCluster) leftovers() []Leftover {
	if len(in.Service.Spec.Selector) > 0 {
		return nil
	}
	const note = "it is left from when the Service had a selector, and leads past the proxies"
	var found []Leftover
	if in.Endpoints != nil && left(in.Endpoints) {
		found = append(found, Leftover{"Endpoints", in.Endpoints, note})
	}
	for _, slice := range in.Slices {
		if in.leftSlice(slice) {
			found = append(found, Leftover{"EndpointSlice", slice, note})
		}
	}
	slices.SortFunc(found, func(a, b Leftover) int { return strings.Compare(a.Object.GetName(), b.Object.GetName()) })
	return found
}

// left reports whether the endpoints controller, and not a user, wrote an Endpoints object.
func left(endpoints metav1.Object) bool {
	_, triggered := endpoints.GetAnnotations()[changeTrigger]
	return triggered || endpoints.GetLabels()[endpointsManagedBy] == endpointController
}

// leftSlice reports whether a slice is of the selector that was. The mirroring controller copies the labels
// of the Endpoints object.
func (in InCluster) leftSlice(slice *discoveryv1.EndpointSlice) bool {
	by := slice.Labels[discoveryv1.LabelManagedBy]
	return by == sliceController || by == mirrorController && (left(slice) || in.Endpoints != nil && left(in.Endpoints))
}

// competitor says what else, in the hand of the user, gives the Service endpoints.
func (in InCluster) competitor() Problem {
	name := in.Service.Namespace + "/" + in.Service.Name
	const consequence = "so requests would be split between them and the proxies"
	if len(in.Service.Spec.Selector) > 0 {
		return problem(ReasonSelector,
			"Service %s has a selector, "+consequence+"; remove the selector from it, or name another Service. "+
				"The proxies get none of its requests until then.", name)
	}
	const remedy = consequence + "; delete it. The proxies get none of its requests until then."
	if in.Endpoints != nil && !left(in.Endpoints) && in.Endpoints.Labels[skipMirror] != "true" {
		return problem(ReasonCompeting, "Endpoints %s gives the Service addresses of its own, "+remedy, name)
	}
	for _, slice := range in.Slices {
		switch by := slice.Labels[discoveryv1.LabelManagedBy]; {
		case Ours(slice), in.leftSlice(slice):
		case by == mirrorController:
			return problem(ReasonCompeting, "Endpoints %s gives the Service addresses of its own, "+remedy, name)
		default:
			return problem(ReasonCompeting, "EndpointSlice %s/%s gives Service %s addresses of its own, "+remedy, slice.Namespace, slice.Name, name)
		}
	}
	return Problem{}
}

// pairs finds, for the ports of the Service, those of the fallback: of the same name, else of the
// same number, else the only one.
func (in InCluster) pairs() []pair {
	var pairs []pair
	for _, port := range in.Service.Spec.Ports {
		for _, same := range []func(corev1.ServicePort) bool{
			func(other corev1.ServicePort) bool { return other.Name == port.Name },
			func(other corev1.ServicePort) bool { return other.Port == port.Port },
			func(corev1.ServicePort) bool {
				return len(in.Service.Spec.Ports) == 1 && len(in.Fallback.Spec.Ports) == 1
			},
		} {
			i := slices.IndexFunc(in.Fallback.Spec.Ports, func(other corev1.ServicePort) bool {
				return protocolOf(other.Protocol) == protocolOf(port.Protocol) && same(other)
			})
			if i >= 0 {
				pairs = append(pairs, pair{port, in.Fallback.Spec.Ports[i].Name})
				break
			}
		}
	}
	return pairs
}
