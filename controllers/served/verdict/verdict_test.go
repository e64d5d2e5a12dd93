package verdict

import (
	"strings"
	"testing"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/workload"
)

// facts are those of an application that serves: what a case changes is what is wrong.
func facts(change func(*Facts)) Facts {
	f := Facts{
		Scale:        v1alpha1.HTTPScalerScale{Target: v1alpha1.HTTPScalerTarget{Kind: "Deployment", Name: "web"}, Max: 5},
		Held:         1,
		ScaledObject: &kedav1alpha1.ScaledObject{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", Annotations: map[string]string{}}},
		Workload: workload.Facts{Name: "Deployment web", Replicas: 1, Pods: []corev1.Pod{{
			ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web", "version": "2"}},
			Spec: corev1.PodSpec{Containers: []corev1.Container{{
				Name: "web", Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 80}},
			}}},
			Status: corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}},
		}}},
		Backends: []Backend{{Name: "Service web", Exists: true, Selector: map[string]string{"app": "web"}}},
	}
	change(&f)
	return f
}

// atZeroWith is an application without replicas.
func atZeroWith(change func(*Facts)) Facts {
	return facts(func(f *Facts) {
		f.Workload.Replicas, f.Workload.Pods = 0, nil
		change(f)
	})
}

// Every way in which a request that waits gets no endpoint has a reason, and a message that says what to do.
func TestExamine(t *testing.T) {
	annotate := func(f *Facts, key, value string) { f.ScaledObject.Annotations[key] = value }
	for name, c := range map[string]struct {
		facts Facts
		// want is a reason, with ~ before what passes by itself; empty: nothing is known.
		want    string
		message string
	}{
		"it serves, and no proxy knows yet": {facts(func(*Facts) {}), "~ProxyNotUpdated",
			"1 of 1 replicas of Deployment web are ready and selected by Service web"},
		"no such target": {facts(func(f *Facts) { f.Missing = `deployments.apps "web" not found` }), "TargetNotFound",
			`The scale target Deployment web cannot be read: deployments.apps "web" not found. Correct scaleTargetRef`},
		"image": {facts(func(f *Facts) {
			f.Workload.Pods[0].Status = corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{
				Name: "web", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "no such image"}},
			}}}
		}), "PodsNotReady", "ImagePullBackOff: no such image."},
		"no Pods known": {facts(func(f *Facts) { f.Workload.Pods = nil }), "~PodsNotCreated", "wants 1 Pod"},

		"the selector selects others": {facts(func(f *Facts) { f.Backends[0].Selector = map[string]string{"app": "other"} }), "NoEndpoints",
			"1 of 1 replicas of Deployment web are ready, none selected by Service web: its selector is app=other, and the Pods have app=web."},
		"the selector has one label too many": {facts(func(f *Facts) { f.Backends[0].Selector["tier"] = "front" }), "NoEndpoints",
			"its selector is app=web,tier=front, and the Pods have app=web."},
		"no label in common": {facts(func(f *Facts) { f.Backends[0].Selector = map[string]string{"tier": "front"} }), "NoEndpoints",
			"the Pods have none of these labels"},
		"no selector": {facts(func(f *Facts) { f.Backends[0].Selector = nil }), "NoEndpoints", "Service web has no selector"},
		"a pool selects others": {facts(func(f *Facts) {
			f.Backends[0] = Backend{Name: "InferencePool llm", Exists: true, Selector: map[string]string{"app": "vllm"}}
		}), "NoEndpoints", "none selected by InferencePool llm"},
		"no Service": {facts(func(f *Facts) { f.Backends[0].Exists = false }), "BackendNotFound", "Service web does not exist"},
		"the port has no name": {facts(func(f *Facts) { f.Backends[0].PortName = "web" }), "PortNotFound",
			`the targetPort of Service web is "web", which no container`},
		"the port has the name": {facts(func(f *Facts) { f.Backends[0].PortName = "http" }), "~ProxyNotUpdated", ""},
		"one of two Services selects": {facts(func(f *Facts) {
			f.Backends = append([]Backend{{Name: "Service old", Exists: true, Selector: map[string]string{"app": "old"}}}, f.Backends...)
		}), "~ProxyNotUpdated", "Service web"},
		"none of two Services selects": {facts(func(f *Facts) {
			f.Backends[0].Selector = map[string]string{"app": "new"}
			f.Backends = append([]Backend{{Name: "Service old", Exists: true, Selector: map[string]string{"app": "old"}}}, f.Backends...)
		}), "NoEndpoints", "Service old"},

		"nothing scales it":      {atZeroWith(func(*Facts) {}), "NotScaled", "has 0 replicas although requests wait"},
		"nothing waits any more": {atZeroWith(func(f *Facts) { f.Held = 0 }), "", ""},
		"at most zero": {atZeroWith(func(f *Facts) { f.Scale.Max = 0 }), "MaxReplicasZero",
			"maxReplicaCount of ScaledObject web is 0"},
		"the ScaledObject is gone": {atZeroWith(func(f *Facts) { f.ScaledObject = nil }), "NotScaled", "(gone)"},
		"paused, its requests were told so": {atZeroWith(func(f *Facts) {
			f.Held, f.Scale.StaysAtZero = 0, true
			annotate(f, "autoscaling.keda.sh/paused", "true")
		}), "Paused", `the annotation autoscaling.keda.sh/paused: "true" keeps KEDA from starting it: requests are answered 503`},
		"paused at a number": {atZeroWith(func(f *Facts) {
			f.Scale.StaysAtZero = true
			annotate(f, "autoscaling.keda.sh/paused-replicas", "0")
		}), "Paused", `autoscaling.keda.sh/paused-replicas: "0"`},
		"paused, without an annotation by now": {atZeroWith(func(f *Facts) { f.Scale.StaysAtZero = true }), "Paused", "a pause annotation"},
		"paused-scale-out, started by minimum": {atZeroWith(func(f *Facts) {
			f.Scale.ScaleOutPaused, f.Scale.Min = true, 2
			annotate(f, "autoscaling.keda.sh/paused-scale-out", "true")
		}), "~Paused", "the 2 of minReplicaCount"},
		"paused-scale-out at a number of three": {atZeroWith(func(f *Facts) {
			f.Scale.ScaleOutPaused = true
			annotate(f, "autoscaling.keda.sh/paused-replicas", "3")
		}), "~Paused", `as many as the annotation autoscaling.keda.sh/paused-replicas: "3" says`},
		"KEDA cannot": {atZeroWith(func(f *Facts) {
			f.ScaledObject.Status.Conditions = *kedav1alpha1.GetInitializedConditions()
			f.ScaledObject.Status.Conditions.SetReadyCondition(metav1.ConditionFalse, "ErrorScalingTarget", "it is forbidden")
		}), "ScaledObjectNotReady", "KEDA says of ScaledObject web: ErrorScalingTarget: it is forbidden."},
		"paused with replicas: its Pods decide": {facts(func(f *Facts) { f.Scale.StaysAtZero = true }), "~ProxyNotUpdated", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := Examine(c.facts)
			if text := map[bool]string{true: "~"}[got.Starting] + got.Reason; text != c.want || !strings.Contains(got.Message, c.message) {
				t.Errorf("%s: %s\nwant %s: %s", text, got.Message, c.want, c.message)
			}
			if !got.None() && (got.Detail == "" || got.Message == "") {
				t.Errorf("incomplete: %+v", got)
			}
			if again := Examine(c.facts); again != got {
				t.Errorf("a second look finds %+v", again)
			}
		})
	}
}
