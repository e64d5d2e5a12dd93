package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	scalefake "k8s.io/client-go/scale/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/kubernetes/pkg/controller/podautoscaler"
	"k8s.io/kubernetes/pkg/controller/podautoscaler/metrics"
)

const (
	namespace, name = "models", "chat"
	sync            = 15 * time.Second // --horizontal-pod-autoscaler-sync-period
)

// world is a workload, its metrics and what the controller decides about it.
type world struct {
	metrics.MetricsClient // external metrics alone are asked for
	*story
	begun     time.Time
	replicas  int32
	decisions []decision
}

// run has the controller decide some times.
func (s *story) run(t *testing.T) []decision {
	ctx, cancel := context.WithCancel(t.Context())
	w := &world{story: s, begun: time.Now(), replicas: s.start}
	clients := fake.NewClientset(w.objects()...)
	scales := &scalefake.FakeScaleClient{}
	scales.AddReactor("get", "*", w.get)
	scales.AddReactor("update", "*", w.update)
	apps := schema.GroupVersion{Group: "apps", Version: "v1"}
	mapper := meta.NewDefaultRESTMapper([]schema.GroupVersion{apps})
	mapper.Add(apps.WithKind("Deployment"), meta.RESTScopeNamespace)
	factory := informers.NewSharedInformerFactory(clients, 0)
	controller := podautoscaler.NewHorizontalController(
		ctx, clients.CoreV1(), scales, clients.AutoscalingV2(), mapper, w,
		factory.Autoscaling().V2().HorizontalPodAutoscalers(), factory.Core().V1().Pods(),
		sync, 5*time.Minute, 0.1, 5*time.Minute, 30*time.Second)
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	done := make(chan struct{})
	go func() {
		defer close(done)
		controller.Run(ctx, 1)
	}()
	time.Sleep(syncs*sync + sync/2)
	synctest.Wait()
	cancel()
	<-done
	factory.Shutdown()
	return w.decisions
}

func (w *world) objects() []runtime.Object {
	h := &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: "1"},
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: name},
			MinReplicas:    &w.min, MaxReplicas: w.max,
		},
	}
	for i, milli := range w.targets {
		quantity := resource.NewMilliQuantity(milli, resource.DecimalSI)
		target := autoscalingv2.MetricTarget{Type: autoscalingv2.AverageValueMetricType, AverageValue: quantity}
		if !w.each {
			target = autoscalingv2.MetricTarget{Type: autoscalingv2.ValueMetricType, Value: quantity}
		}
		h.Spec.Metrics = append(h.Spec.Metrics, autoscalingv2.MetricSpec{
			Type: autoscalingv2.ExternalMetricSourceType,
			External: &autoscalingv2.ExternalMetricSource{
				Metric: autoscalingv2.MetricIdentifier{Name: fmt.Sprint(i)}, Target: target,
			},
		})
	}
	objects := []runtime.Object{h}
	for i := range w.ready {
		objects = append(objects, &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: fmt.Sprint("pod-", i), Labels: map[string]string{"app": name}},
			Status: corev1.PodStatus{
				Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
			},
		})
	}
	return objects
}

// get is the begin of a decision.
func (w *world) get(clienttesting.Action) (bool, runtime.Object, error) {
	n := len(w.decisions)
	w.replicas += w.raised(n)
	d := decision{at: time.Since(w.begun), story: w.story, current: w.replicas, ready: w.ready, decided: w.replicas}
	if w.ready < 0 {
		d.ready = w.replicas
	}
	for i := range w.targets {
		d.values = append(d.values, w.load(min(n, syncs), i))
	}
	w.decisions = append(w.decisions, d)
	return true, &autoscalingv1.Scale{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       autoscalingv1.ScaleSpec{Replicas: w.replicas},
		Status:     autoscalingv1.ScaleStatus{Replicas: w.replicas, Selector: "app=" + name},
	}, nil
}

func (w *world) update(action clienttesting.Action) (bool, runtime.Object, error) {
	scale := action.(clienttesting.UpdateAction).GetObject().(*autoscalingv1.Scale)
	w.replicas = scale.Spec.Replicas
	w.decisions[len(w.decisions)-1].decided = w.replicas
	return true, scale, nil
}

// GetExternalMetric implements metrics.MetricsClient.
func (w *world) GetExternalMetric(metric, _ string, _ labels.Selector) ([]int64, time.Time, error) {
	value := w.decisions[len(w.decisions)-1].values[metric[0]-'0']
	if value < 0 {
		return nil, time.Time{}, errors.New("not known")
	}
	return []int64{value}, time.Now(), nil
}
