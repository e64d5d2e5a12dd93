package chain

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// PodOf returns a Pod with why it is not ready, in the words of Kubernetes.
func PodOf(pod *corev1.Pod) Pod {
	found := Pod{Name: pod.Name}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			found.Ready = condition.Status == corev1.ConditionTrue
		}
	}
	if !found.Ready {
		found.Waiting = waitingOf(pod)
	}
	return found
}

func waitingOf(pod *corev1.Pod) string {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
			return withMessage(condition.Reason, condition.Message)
		}
	}
	for _, statuses := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for _, status := range statuses {
			if waits := status.State.Waiting; waits != nil && waits.Reason != "ContainerCreating" && waits.Reason != "PodInitializing" {
				return withMessage(waits.Reason, waits.Message)
			}
			if ended := status.State.Terminated; ended != nil && ended.ExitCode != 0 {
				return fmt.Sprintf("container %s ended with exit code %d", status.Name, ended.ExitCode)
			}
		}
	}
	for _, status := range pod.Status.ContainerStatuses {
		if status.State.Running != nil && !status.Ready {
			return "container " + status.Name + " runs and its readiness probe has not passed"
		}
	}
	if pod.Status.Reason != "" {
		return withMessage(pod.Status.Reason, pod.Status.Message)
	}
	return ""
}

func withMessage(reason, message string) string {
	if message == "" {
		return reason
	}
	return reason + ": " + strings.TrimSuffix(message, ".")
}
