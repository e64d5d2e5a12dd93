package plan

import (
	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/resolve"
)

// Setting is what a World has in common.
type Setting struct {
	// Proxy is the generated Gateway.
	Proxy types.NamespacedName
	// ClassName is its GatewayClass.
	ClassName string
	// Shared: the proxy serves the triggers of all namespaces, not only of its own.
	Shared bool
	// Values is the ConfigMap with the values of the installation for generated Gateways; without a
	// name there are none.
	Values types.NamespacedName
	// ScalerAddress is where KEDA reaches our scaler, host:port.
	ScalerAddress string
	// Autowire: the command "wiring" points foreign objects at the proxies, and owns condition Rewired.
	Autowire bool
	// CountsOthers: Envoys that users run may count for triggers.
	CountsOthers bool
	// Hold has the defaults of the installation for triggers that say nothing; nil fields leave those
	// of the product.
	Hold v1alpha1.HTTPScalerHold
}

// World is everything that a Plan is made from. Objects are read only.
type World struct {
	Setting
	// ScaledObjects of the partition, with and without triggers of this product.
	ScaledObjects []*kedav1alpha1.ScaledObject
	// Scalers are the HTTPScalers of the partition as they are.
	Scalers []*v1alpha1.HTTPScaler
	// Attachments of routes that lead to a backend of the partition, the generated ones among them, in the
	// order in which a status names them.
	Attachments []*resolve.Attachment
	// HTTPRoutes and GRPCRoutes of the partition, and those of other namespaces that refer to a backend
	// of it: routes of other controllers, and those that were generated. Their statuses are read (Heard).
	HTTPRoutes []*gwv1.HTTPRoute
	GRPCRoutes []*gwv1.GRPCRoute
	// TLSRoutes that were generated, with their statuses.
	TLSRoutes []*gwv1.TLSRoute
	// Ingresses of the partition, VirtualServices that may lead to a Service of it, and OpenShift's
	// Routes of it: other controllers serve them.
	Foreign []*unstructured.Unstructured
	// ForeignUnknown is true while some of them may be missing here.
	ForeignUnknown bool
	Find           Finder
}

// Finder returns one object, nil when there is none.
type Finder interface {
	Service(key types.NamespacedName) *corev1.Service
	Secret(key types.NamespacedName) *corev1.Secret
	ConfigMap(key types.NamespacedName) *corev1.ConfigMap
	InferencePool(key types.NamespacedName) *inferencev1.InferencePool
	// Rollout of argoproj.io.
	Rollout(key types.NamespacedName) *unstructured.Unstructured
	Gateway(key types.NamespacedName) *gwv1.Gateway
	GatewayParameters(key types.NamespacedName) *v1alpha1.GatewayParameters
	// OurClass reports whether a GatewayClass is of our controller.
	OurClass(name string) bool
	// Requested reports whether a request of an HTTPScaler came through a proxy, as far as this
	// process knows.
	Requested(scaler types.NamespacedName) bool
}

// Object is any object of Kubernetes.
type Object interface {
	metav1.Object
	runtime.Object
}

// Plan is what should be.
type Plan struct {
	// Objects in the order in which they are applied. What is generated and not among them
	// goes.
	Objects []Object
	// Statuses of HTTPScalers, without times and generations.
	Statuses []Status
	Events   []Event
	// Kept are HTTPScalers that stay as they are, with what was generated for them.
	Kept []types.NamespacedName
	// Failures are why.
	Failures []Failure
}

// Status is that of one HTTPScaler.
type Status struct {
	Scaler types.NamespacedName
	Value  v1alpha1.HTTPScalerStatus
}

// Event is something that the owner of an object should hear.
type Event struct {
	// About is the object, Related another one that it is related to, or nil.
	About, Related Object
	// Type is corev1.EventTypeNormal or EventTypeWarning.
	Type   string
	Reason string
	Note   string
	// Once is set of events about something that no status remembers: they are to be made
	// once, not at every look.
	Once bool
}
