package mirror

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"
)

// PoolPort is the port of the wired Service of an InferencePool, which has no Service port of its own.
const PoolPort int32 = 9002

// Entry is what the proxies are to a wired Service.
type Entry struct {
	// Selector of the proxies' Pods, where they run in the namespace of the wired Service.
	Selector map[string]string
	// Slices of the Service of the proxies' Gateway. Without a Selector their ready endpoints are
	// mirrored.
	Slices []*discoveryv1.EndpointSlice
	// Ports are the proxies' ports by the TCP port of the Service that they serve.
	Ports map[int32]int32
}

// Input is what a wired Service is made from: a Service, or a Pool.
type Input struct {
	Service *corev1.Service
	// Slices of the Service.
	Slices []*discoveryv1.EndpointSlice

	Pool *inferencev1.InferencePool
	// Pods of the namespace of the Pool, or those that it selects.
	Pods []*corev1.Pod

	Entry Entry
	Path  Path
	// Wired is the live Service of the name of the wired one; nil: there is none. With its UID it
	// becomes the owner of the slices.
	Wired *corev1.Service
}

// Output is what should be.
type Output struct {
	// Service is nil when there is a Problem, and for kind "service".
	Service *corev1.Service
	Slices  []*discoveryv1.EndpointSlice
	// Leftovers compete with the slices and have no owner any more: they are to be deleted.
	Leftovers []Leftover
	// Problem is why there is nothing, or nothing but standby.
	Problem Problem
}

// Leftover is an object to delete, and why.
type Leftover struct {
	Kind   string // EndpointSlice or Endpoints
	Object metav1.Object
	Note   string
}

// Problem is why something is not as the user asked. The zero value means that all is well.
type Problem struct{ Reason, Message string }

// None reports whether all is well.
func (p Problem) None() bool { return p.Reason == "" }

// Reasons of problems.
const (
	ReasonUnsupported  = "UnsupportedService"
	ReasonPortNotFound = "PortNotFound"
	ReasonNameTaken    = "ServiceNotOurs"
	ReasonNotFound     = "BackendNotFound"
	ReasonSelector     = "ServiceHasSelector"
	ReasonCompeting    = "CompetingEndpoints"
)

func problem(reason, format string, args ...any) Problem {
	return Problem{Reason: reason, Message: fmt.Sprintf(format, args...)}
}
