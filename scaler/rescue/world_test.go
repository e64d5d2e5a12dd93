package rescue

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"go.uber.org/goleak"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var shop = types.NamespacedName{Namespace: "shop", Name: "web-0"}

// trigger has a target of 10 and 0 to 5 replicas.
func trigger(changes ...func(*v1alpha1.HTTPScalerSpec)) *scaler.Scaler {
	spec := v1alpha1.HTTPScalerSpec{
		Type: v1alpha1.TriggerHTTP, ScaledObject: "web", Trigger: "0",
		Metric: v1alpha1.HTTPScalerMetric{Type: v1alpha1.Concurrency, Target: 10},
		Scale:  v1alpha1.HTTPScalerScale{Target: v1alpha1.HTTPScalerTarget{APIVersion: "apps/v1", Kind: "Deployment", Name: "web"}, Max: 5},
	}
	for _, change := range changes {
		change(&spec)
	}
	return &scaler.Scaler{Key: shop, Spec: spec}
}

func oneStep(spec *v1alpha1.HTTPScalerSpec) { spec.Scale.OneStep = true }
func paused(spec *v1alpha1.HTTPScalerSpec)  { spec.Scale.ScaleOutPaused = true }

func ptr[T any](value T) *T { return &value }

// direct is a trigger whose requests go past the proxies.
func direct(of *scaler.Scaler) *scaler.Scaler {
	of.Path.Direct = true
	return of
}

// world is a registry and a cluster with one Deployment, inside a synctest bubble.
type world struct {
	t       *testing.T
	catalog *scaler.Catalog
	began   time.Time

	mu       sync.Mutex
	held     int
	wakes    map[chan struct{}]bool
	replicas int32
	version  int
	writes   []write
	gets     []time.Duration
	rescues  []Rescue
	// fail is what Get returns; between runs between a Get and an Update, once.
	fail    error
	between func()
	// blind: the informer has nothing.
	blind bool
}

// write is one that succeeded.
type write struct {
	At time.Duration
	To int32
}

func newWorld(t *testing.T) *world {
	return &world{t: t, catalog: scaler.NewCatalog(), began: time.Now(), wakes: map[chan struct{}]bool{}}
}

// run starts a rescuer, until the test ends.
func (w *world) run(leads bool) *Rescuer {
	r := New(Options{
		Catalog: w.catalog, Registry: w, Scales: w, Replicas: w.informed, Leads: func() bool { return leads },
		Report: func(rescue Rescue) { w.rescues = append(w.rescues, rescue) },
	})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()
	w.t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			w.t.Errorf("Run: %v", err)
		}
	})
	synctest.Wait()
	return r
}

// pass lets time pass.
func (w *world) pass(span time.Duration) {
	time.Sleep(span)
	synctest.Wait()
}

func (w *world) hold(count int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.held == 0 {
		for wake := range w.wakes {
			select {
			case wake <- struct{}{}:
			default:
			}
		}
	}
	w.held = count
}

// scale is what KEDA or a user does.
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

// Read is Registry.
func (w *world) Read(key types.NamespacedName) (demand.Reading, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if key != shop || w.held == 0 {
		return demand.Reading{}, demand.ErrUnknown
	}
	return demand.Reading{Held: w.held, Active: true}, nil
}

// Wake is Registry.
func (w *world) Wake(types.NamespacedName) (<-chan struct{}, func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	wake := make(chan struct{}, 1)
	w.wakes[wake] = true
	return wake, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.wakes, wake)
	}
}

// Get is Scales.
func (w *world) Get(_ context.Context, namespace string, target v1alpha1.HTTPScalerTarget) (*autoscalingv1.Scale, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gets = append(w.gets, time.Since(w.began))
	if namespace != shop.Namespace || target.Name != "web" {
		return nil, errors.New("not the target")
	}
	if w.fail != nil {
		return nil, w.fail
	}
	scale := &autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: w.replicas}}
	scale.Generation = int64(w.version)
	if w.between != nil {
		go w.between()
		w.between = nil
		w.mu.Unlock()
		time.Sleep(time.Millisecond)
		w.mu.Lock()
	}
	return scale, nil
}

// Update is Scales.
func (w *world) Update(_ context.Context, _ string, _ v1alpha1.HTTPScalerTarget, scale *autoscalingv1.Scale) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if scale.Generation != int64(w.version) {
		return apierrors.NewConflict(schema.GroupResource{Resource: "deployments"}, "web", errors.New("changed"))
	}
	w.replicas, w.version = scale.Spec.Replicas, w.version+1
	w.writes = append(w.writes, write{time.Since(w.began).Truncate(time.Millisecond), scale.Spec.Replicas})
	return nil
}
