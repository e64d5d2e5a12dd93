package burst

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand"
	"github.com/kedify/inference-gateway/scaler/demand/metric"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var shop = types.NamespacedName{Namespace: "shop", Name: "llm-0"}

// triggerOf has a target of 10 and up to 40 replicas.
func triggerOf(changes ...func(*v1alpha1.HTTPScalerSpec)) *scaler.Scaler {
	spec := v1alpha1.HTTPScalerSpec{
		Type: v1alpha1.TriggerHTTP, ScaledObject: "llm", Trigger: "0",
		Metric: v1alpha1.HTTPScalerMetric{Type: v1alpha1.RequestRate, Target: 10},
		Scale: v1alpha1.HTTPScalerScale{
			Target: v1alpha1.HTTPScalerTarget{APIVersion: "apps/v1", Kind: "Deployment", Name: "llm"}, Max: 40, BurstScaling: true,
		},
	}
	for _, change := range changes {
		change(&spec)
	}
	return &scaler.Scaler{Key: shop, Spec: spec}
}

// world is a registry and a cluster with one Deployment and its HPA, inside a synctest bubble.
type world struct {
	t       *testing.T
	catalog *scaler.Catalog
	burster *Burster
	began   time.Time

	mu       sync.Mutex
	reading  demand.Reading
	unknown  error
	replicas int32
	version  int
	writes   []write
	asked    int
	reports  []Burst
	// blind: no informer has the target. why, most and fail are what is allowed, and the error of Get.
	blind bool
	why   string
	most  int32
	fail  error
	leads bool
}

// write is one that succeeded.
type write struct {
	At time.Duration
	To int32
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, catalog: scaler.NewCatalog(), began: time.Now(), replicas: 1, most: 40, leads: true}
	w.burster = New(Options{
		Catalog: w.catalog, Registry: w, Replicas: w.informed, Scales: w, Allowed: w.allowed, Metrics: NewMetrics(),
		Leads: w.leading, Report: w.report,
	})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- w.burster.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return w
}

func (w *world) leading() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.leads
}

func (w *world) report(b Burst) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reports = append(w.reports, b)
}

// with changes the world, or looks at it, while nothing else does.
func (w *world) with(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

// pass lets time pass; rounds are at even seconds.
func (w *world) pass(span time.Duration) {
	time.Sleep(span)
	synctest.Wait()
}

// asks sets the value of the first metric, and of the second if there is one.
func (w *world) asks(values ...float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reading = demand.Reading{Value: values[0], Active: true}
	for _, value := range values[1:] {
		w.reading.More = append(w.reading.More, demand.Value{Metric: metric.ConcurrencyName, Value: value})
	}
}

// scale is what the HPA or a user does.
func (w *world) scale(replicas int32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.replicas, w.version = replicas, w.version+1
}

func (w *world) informed(scaler.Scaler) (int32, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.replicas, !w.blind
}

func (w *world) allowed(context.Context, *scaler.Scaler) (int32, string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	return w.most, w.why, nil
}

// Read is Registry.
func (w *world) Read(types.NamespacedName) (demand.Reading, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.reading, w.unknown
}

// Get is Scales.
func (w *world) Get(_ context.Context, namespace string, target v1alpha1.HTTPScalerTarget) (*autoscalingv1.Scale, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if namespace != shop.Namespace || target.Name != "llm" {
		return nil, errors.New("not the target")
	}
	if w.fail != nil {
		return nil, w.fail
	}
	scale := &autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: w.replicas}}
	scale.Generation = int64(w.version)
	return scale, nil
}

// Update is Scales.
func (w *world) Update(_ context.Context, _ string, _ v1alpha1.HTTPScalerTarget, scale *autoscalingv1.Scale) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if scale.Generation != int64(w.version) {
		return apierrors.NewConflict(schema.GroupResource{Resource: "deployments"}, "llm", errors.New("changed"))
	}
	w.replicas, w.version = scale.Spec.Replicas, w.version+1
	w.writes = append(w.writes, write{time.Since(w.began), scale.Spec.Replicas})
	return nil
}
