package workload

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// podOf is a Pod with a status.
func podOf(t *testing.T, status string) corev1.Pod {
	t.Helper()
	pod := corev1.Pod{}
	if err := yaml.UnmarshalStrict([]byte(status), &pod); err != nil {
		t.Fatalf("%v in\n%s", err, status)
	}
	return pod
}

// web begins the status of a Pod with one container; the number of its restarts follows.
const web = `status: {containerStatuses: [{name: web, image: a, imageID: "", ready: false, restartCount: `

const (
	ready    = `status: {conditions: [{type: Ready, status: "True"}]}`
	ends     = `{metadata: {deletionTimestamp: "2026-11-30T20:00:00Z"}, status: {conditions: [{type: Ready, status: "True"}]}}`
	pulling  = web + `0, state: {waiting: {reason: ContainerCreating}}}]}`
	imageOff = web + `0, state: {waiting: {reason: ImagePullBackOff, ` +
		`message: "Back-off pulling image \"registry.test/a:1\": not found\nmore"}}}]}`
	imageErr  = web + `0, state: {waiting: {reason: ErrImagePull, message: "failed to resolve registry.test/a:1"}}}]}`
	secret    = web + `0, state: {waiting: {reason: CreateContainerConfigError, message: "secret \"keys\" not found"}}}]}`
	crashWait = web + `3, state: {waiting: {reason: CrashLoopBackOff, message: "back-off 40s restarting failed container"}}` +
		`, lastState: {terminated: {exitCode: 3, reason: Error, message: "a secret"}}}]}`
	crashRuns = web + `3, state: {running: {}}, lastState: {terminated: {exitCode: 3, reason: Error}}}]}`
	crashEnds = web + `3, state: {terminated: {exitCode: 3, reason: Error}}}]}`
	killed    = web + `1, state: {terminated: {exitCode: 137, signal: 9, reason: OOMKilled}}}]}`
	probe     = `status: {containerStatuses: [{name: side, image: a, imageID: "", ready: true, restartCount: 0}` +
		`, {name: web, image: a, imageID: "", ready: false, restartCount: 0, state: {running: {}}}]}`
	initOff = `status: {initContainerStatuses: [{name: load, image: a, imageID: "", ready: false, restartCount: 0` +
		`, state: {waiting: {reason: ImagePullBackOff}}}]` +
		`, containerStatuses: [{name: web, image: a, imageID: "", ready: false, restartCount: 0, state: {waiting: {reason: PodInitializing}}}]}`
	noNode = `status: {phase: Pending, conditions: [{type: PodScheduled, status: "False", reason: Unschedulable` +
		`, message: "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector."}]}`
	evicted = `status: {phase: Failed, reason: Evicted, message: "The node was low on resource: memory."}`
	gated   = `{spec: {readinessGates: [{conditionType: example.com/lb}]}` +
		`, status: {containerStatuses: [{name: web, image: a, imageID: "", ready: true, restartCount: 0}]}}`
	assigned = `status: {phase: Pending, conditions: [{type: PodScheduled, status: "True"}]}`
)

// What keeps a workload from a ready Pod, in the words of Kubernetes, and whether it passes by itself.
func TestExamine(t *testing.T) {
	quota := metav1.Condition{Type: "ReplicaFailure", Status: metav1.ConditionTrue, Reason: "FailedCreate",
		Message: `pods "web-1" is forbidden: exceeded quota: tight, requested: pods=1, used: pods=2, limited: pods=2`}
	policy := metav1.Condition{Type: "ReplicaFailure", Status: metav1.ConditionTrue, Reason: "FailedCreate",
		Message: `pods "web-1" is forbidden: violates PodSecurity`}
	for name, c := range map[string]struct {
		pods       []string
		replicas   int32
		conditions []metav1.Condition
		// want is "reason/detail" with ~ before what passes by itself; empty: no problem.
		want    string
		message string
	}{
		"none is wanted":     {want: ""},
		"one is ready":       {pods: []string{imageOff, ready}, replicas: 2},
		"the ready one ends": {pods: []string{ends}, replicas: 1, want: "~PodsNotReady/Terminating", message: "being deleted"},
		"image": {pods: []string{imageOff}, replicas: 1, want: "PodsNotReady/ImagePullBackOff",
			message: "None of 1 Pod of Deployment web is ready: container web: ImagePullBackOff: " +
				`Back-off pulling image "registry.test/a:1": not found.`},
		"image, between two attempts": {pods: []string{imageErr}, replicas: 1, want: "PodsNotReady/ImagePullBackOff",
			message: "failed to resolve registry.test/a:1."},
		"image of an init container": {pods: []string{initOff}, replicas: 1, want: "PodsNotReady/ImagePullBackOff",
			message: "container load: ImagePullBackOff: image a."},
		"the worst of two": {pods: []string{pulling, secret}, replicas: 2, want: "PodsNotReady/CreateContainerConfigError",
			message: `None of 2 Pods of Deployment web is ready: container web: CreateContainerConfigError: secret "keys" not found.`},
		"crash, waiting": {pods: []string{crashWait}, replicas: 1, want: "PodsNotReady/Crashed",
			message: "container web: CrashLoopBackOff: it ended with exit code 3 (Error)."},
		"crash, running": {pods: []string{crashRuns}, replicas: 1, want: "PodsNotReady/Crashed",
			message: "was started again and is not ready: it had ended with exit code 3 (Error)."},
		"crash, ended": {pods: []string{crashEnds}, replicas: 1, want: "PodsNotReady/Crashed",
			message: "container web: it ended with exit code 3 (Error)."},
		"killed": {pods: []string{killed}, replicas: 1, want: "PodsNotReady/Crashed", message: "by signal 9 (OOMKilled)"},
		"probe": {pods: []string{probe}, replicas: 1, want: "~PodsNotReady/ContainerNotReady",
			message: "container web runs and is not ready; its readiness or startup probe fails."},
		"starting": {pods: []string{pulling}, replicas: 1, want: "~PodsNotReady/ContainerCreating",
			message: "container web: ContainerCreating."},
		"no node": {pods: []string{noNode}, replicas: 1, want: "~PodsNotReady/Unschedulable",
			message: "Unschedulable: 0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector."},
		"evicted": {pods: []string{evicted}, replicas: 1, want: "PodsNotReady/Evicted",
			message: "the Pod has failed (Evicted): The node was low on resource: memory."},
		"readiness gate": {pods: []string{gated}, replicas: 1, want: "~PodsNotReady/ReadinessGate", message: "example.com/lb"},
		"on a node":      {pods: []string{assigned}, replicas: 1, want: "~PodsNotReady/Pending", message: "kubelet"},
		"no Pod yet":     {replicas: 3, want: "~PodsNotCreated/NoPods", message: "Deployment web wants 3 Pods and has none"},
		"quota": {replicas: 1, conditions: []metav1.Condition{quota}, want: "QuotaExceeded/FailedCreate",
			message: "exceeded quota: tight, requested: pods=1, used: pods=2, limited: pods=2."},
		"refused": {replicas: 1, conditions: []metav1.Condition{policy}, want: "PodsNotCreated/FailedCreate",
			message: "violates PodSecurity."},
		"quota, and the last one ends": {pods: []string{ends}, replicas: 1, conditions: []metav1.Condition{quota},
			want: "QuotaExceeded/FailedCreate", message: "exceeded quota"},
		"quota, and the others crash": {pods: []string{crashWait}, replicas: 2, conditions: []metav1.Condition{quota},
			want: "PodsNotReady/Crashed", message: "CrashLoopBackOff"},
	} {
		t.Run(name, func(t *testing.T) {
			facts := Facts{Name: "Deployment web", Replicas: c.replicas, Conditions: c.conditions}
			for _, pod := range c.pods {
				facts.Pods = append(facts.Pods, podOf(t, pod))
			}
			got, text := Examine(facts), ""
			if !got.None() {
				text = map[bool]string{true: "~"}[got.Starting] + got.Reason + "/" + got.Detail
			}
			if text != c.want || !strings.Contains(got.Message, c.message) {
				t.Errorf("%s: %s\nwant %s: %s", text, got.Message, c.want, c.message)
			}
			if strings.Contains(got.Message, "a secret") || strings.Contains(got.Message, "40s") || strings.Contains(got.Message, "\n") {
				t.Errorf("the message has what changes, or what a container wrote: %s", got.Message)
			}
		})
	}
}

// The words of other components are one line of bounded length.
func TestQuote(t *testing.T) {
	for text, want := range map[string]string{
		"": "(no message).", "  a\nb": "a.", "a.": "a.", strings.Repeat("ž", 400): strings.Repeat("ž", 148) + " ...",
	} {
		if got := Quote(text); got != want {
			t.Errorf("%.20q: %q, want %q", text, got, want)
		}
	}
}
