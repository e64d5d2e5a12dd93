package proxypods

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

var gateway = types.NamespacedName{Namespace: "infra", Name: "gw"}

// world is a Gateway whose only Envoy does not start.
type world struct {
	t      *testing.T
	clock  *clocktesting.FakeClock
	client client.Client
	watch  *Watch
	told   []string
}

func newWorld(t *testing.T) *world {
	labels := map[string]string{"app": "gw"}
	w := &world{t: t, clock: clocktesting.NewFakeClock(time.Date(2026, 11, 30, 20, 0, 0, 0, time.UTC))}
	w.client = fake.NewClientBuilder().WithStatusSubresource(&corev1.Pod{}).WithObjects(
		&appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Namespace: "infra", Name: "gw-kedify"},
			Spec:       appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{MatchLabels: labels}},
		},
		&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "infra", Name: "gw-kedify-1", Labels: labels}},
	).Build()
	w.watch = New(Options{
		Direct: w.client, Clock: w.clock, Log: logr.Discard(),
		Report: func(of types.NamespacedName, reason string) { w.told = append(w.told, of.Name+": "+reason) },
	})
	return w
}

func (w *world) waits(reason, message string) {
	w.t.Helper()
	pod := &corev1.Pod{}
	if err := w.client.Get(w.t.Context(), types.NamespacedName{Namespace: "infra", Name: "gw-kedify-1"}, pod); err != nil {
		w.t.Fatal(err)
	}
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name: "envoy", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}},
	}}
	if err := w.client.Status().Update(w.t.Context(), pod); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) pass(span time.Duration) {
	for range int(span / tick) {
		w.clock.Step(tick)
		if of, due := w.watch.next(); due {
			w.watch.look(context.Background(), of)
		}
	}
}

// wants compares the reports since the last call.
func (w *world) wants(want ...string) {
	w.t.Helper()
	if !slices.Equal(w.told, want) {
		w.t.Errorf("reported %q, want %q", w.told, want)
	}
	w.told = nil
}

// What an Envoy waits for is reported after five seconds, once while the cause is the same, and taken back when it connects.
func TestWatch(t *testing.T) {
	const (
		off  = "gw: None of 1 Pod of Deployment gw-kedify is ready: container envoy: ImagePullBackOff: no such image."
		lost = "gw: None of 1 Pod of Deployment gw-kedify is ready: container envoy: CreateContainerConfigError: no secret."
	)
	w := newWorld(t)
	w.waits("ImagePullBackOff", "no such image")
	w.watch.Connected(gateway, 0)
	w.pass(DefaultPatience - tick)
	w.wants()
	w.pass(tick)
	w.wants(off)
	w.waits("ErrImagePull", "other words")
	w.watch.Connected(gateway, 0) // the other replica said so
	w.pass(3 * pause)
	w.wants()
	w.waits("CreateContainerConfigError", "no secret")
	w.pass(pause)
	w.wants(lost)
	w.watch.Connected(gateway, 1)
	w.wants("gw: ")
	w.pass(3 * pause)
	w.wants()
	w.watch.Connected(gateway, 0)
	w.pass(DefaultPatience)
	w.wants(lost)
	w.watch.Forget(gateway)
	w.pass(3 * pause)
	w.wants()
}

// Gateways take turns, and one without a Deployment is no problem of Pods.
func TestTurns(t *testing.T) {
	w := newWorld(t)
	w.waits("ImagePullBackOff", "no such image")
	for _, name := range []string{"a", "b", "gw"} {
		w.watch.Connected(types.NamespacedName{Namespace: "infra", Name: name}, 0)
	}
	w.pass(DefaultPatience + 2*tick)
	w.wants("gw: None of 1 Pod of Deployment gw-kedify is ready: container envoy: ImagePullBackOff: no such image.")
}
