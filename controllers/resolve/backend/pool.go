package backend

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
)

// exportAnnotation asks for the export of a pool to other clusters
// (Inference Extension, proposal 1374).
const exportAnnotation = "inference.networking.x-k8s.io/export"

// responseBodyAnnotation with the value "stream" lets the endpoint picker of a pool see the
// bodies of responses, which costs it and the proxy one message for each chunk. Without it
// the picker sees their headers.
const (
	responseBodyAnnotation = v1alpha1.GroupName + "/picker-response-body"
	streamedBody           = "stream"
)

// timeoutAnnotation is how long the endpoint picker of a pool may owe the pick; "0s": any time.
const timeoutAnnotation = v1alpha1.GroupName + "/picker-timeout"

// DefaultPickerTimeout is many times what a picker takes that is alive. maxPickerTimeout is the longest hold.
const (
	DefaultPickerTimeout = 2 * time.Second
	maxPickerTimeout     = time.Hour
)

// Pool returns what an InferencePool means to every Gateway that refers to it.
//
// A pool without a usable picker is still a backend: with failure mode FailOpen its requests
// are spread over the ready Pods, with FailClose they are answered 503, because the proxy
// sends a request of such a pool nowhere unless a picker named the endpoint.
func Pool(v store.View, key types.NamespacedName) resolve.PoolResult {
	result := resolve.PoolResult{
		Key:     key,
		Cluster: ir.ClusterKey{Kind: ir.BackendPool, Namespace: key.Namespace, Name: key.Name},
	}
	pool := v.InferencePool(key)
	if pool == nil {
		return result
	}
	result.Exists = true
	result.Generation = pool.Generation
	picker := resolvePicker(v, pool)
	result.Picker, result.FailOpen = picker.picker, picker.failOpen
	result.Unpicked = unpicked(pool, picker)
	result.Conditions = poolConditions(pool, picker, result.Unpicked)
	return result
}

// pickerResult is what the endpointPickerRef of a pool leads to.
type pickerResult struct {
	picker   *ir.Picker // nil: none that can be asked
	failOpen bool
	problem  string // why not, with the fix
}

// resolvePicker follows endpointPickerRef to a port of a Service.
func resolvePicker(v store.View, pool *inferencev1.InferencePool) pickerResult {
	ref := pool.Spec.EndpointPickerRef
	if ref == nil {
		return pickerResult{}
	}
	result := pickerResult{failOpen: ref.FailureMode == inferencev1.EndpointPickerFailOpen}
	service := types.NamespacedName{Namespace: pool.Namespace, Name: string(ref.Name)}
	if problem := pickerProblem(v, ref, service); problem != "" {
		result.problem = "spec.endpointPickerRef: " + problem
		return result
	}
	result.picker = &ir.Picker{
		Cluster:      pickerKey(ref, pool.Namespace),
		FailOpen:     result.failOpen,
		ResponseBody: pool.Annotations[responseBodyAnnotation] == streamedBody,
	}
	result.picker.Timeout, _ = pickerTimeout(pool)
	return result
}

// pickerKey is the cluster of the port of the Service that a reference names, whether or not it exists; zero: it names none.
func pickerKey(ref *inferencev1.EndpointPickerRef, namespace string) ir.ClusterKey {
	if ref == nil || ref.Port == nil || !namesService(ref) {
		return ir.ClusterKey{}
	}
	return ir.ClusterKey{
		Kind: ir.BackendPicker, Namespace: namespace, Name: string(ref.Name), Port: uint32(ref.Port.Number),
		FailOpen: ref.FailureMode == inferencev1.EndpointPickerFailOpen,
	}
}

func namesService(ref *inferencev1.EndpointPickerRef) bool {
	return ptr.Deref(ref.Group, "") == "" && (ref.Kind == "" || ref.Kind == "Service")
}

// pickerProblem says why the port that a reference names cannot be asked, with the fix; empty: it can.
func pickerProblem(v store.View, ref *inferencev1.EndpointPickerRef, key types.NamespacedName) string {
	if !namesService(ref) {
		return fmt.Sprintf("kind %q of group %q is not supported; use a Service.", ref.Kind, ptr.Deref(ref.Group, ""))
	}
	if ref.Port == nil {
		return fmt.Sprintf("port is missing; name the port of Service %s.", key)
	}
	service := v.Service(key)
	switch {
	case service == nil:
		return fmt.Sprintf("Service %s does not exist; create it or correct the name.", key)
	case service.Spec.Type == corev1.ServiceTypeExternalName:
		return fmt.Sprintf("Service %s has type ExternalName, which is not supported; use a Service with endpoints in the cluster.", key)
	case ServicePort(service, uint32(ref.Port.Number), corev1.ProtocolTCP) == nil:
		return fmt.Sprintf("Service %s has no TCP port %d; it has %s.", key, ref.Port.Number, PortNumbers(service))
	}
	return ""
}

// unpicked says why the pool has no picker that can be asked, and what its requests get; empty: it has one.
func unpicked(pool *inferencev1.InferencePool, picker pickerResult) string {
	switch {
	case pool.Spec.EndpointPickerRef == nil:
		return "spec.endpointPickerRef is missing, and this gateway needs an endpoint picker: requests are answered 503. " +
			"Set it, or use a Service as the backend."
	case picker.problem == "":
		return ""
	case picker.failOpen:
		return picker.problem + " Until then requests go to any ready Pod (failureMode FailOpen)."
	}
	return picker.problem + " Until then requests are answered 503 (failureMode FailClose)."
}

// poolConditions are those of the pool for every Gateway that refers to it.
func poolConditions(pool *inferencev1.InferencePool, picker pickerResult, unpicked string) []metav1.Condition {
	generation := pool.Generation
	accepted := resolve.Condition(inferencev1.InferencePoolConditionAccepted, metav1.ConditionTrue,
		inferencev1.InferencePoolReasonAccepted, "The pool is a backend of this Gateway."+ignoredBody(pool)+ignoredTimeout(pool), generation)
	resolved := resolve.Condition(inferencev1.InferencePoolConditionResolvedRefs, metav1.ConditionTrue,
		inferencev1.InferencePoolReasonResolvedRefs, "All references are resolved.", generation)
	switch {
	case pool.Spec.EndpointPickerRef == nil:
		accepted = resolve.Condition(inferencev1.InferencePoolConditionAccepted, metav1.ConditionFalse,
			inferencev1.InferencePoolReasonEndpointPickerRefMissing, unpicked, generation)
	case picker.problem != "":
		resolved = resolve.Condition(inferencev1.InferencePoolConditionResolvedRefs, metav1.ConditionFalse,
			inferencev1.InferencePoolReasonInvalidExtensionRef, unpicked, generation)
	}
	conditions := []metav1.Condition{accepted, resolved}
	if _, asked := pool.Annotations[exportAnnotation]; asked {
		conditions = append(conditions, resolve.Condition(inferencev1.InferencePoolConditionExported, metav1.ConditionFalse,
			inferencev1.InferencePoolReasonNotSupported,
			"Annotation "+exportAnnotation+": this gateway does not export pools to other clusters; remove the annotation.", generation))
	}
	return conditions
}

// ignoredBody says that the annotation about bodies of answers has a value without a meaning; empty: it has none, or is not there.
func ignoredBody(pool *inferencev1.InferencePool) string {
	value, found := pool.Annotations[responseBodyAnnotation]
	if !found || value == streamedBody {
		return ""
	}
	return fmt.Sprintf(" Annotation %s has the value %q, which has no effect; write %q, or remove it.",
		responseBodyAnnotation, value, streamedBody)
}

// pickerTimeout returns how long the picker of a pool may owe the pick; zero: any time. valid: the annotation says so, or there is none.
func pickerTimeout(pool *inferencev1.InferencePool) (timeout time.Duration, valid bool) {
	value, found := pool.Annotations[timeoutAnnotation]
	if !found {
		return DefaultPickerTimeout, true
	}
	timeout, err := time.ParseDuration(value)
	if err != nil || timeout < 0 || timeout > 0 && timeout < time.Millisecond || timeout > maxPickerTimeout {
		return DefaultPickerTimeout, false
	}
	return timeout, true
}

// ignoredTimeout says that the annotation about the time of the picker has a value without a meaning; empty: it has none, or is not there.
func ignoredTimeout(pool *inferencev1.InferencePool) string {
	if _, valid := pickerTimeout(pool); valid {
		return ""
	}
	return fmt.Sprintf(" Annotation %s has the value %q, which is no time from 1ms to 1h, and has no effect: the endpoint picker has %s. "+
		"Write a time such as \"500ms\", \"0s\" for no limit, or remove it.",
		timeoutAnnotation, pool.Annotations[timeoutAnnotation], DefaultPickerTimeout)
}

// PoolProtocol is what the Pods of a pool speak on all target ports.
func PoolProtocol(pool *inferencev1.InferencePool) ir.Protocol {
	if pool.Spec.AppProtocol == inferencev1.AppProtocolH2C {
		return ir.HTTP2
	}
	return ir.HTTP1
}
