package chain

import (
	"time"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/debug"
	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// Object names an object of Kubernetes.
type Object struct{ Kind, Namespace, Name string }

func (o Object) String() string {
	if o.Namespace == "" {
		return o.Kind + " " + o.Name
	}
	return o.Kind + " " + o.Namespace + "/" + o.Name
}

// Read says whether an object could be read.
type Read struct {
	Found bool
	// Failure is why the API server did not say, such as a missing right; empty: it did.
	Failure string
}

// Route is a route of Gateway API.
type Route struct {
	Object Object
	Read
	Generation int64
	Refs       []gwv1.ParentReference
	Parents    []gwv1.RouteParentStatus
}

// Gateway is one that a route names.
type Gateway struct {
	Object Object
	Read
	Class string
	// Ours: the class is of this product. It is meaningful for a Gateway that was found.
	Ours       bool
	Conditions []metav1.Condition
	// Listeners as its status has them.
	Listeners []gwv1.ListenerStatus
	// Pods of its proxies.
	Pods []Pod
	// Envoys is what replicas of the control plane say of its proxies; nil: no replica was asked or answered.
	Envoys *Envoys
}

// Envoys is the merged answer of all replicas about the proxies of a Gateway.
type Envoys struct {
	// Connected proxies, and of them those that do not have all of the resources of the object that is explained.
	Connected, Behind int
	// Resources that the object shaped; zero: nothing of it is served.
	Resources int
	// Rejected are refusals that the object caused.
	Rejected []debug.Rejection
}

// Pod is one Pod.
type Pod struct {
	Name  string
	Ready bool
	// Waiting is why it is not ready, with the words of Kubernetes: "ImagePullBackOff: Back-off pulling image ...".
	Waiting string
}

// Backend is a Service or InferencePool.
type Backend struct {
	Object Object
	Read
	// Port of a Service, 0: the pool, or any.
	Port int32
	// Ports of a Service that exist.
	Ports []int32
	// Selector as text; empty: the backend selects nothing.
	Selector string
	// Endpoints of EndpointSlices, or Pods of a pool, and those that are ready.
	Endpoints, Ready int
	// Pods that it selects.
	Pods []Pod
	// Policies are the BackendTLSPolicies of a Service and its port; PoliciesUnread says why they are not known.
	Policies       []Policy
	PoliciesUnread string
}

// Policy is a BackendTLSPolicy.
type Policy struct {
	Object Object
	// Conditions that this product has written; none: no Gateway of it uses a target of the policy, or none has looked yet.
	Conditions []metav1.Condition
}

// Workload is the target of a ScaledObject.
type Workload struct {
	Object Object
	Read
	// Wanted and Ready replicas.
	Wanted, Ready int32
	Pods          []Pod
	// Trouble is a condition of the workload that keeps Pods from being made, such as a quota; empty: none.
	Trouble string
}

// Autoscaler is the HorizontalPodAutoscaler that KEDA made.
type Autoscaler struct {
	Object Object
	Read
	Conditions []AutoscalerCondition
}

// AutoscalerCondition is a condition of it.
type AutoscalerCondition struct {
	Type            string
	True            bool
	Reason, Message string
}

// Trigger is one trigger of this product.
type Trigger struct {
	// Scaler made of it; nil: none.
	Scaler *v1alpha1.HTTPScaler
	// Demand as the replica with the best view knows it; nil: no replica was asked or answered.
	Demand *debug.Demand
	// Asked is KEDA's last poll at any replica; nil: none is known of.
	Asked *debug.Asked
	// Holding are the queues of the trigger at all replicas.
	Holding []debug.HoldBackend
	// Route that leads to the backend, generated or of the user; nil: none is known.
	Route   *Route
	Gateway *Gateway
	Backend *Backend
}

// ScalingFacts are what is known of a ScaledObject.
type ScalingFacts struct {
	Now    time.Time
	Object Object
	Read
	// ScaledObject as it is; nil: it was not found.
	ScaledObject *kedav1alpha1.ScaledObject
	// Problems are what admission says of it.
	Problems []string
	// OurTriggers is how many of its triggers are of this product.
	OurTriggers int
	Triggers    []Trigger
	Workload    *Workload
	Autoscaler  *Autoscaler
	// Replicas of the control plane that answered, and why others did not.
	Views Views
}

// Views says which replicas of the control plane were heard.
type Views struct {
	Answered int
	// Failure is why none, or not all, did.
	Failure string
}

// RouteFacts are what is known of a route.
type RouteFacts struct {
	Now   time.Time
	Route Route
	// Gateways in the order of the parentRefs; nil where a parent is no Gateway.
	Gateways []*Gateway
	Backends []Backend
	// Scaling of the backends that triggers scale.
	Triggers []Trigger
	Views    Views
}

// PoolFacts are what is known of an InferencePool.
type PoolFacts struct {
	Now     time.Time
	Backend Backend
	// Parents as the status of the pool has them.
	Parents []PoolParent
	// Picker is the Service of the endpoint picker; nil: the pool names none.
	Picker *Backend
	// FailOpen: requests pass without the picker.
	FailOpen bool
	// Routes that lead to the pool.
	Routes   []Route
	Triggers []Trigger
	Views    Views
}

// PoolParent is one parent of a pool.
type PoolParent struct {
	Parent     string
	Conditions []metav1.Condition
}
