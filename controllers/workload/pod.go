package workload

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kedify/inference-gateway/internal/message"
)

// Details of problems of Pods that Kubernetes has no single word for.
const (
	detailImage      = "ImagePullBackOff"
	detailCrash      = "Crashed"
	detailNotReady   = "ContainerNotReady"
	detailGate       = "ReadinessGate"
	detailTerminated = "Terminating"
	detailPending    = "Pending"

	// crashLoop is the word of the kubelet.
	crashLoop = "CrashLoopBackOff"
)

// ofPod is what keeps a Pod from being ready.
func ofPod(pod *corev1.Pod) Problem {
	scheduled := condition(pod, corev1.PodScheduled)
	switch {
	case pod.DeletionTimestamp != nil:
		return starting(detailTerminated, "the Pod is being deleted.")
	case pod.Status.Phase == corev1.PodFailed:
		reason := cmp.Or(pod.Status.Reason, "Failed")
		return lasting(reason, fmt.Sprintf("the Pod has failed (%s): %s", reason, Quote(pod.Status.Message)))
	case scheduled.Status == corev1.ConditionFalse:
		// A cluster that grows by itself takes it when there is a node for it.
		reason := cmp.Or(scheduled.Reason, corev1.PodReasonUnschedulable)
		return starting(reason, fmt.Sprintf("%s: %s", reason, Quote(scheduled.Message)))
	}
	statuses := slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses)
	found := Problem{}
	for i := range statuses {
		of := ofContainer(&statuses[i])
		if !of.None() && (found.None() || found.Starting && !of.Starting) {
			found = of
		}
	}
	if !found.None() {
		return found
	}
	for _, gate := range pod.Spec.ReadinessGates {
		if condition(pod, gate.ConditionType).Status != corev1.ConditionTrue {
			return starting(detailGate, fmt.Sprintf("its containers are ready, and its readiness gate %s is not.", gate.ConditionType))
		}
	}
	return starting(detailPending, "the kubelet has not started it yet.")
}

// ofContainer is what keeps a container from being ready; none while it is, or has done its work.
func ofContainer(status *corev1.ContainerStatus) Problem {
	state, last := status.State, status.LastTerminationState.Terminated
	switch {
	case status.Ready:
		return Problem{}
	case state.Waiting != nil && pulls(state.Waiting.Reason):
		return lasting(detailImage, fmt.Sprintf("container %s: %s: %s", status.Name, detailImage,
			Quote(cmp.Or(state.Waiting.Message, "image "+status.Image))))
	case state.Terminated != nil:
		return crashed(fmt.Sprintf("container %s: it ended", status.Name), state.Terminated)
	// Between two runs a container waits, runs and ends by turns. That is one cause.
	case state.Waiting != nil && state.Waiting.Reason == crashLoop:
		return crashed(fmt.Sprintf("container %s: %s: it ended", status.Name, crashLoop), last)
	case state.Running != nil && last != nil:
		return crashed(fmt.Sprintf("container %s was started again and is not ready: it had ended", status.Name), last)
	case state.Running != nil:
		return starting(detailNotReady, fmt.Sprintf("container %s runs and is not ready; its readiness or startup probe fails.", status.Name))
	case state.Waiting != nil && !comes(state.Waiting.Reason):
		return lasting(state.Waiting.Reason, fmt.Sprintf("container %s: %s: %s", status.Name, state.Waiting.Reason, Quote(state.Waiting.Message)))
	case state.Waiting != nil && state.Waiting.Reason != "":
		return starting(state.Waiting.Reason, fmt.Sprintf("container %s: %s.", status.Name, state.Waiting.Reason))
	}
	return starting(detailPending, fmt.Sprintf("container %s has not started yet.", status.Name))
}

// pulls reports whether a container waits for its image in vain. Kubernetes says two of them by turns.
func pulls(reason string) bool {
	return slices.Contains([]string{"ImagePullBackOff", "ErrImagePull", "ErrImageNeverPull", "InvalidImageName", "ImageInspectError"}, reason)
}

// comes reports whether a wait is that of every container that starts.
func comes(reason string) bool {
	return slices.Contains([]string{"", "ContainerCreating", "PodInitializing"}, reason)
}

// crashed says how a container ended last, and repeats nothing that it wrote: a reader of the status may have no right to its log.
func crashed(text string, ended *corev1.ContainerStateTerminated) Problem {
	switch {
	case ended == nil:
		text += "."
	case ended.Signal != 0:
		text += fmt.Sprintf(" by signal %d%s.", ended.Signal, inBrackets(ended.Reason))
	default:
		text += fmt.Sprintf(" with exit code %d%s.", ended.ExitCode, inBrackets(ended.Reason))
	}
	return lasting(detailCrash, text)
}

func inBrackets(text string) string {
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}

func lasting(detail, text string) Problem {
	return Problem{Reason: ReasonPodsNotReady, Detail: detail, Message: text}
}

func starting(detail, text string) Problem {
	return Problem{Reason: ReasonPodsNotReady, Detail: detail, Message: text, Starting: true}
}

func condition(pod *corev1.Pod, kind corev1.PodConditionType) corev1.PodCondition {
	for _, c := range pod.Status.Conditions {
		if c.Type == kind {
			return c
		}
	}
	return corev1.PodCondition{}
}

// maxQuote bounds what a message repeats of another component, in bytes.
const maxQuote = 300

// Quote is the first line of a text of another component, shortened, as a sentence.
func Quote(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	line = strings.TrimSpace(line)
	if line == "" {
		return "(no message)."
	}
	line = message.Cut(line, maxQuote)
	if strings.HasSuffix(line, ".") || strings.HasSuffix(line, "...") {
		return line
	}
	return line + "."
}
