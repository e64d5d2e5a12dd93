package wiring

import (
	"context"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	"github.com/prometheus/client_golang/prometheus"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	k8sevents "k8s.io/client-go/tools/events"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/events"
)

// target is a workload, which may be missing.
type target struct {
	missing bool
	reads   int
	wrote   int32
}

func (s *target) Get(_ context.Context, _ string, t v1alpha1.HTTPScalerTarget) (*autoscalingv1.Scale, error) {
	if s.reads++; s.missing {
		return nil, apierrors.NewNotFound(corev1.Resource("deployments"), t.Name)
	}
	return &autoscalingv1.Scale{}, nil
}

func (s *target) Update(_ context.Context, _ string, _ v1alpha1.HTTPScalerTarget, scale *autoscalingv1.Scale) error {
	s.wrote = scale.Spec.Replicas
	return nil
}

// TestWakeThatFails: a workload that is missing is asked for less and less often, and said to be missing once. It is
// scaled at the next attempt when it is there.
func TestWakeThatFails(t *testing.T) {
	metrics, err := newMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	log := funcr.New(func(string, string) { lines++ }, funcr.Options{})
	clock := testingclock.NewFakeClock(time.Unix(1e9, 0))
	recorder, scales := k8sevents.NewFakeRecorder(100), &target{missing: true}
	w := newWaker(Deps{API: API{Scales: scales}, Clock: clock, Log: log}, events.NewWriter(recorder, nil), metrics)
	scaler := &v1alpha1.HTTPScaler{}
	scaler.Namespace, scaler.Name, scaler.ResourceVersion = "shop", "web-0", "1"
	scaler.Spec.Scale.Target = v1alpha1.HTTPScalerTarget{Kind: "Deployment", Name: "web"}

	// Each change in the namespace asks, beside the times that the waker gives.
	for end := clock.Now().Add(5 * time.Minute); clock.Now().Before(end); clock.Step(100 * time.Millisecond) {
		if again := w.wake(t.Context(), scaler); again <= 0 || again > lastWakeRetry {
			t.Fatalf("again after %s", again)
		}
	}
	if scales.reads > 15 || lines != 1 || len(recorder.Events) != 1 {
		t.Errorf("%d attempts, %d lines and %d events in five minutes", scales.reads, lines, len(recorder.Events))
	}
	scales.missing = false
	clock.Step(lastWakeRetry)
	if again := w.wake(t.Context(), scaler); again != 0 || scales.wrote != 1 {
		t.Errorf("scaled to %d, again after %s", scales.wrote, again)
	}
}
