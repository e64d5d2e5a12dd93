package workload

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Facts are what is known of a workload.
type Facts struct {
	// Name of the workload with its kind, such as "Deployment web".
	Name string
	// Replicas that it wants.
	Replicas int32
	// Pods of it, those that end included.
	Pods []corev1.Pod
	// Conditions of the workload; none of a kind that has none.
	Conditions []metav1.Condition
}

// Reasons of a Problem, in the form of reasons of conditions.
const (
	// ReasonPodsNotReady: there are Pods, and none is ready.
	ReasonPodsNotReady = "PodsNotReady"
	// ReasonPodsNotCreated: the workload wants Pods and has none.
	ReasonPodsNotCreated = "PodsNotCreated"
	// ReasonQuotaExceeded: the same, because of a ResourceQuota.
	ReasonQuotaExceeded = "QuotaExceeded"
)

// Problem is what keeps a workload without a ready Pod. The zero value: nothing is known to.
type Problem struct {
	Reason string
	// Detail is a word that changes when the cause does, and at no other time: the reason of a container's wait, say.
	Detail string
	// Message is one or two sentences.
	Message string
	// Starting: it may pass by itself, and usually does.
	Starting bool
}

// None reports whether there is no problem.
func (p Problem) None() bool { return p.Reason == "" }

// Same reports whether two problems have one cause. Their messages may differ.
func (p Problem) Same(other Problem) bool {
	return p.Reason == other.Reason && p.Detail == other.Detail
}

// Ready are the Pods that are ready and do not end.
func Ready(pods []corev1.Pod) (ready []*corev1.Pod) {
	for i := range pods {
		if pods[i].DeletionTimestamp == nil && condition(&pods[i], corev1.PodReady).Status == corev1.ConditionTrue {
			ready = append(ready, &pods[i])
		}
	}
	return ready
}

// Examine returns what keeps the Pods of a workload from being ready; none while one of them is, or while none is wanted.
func Examine(f Facts) Problem {
	if f.Replicas == 0 || len(Ready(f.Pods)) > 0 {
		return Problem{}
	}
	var worst *Problem
	for i := range f.Pods {
		if found := ofPod(&f.Pods[i]); worst == nil || rank(found) < rank(*worst) {
			worst = &found
		}
	}
	refused := notCreated(f)
	if worst != nil && (refused.None() || !worst.Starting) {
		worst.Message = fmt.Sprintf("%s: %s", share(f), worst.Message)
		return *worst
	}
	if !refused.None() {
		return refused
	}
	return Problem{
		Reason: ReasonPodsNotCreated, Detail: "NoPods", Starting: true,
		Message: fmt.Sprintf("%s wants %s and has none; its events say why.", f.Name, pods(f.Replicas)),
	}
}

// rank orders the problems of Pods: what does not pass by itself comes first.
func rank(p Problem) int {
	if p.Starting {
		return 1
	}
	return 0
}

func pods(count int32) string {
	if count == 1 {
		return "1 Pod"
	}
	return fmt.Sprintf("%d Pods", count)
}

func share(f Facts) string { return fmt.Sprintf("None of %s of %s is ready", pods(f.Replicas), f.Name) }

// notCreated is what the API server said when it refused a Pod of the workload.
func notCreated(f Facts) Problem {
	at := slices.IndexFunc(f.Conditions, func(c metav1.Condition) bool {
		return c.Type == "ReplicaFailure" && c.Status == metav1.ConditionTrue
	})
	if at < 0 {
		return Problem{}
	}
	failure := f.Conditions[at]
	problem := Problem{Reason: ReasonPodsNotCreated, Detail: failure.Reason}
	if strings.Contains(failure.Message, "exceeded quota") {
		problem.Reason = ReasonQuotaExceeded
	}
	problem.Message = fmt.Sprintf("Pods of %s cannot be created: %s", f.Name, Quote(failure.Message))
	return problem
}
