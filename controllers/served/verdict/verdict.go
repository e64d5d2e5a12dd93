package verdict

import (
	"fmt"
	"slices"
	"strings"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/workload"
)

// Facts are what is known of a trigger whose requests wait.
type Facts struct {
	Scale v1alpha1.HTTPScalerScale
	// Held requests wait at this moment. Without any, nothing has to start the target.
	Held int
	// ScaledObject is nil when it is not there.
	ScaledObject *kedav1alpha1.ScaledObject
	// Missing is what the API server says when there is no scale target; empty: there is one, and Workload has it.
	Missing  string
	Workload workload.Facts
	// Backends of the trigger.
	Backends []Backend
}

// Backend is a Service or a pool that requests go to.
type Backend struct {
	// Name with its kind, such as "Service web".
	Name   string
	Exists bool
	// Selector of Pods. The EndpointSlices of a Service without one are written by its owner or another controller.
	Selector map[string]string
	// PortName is the targetPort of the Service's port, if it is a name.
	PortName string
}

// Reasons, beside those of package workload.
const (
	ReasonTargetNotFound  = "TargetNotFound"
	ReasonPaused          = "Paused"
	ReasonMaxReplicasZero = "MaxReplicasZero"
	ReasonKEDANotReady    = "ScaledObjectNotReady"
	ReasonNotScaled       = "NotScaled"
	ReasonBackendNotFound = "BackendNotFound"
	ReasonNoEndpoints     = "NoEndpoints"
	ReasonPortNotFound    = "PortNotFound"
	ReasonNotProgrammed   = "ProxyNotUpdated"
)

// Reasons are all that a verdict can have.
var Reasons = []string{
	ReasonTargetNotFound, ReasonPaused, ReasonMaxReplicasZero, ReasonKEDANotReady, ReasonNotScaled, ReasonBackendNotFound,
	ReasonNoEndpoints, ReasonPortNotFound, ReasonNotProgrammed,
	workload.ReasonPodsNotReady, workload.ReasonPodsNotCreated, workload.ReasonQuotaExceeded,
}

// Examine returns why requests wait; none: nothing is known that keeps the next one waiting.
func Examine(f Facts) workload.Problem {
	if f.Missing != "" {
		return lasting(ReasonTargetNotFound, target(f), fmt.Sprintf("The scale target %s cannot be read: %s "+
			"Correct scaleTargetRef, or create it.", target(f), workload.Quote(f.Missing)))
	}
	if f.Workload.Replicas == 0 {
		return atZero(f)
	}
	if problem := workload.Examine(f.Workload); !problem.None() {
		return problem
	}
	ready := workload.Ready(f.Workload.Pods)
	if len(ready) == 0 {
		return workload.Problem{} // its Pods are not known
	}
	return unselected(f, ready)
}

func target(f Facts) string { return f.Scale.Target.Kind + " " + f.Scale.Target.Name }

// atZero is why nothing starts a target without replicas.
func atZero(f Facts) workload.Problem {
	switch {
	case f.Scale.StaysAtZero:
		return lasting(ReasonPaused, "Paused", fmt.Sprintf("%s has 0 replicas, and %s keeps KEDA from starting it: requests are answered 503. "+
			"Remove the annotation from ScaledObject %s.", target(f), pause(f), owner(f)))
	case f.Held == 0:
		return workload.Problem{} // nothing waits, so nothing has to be started
	case f.Scale.Max == 0:
		return lasting(ReasonMaxReplicasZero, "Max", fmt.Sprintf("%s has 0 replicas, and maxReplicaCount of ScaledObject %s is 0. Raise it.",
			target(f), owner(f)))
	case f.Scale.StartedByMinimum():
		return starting(ReasonPaused, "Minimum", fmt.Sprintf("%s has 0 replicas, and %s keeps KEDA from starting it for requests: "+
			"it makes the %d of minReplicaCount at its next poll.", target(f), pause(f), f.Scale.Min))
	case f.Scale.ScaleOutPaused:
		return starting(ReasonPaused, "Replicas", fmt.Sprintf("%s has 0 replicas, and KEDA makes as many as %s says at its next poll.",
			target(f), pause(f)))
	}
	if f.ScaledObject != nil {
		conditions := f.ScaledObject.Status.Conditions // GetReadyCondition may set it
		if ready := conditions.GetReadyCondition(); ready.Status == metav1.ConditionFalse {
			return lasting(ReasonKEDANotReady, ready.Reason, fmt.Sprintf("%s has 0 replicas, and KEDA says of ScaledObject %s: %s: %s",
				target(f), owner(f), ready.Reason, workload.Quote(ready.Message)))
		}
	}
	return lasting(ReasonNotScaled, "NotScaled", fmt.Sprintf("%s has 0 replicas although requests wait: neither KEDA nor the controller has "+
		"started it. See the log of KEDA's operator, the events of ScaledObject %s, and what else writes spec.replicas.", target(f), owner(f)))
}

func owner(f Facts) string {
	if f.ScaledObject == nil {
		return "(gone)"
	}
	return f.ScaledObject.Name
}

// pause names the annotation that pauses KEDA.
func pause(f Facts) string {
	if f.ScaledObject != nil {
		for _, name := range []string{
			kedav1alpha1.PausedReplicasAnnotation, kedav1alpha1.PausedAnnotation, kedav1alpha1.PausedScaleOutAnnotation,
		} {
			if value, found := f.ScaledObject.Annotations[name]; found {
				return fmt.Sprintf("the annotation %s: %q", name, value)
			}
		}
	}
	return "a pause annotation"
}

// unselected is why ready Pods are no endpoints.
func unselected(f Facts, ready []*corev1.Pod) workload.Problem {
	var problems []workload.Problem
	for _, backend := range f.Backends {
		problem := ofBackend(f, backend, ready)
		if problem.None() || problem.Reason == ReasonNotProgrammed {
			return problem
		}
		problems = append(problems, problem)
	}
	if len(problems) == 0 {
		return workload.Problem{}
	}
	return problems[0]
}

func ofBackend(f Facts, backend Backend, ready []*corev1.Pod) workload.Problem {
	have := fmt.Sprintf("%d of %d replicas of %s are ready", len(ready), f.Workload.Replicas, target(f))
	if !backend.Exists {
		return lasting(ReasonBackendNotFound, backend.Name, fmt.Sprintf("%s, and %s does not exist. Create it, or correct the trigger.",
			have, backend.Name))
	}
	if len(backend.Selector) == 0 {
		return lasting(ReasonNoEndpoints, backend.Name, fmt.Sprintf("%s, and %s has no selector: its EndpointSlices have no ready endpoint. "+
			"Set a selector, or add the Pods to the EndpointSlices.", have, backend.Name))
	}
	selected := slices.DeleteFunc(slices.Clone(ready), func(pod *corev1.Pod) bool { return !selects(backend.Selector, pod.Labels) })
	if len(selected) == 0 {
		return lasting(ReasonNoEndpoints, backend.Name, fmt.Sprintf("%s, none selected by %s: its selector is %s, and the Pods have %s. "+
			"Correct the selector or the labels.", have, backend.Name, text(backend.Selector), labelsOf(ready[0], backend.Selector)))
	}
	if backend.PortName != "" && !slices.ContainsFunc(selected, func(pod *corev1.Pod) bool { return names(pod, backend.PortName) }) {
		return lasting(ReasonPortNotFound, backend.Name, fmt.Sprintf("%s, and the targetPort of %s is %q, which no container of them names. "+
			"Name the port in the container, or use its number.", have, backend.Name, backend.PortName))
	}
	return starting(ReasonNotProgrammed, backend.Name, fmt.Sprintf("%s and selected by %s; no proxy that asks has them yet. "+
		"See the Programmed condition of the Gateway, and \"kedify-gateway xds\".", have, backend.Name))
}

func selects(selector, labels map[string]string) bool {
	for key, value := range selector {
		if has, found := labels[key]; !found || has != value {
			return false
		}
	}
	return true
}

// maxLabels bounds how much of a selector a message repeats.
const maxLabels = 8

func text(selector map[string]string) string {
	pairs := make([]string, 0, len(selector))
	for key, value := range selector {
		pairs = append(pairs, key+"="+value)
	}
	slices.Sort(pairs)
	if len(pairs) > maxLabels {
		pairs = append(pairs[:maxLabels], "...")
	}
	return strings.Join(pairs, ",")
}

// labelsOf are the labels of a Pod that a selector asks for.
func labelsOf(pod *corev1.Pod, selector map[string]string) string {
	has := map[string]string{}
	for key := range selector {
		if value, found := pod.Labels[key]; found {
			has[key] = value
		}
	}
	if len(has) == 0 {
		return "none of these labels"
	}
	return text(has)
}

// names reports whether a container of the Pod names a port.
func names(pod *corev1.Pod, port string) bool {
	for _, container := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		for _, has := range container.Ports {
			if has.Name == port {
				return true
			}
		}
	}
	return false
}

func lasting(reason, detail, message string) workload.Problem {
	return workload.Problem{Reason: reason, Detail: detail, Message: message}
}

func starting(reason, detail, message string) workload.Problem {
	return workload.Problem{Reason: reason, Detail: detail, Message: message, Starting: true}
}
