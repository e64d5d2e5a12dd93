package foreign

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// Target is a Service or an InferencePool.
type Target struct {
	Pool bool
	Key  types.NamespacedName
}

// Reference is one place of an object that leads requests to a backend.
type Reference struct {
	// Pointer is the JSON pointer of the element that holds the reference: a path of an Ingress, a
	// backendRef, a destination, a target of a Route. References in one annotation share its pointer.
	Pointer string
	// Target has no name when the backend is neither a Service nor an InferencePool.
	Target Target
	// Port as written, the zero value when there is none. Of a Route a number is a port of Pods.
	Port intstr.IntOrString
	// Hosts of the requests as the backend sees them, in lower case; none: every host.
	Hosts []string
	// Paths of the requests as the backend sees them, at least one.
	Paths []Path
	// TLS: the consumer speaks TLS to the backend, or passes on that of the client.
	TLS bool
	// Refused says in a sentence why the reference cannot be rewritten; empty when it can. One that the
	// user pointed at a wired Service needs no rewriting, and may have a reason here, too.
	Refused string
}

// Bounds of a reference: each trigger of its backend is compared with each host and path.
const (
	maxHosts = 64
	// maxRequests is the limit of pairs of a host and a path above which the paths count as unknown.
	maxRequests = 256
)

// Kind is a kind of foreign object.
type Kind struct {
	GVK      schema.GroupVersionKind
	Autowire v1alpha1.AutowireKind
}

// reading is a Reference with what a patch needs to know of its element.
type reading struct {
	Reference
	// element is nil when the reference is in no element that a patch could test.
	element map[string]any
	// name is the path, within the element, of the field with the name of the backend. Suffix
	// follows the name in that field: the domain of a host.
	name   []string
	suffix string
}

// kind is a row of the table of kinds.
type kind struct {
	Kind
	read func(*unstructured.Unstructured) []reading
}

// Kinds in the versions in which they are read and patched.
var (
	Ingress        = schema.GroupVersionKind{Group: "networking.k8s.io", Version: "v1", Kind: "Ingress"}
	HTTPRoute      = schema.GroupVersionKind{Group: gwv1.GroupName, Version: "v1", Kind: "HTTPRoute"}
	GRPCRoute      = schema.GroupVersionKind{Group: gwv1.GroupName, Version: "v1", Kind: "GRPCRoute"}
	VirtualService = schema.GroupVersionKind{Group: "networking.istio.io", Version: "v1", Kind: "VirtualService"} // Istio 1.22 and later
	Route          = schema.GroupVersionKind{Group: "route.openshift.io", Version: "v1", Kind: "Route"}           // of OpenShift
)

var kinds = []kind{
	{Kind{Ingress, v1alpha1.AutowireIngress}, readIngress},
	{Kind{HTTPRoute, v1alpha1.AutowireHTTPRoute}, readGatewayRoute},
	{Kind{GRPCRoute, v1alpha1.AutowireHTTPRoute}, readGatewayRoute},
	{Kind{VirtualService, v1alpha1.AutowireVirtualService}, readVirtualService},
	{Kind{Route, v1alpha1.AutowireRoute}, readRoute},
}

// Kinds returns all kinds of foreign objects.
func Kinds() []Kind {
	all := make([]Kind, len(kinds))
	for i := range kinds {
		all[i] = kinds[i].Kind
	}
	return all
}

// References returns every reference of an object, in the order of the object; none of an object
// of another kind.
func References(object *unstructured.Unstructured) []Reference {
	readings := read(object)
	references := make([]Reference, len(readings))
	for i := range readings {
		references[i] = readings[i].Reference
	}
	return references
}

func read(object *unstructured.Unstructured) []reading {
	group := object.GroupVersionKind().GroupKind()
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.GVK.GroupKind() == group })
	if i < 0 {
		return nil
	}
	readings := kinds[i].read(object)
	hidden := hidesPaths(object)
	for i := range readings {
		reading := &readings[i]
		if hidden || len(reading.Paths)*max(1, len(reading.Hosts)) > maxRequests {
			reading.Paths = unknownPaths
		}
	}
	refuse(object, readings)
	return readings
}
