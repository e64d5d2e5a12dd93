package plan

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/wiring/foreign"
)

// Setting is what Worlds have in common.
type Setting struct {
	// Proxy is the Gateway whose proxies serve the namespace; with a shared proxy one of another
	// namespace.
	Proxy types.NamespacedName
	// MaxRewrites of one object within RewritePeriod: another writer that points it back each time wins
	// then.
	MaxRewrites   int
	RewritePeriod time.Duration
	// Idle is how long a wired Service stays after nothing points at it any more.
	Idle time.Duration
	// Settle is how long a wired Service has a ready endpoint of a proxy before an object is pointed at it. A consumer
	// that hears of the object before it hears of the Service answers 503 meanwhile.
	Settle time.Duration
}

// DefaultSetting has the limits of the product.
func DefaultSetting(proxy types.NamespacedName) Setting {
	return Setting{Proxy: proxy, MaxRewrites: 5, RewritePeriod: time.Hour, Idle: time.Minute, Settle: time.Second}
}

// World is everything that a Plan is made from. Objects are read only. Unless it says otherwise, a list
// has all objects of the namespace.
type World struct {
	Setting
	Namespace string
	Now       time.Time
	// Path that the requests should take: LivePath, or the other one when that was decided.
	Path v1alpha1.WiringPath

	Scalers  []*v1alpha1.HTTPScaler
	Services []*corev1.Service
	Slices   []*discoveryv1.EndpointSlice
	// ProxySlices are those of the Service of the Gateway Proxy.
	ProxySlices []*discoveryv1.EndpointSlice
	// Endpoints objects that have the name of a Service without a selector.
	Endpoints []*metav1.PartialObjectMetadata
	Pools     []*inferencev1.InferencePool
	// Pods that a pool selects.
	Pods   []*corev1.Pod
	Grants []*gwv1.ReferenceGrant
	// TLSPolicies are those of the namespace, and DestinationRules of Istio all that have a host of a
	// Service of it: both say by the name of a Service how consumers speak TLS to it.
	TLSPolicies      []*gwv1.BackendTLSPolicy
	DestinationRules []*unstructured.Unstructured
	// Foreign objects of the namespace, and those of others that lead to a backend of it.
	Foreign []*unstructured.Unstructured
	// ForeignUnknown is true while foreign objects may be missing here.
	ForeignUnknown bool
	Find           Finder
	Memory         Memory
	// Refused is what the API server said when it last refused to write an object, by kind and
	// "namespace/name": of foreign objects, and of wired Services with what belongs to them. Such writes are
	// planned again.
	Refused map[string]string
}

// Finder returns objects of all namespaces, nil when there is none.
type Finder interface {
	Gateway(key types.NamespacedName) *gwv1.Gateway
	// OurClass reports whether a GatewayClass is of the product's controller.
	OurClass(name string) bool
}

// Object is any object of Kubernetes.
type Object interface {
	metav1.Object
	runtime.Object
}

// Plan is what should be, and in which order: Objects, then Rewrites and Restores, then Deletions.
type Plan struct {
	// Objects are wired Services, their slices, and ReferenceGrants, in the order in which they are
	// applied.
	Objects []Object
	// Rewrites and Restores are of different objects.
	Rewrites, Restores []Patch
	Deletions          []Deletion
	Statuses           []Status
	Events             []Event
	// Asleep are the HTTPScalers with a wired Service whose application has no ready endpoint.
	Asleep []types.NamespacedName
	// Failures are what stays as it is, because a step panicked at it.
	Failures []Failure
	// Memory for the next World.
	Memory Memory
	// Again is after how long something becomes due although no object changes; zero: nothing does.
	Again time.Duration
}

// Patch changes a foreign object. Event is to be told when it succeeded.
type Patch struct {
	Object     *unstructured.Unstructured
	Operations []foreign.Operation
	Event      Event
}

// Deletion is an object that is to go, in exactly the version that was seen.
type Deletion struct {
	// Kind is Service, EndpointSlice, Endpoints or ReferenceGrant.
	Kind   string
	Object metav1.Object
}

// Status is what the wiring says of one HTTPScaler, without generations and times of transition.
type Status struct {
	Scaler types.NamespacedName
	// Wiring is nil without a wired Service.
	Wiring *v1alpha1.HTTPScalerWiring
	// Rewired is nil when there is nothing to say.
	Rewired *metav1.Condition
}

// Event is something that the owner of an object should hear.
type Event struct {
	// About is the object, known by its name; Related another one, or nil.
	About, Related Object
	// Type is corev1.EventTypeNormal or EventTypeWarning.
	Type   string
	Reason string
	Note   string
}
