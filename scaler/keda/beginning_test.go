package keda

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"google.golang.org/grpc/codes"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand"
)

// TestNewTriggerIsNoError: while the Envoys of a new trigger start, KEDA gets no error that it would warn of, no number, and
// an activity that leaves the replicas as they are.
func TestNewTriggerIsNoError(t *testing.T) {
	w := newWorld(t)
	key := apply(t, w.catalog, named{"", metadata(nil)})[0]
	const unknown = "trigger shop/web-0: the demand is unknown"
	for name, c := range map[string]struct {
		age      time.Duration
		replicas int32  // -1: not known
		running  string // what the API server says; empty: nothing
		change   func(*scaler.Scaler)
		reading  *demand.Reading
		active   bool
		values   int
		problem  string
	}{
		"it sleeps":                        {age: time.Second, replicas: 0},
		"it runs":                          {age: time.Second, replicas: 2, active: true},
		"its kind has no informer":         {age: time.Second, replicas: -1, running: "yes", active: true},
		"of its replicas nothing is known": {age: time.Second, replicas: -1, problem: unknown},
		"it is not new any more":           {age: 3 * time.Minute, replicas: 2, problem: unknown},
		"its value is known":               {age: time.Second, replicas: 2, reading: &demand.Reading{Value: 3, Settled: true}, values: 1},
		"a formula would make zero of it": {
			age: time.Second, replicas: 2, change: func(s *scaler.Scaler) { s.Spec.Scale.Formula = true }, problem: unknown,
		},
		"an Ingress bypasses the proxies": {
			age: time.Second, replicas: 2, reading: &demand.Reading{},
			change: func(s *scaler.Scaler) { s.Spec.Traffic.Bypass = []string{"Ingress web"} },
			problem: "trigger shop/web-0: the demand is unknown: Ingress web may lead to the application past the proxies, and no request came " +
				`through a proxy yet; send the requests through the proxies, or set trafficAutowire to "false"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := w.catalog.Get(key)
			defer w.catalog.Set(key, before)
			inForce := *before
			inForce.Created = time.Now().Add(-c.age)
			if c.change != nil {
				c.change(&inForce)
			}
			w.catalog.Set(key, &inForce)
			w.running = c.running
			delete(w.replicas, key)
			if c.replicas >= 0 {
				w.scale(key, c.replicas)
			}
			delete(w.registry.readings, key)
			if c.reading != nil {
				w.registry.set(key, *c.reading)
			}
			values, err := w.client.GetMetrics(t.Context(), &pb.GetMetricsRequest{ScaledObjectRef: refTo(metadata(nil)), MetricName: MetricRate})
			activity, activeErr := w.client.IsActive(t.Context(), refTo(metadata(nil)))
			if c.problem != "" {
				wantCode(t, err, codes.Unavailable, c.problem)
				wantCode(t, activeErr, codes.Unavailable, c.problem)
				return
			}
			if err != nil || len(values.GetMetricValues()) != c.values {
				t.Errorf("GetMetrics: %v, %v; want %d values", values, err, c.values)
			}
			if activeErr != nil || activity.GetResult() != c.active {
				t.Errorf("IsActive: %v, %v; want %v", activity, activeErr, c.active)
			}
		})
	}
}

// TestFirstQuestionWaits: KEDA asks about an object before its HTTPScaler is made. The question waits, the first time.
func TestFirstQuestionWaits(t *testing.T) {
	w := newWorld(t)
	w.server.firstWait = time.Hour
	ask := func() error {
		_, err := w.client.GetMetrics(t.Context(), &pb.GetMetricsRequest{ScaledObjectRef: refTo(metadata(nil)), MetricName: MetricRate})
		return err
	}
	first := make(chan error, 1)
	go func() { first <- ask() }()
	owner := types.NamespacedName{Namespace: "shop", Name: "web"}
	for end := time.Now().Add(patience); !w.server.index.awaits(owner); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the question does not wait")
		}
	}
	wantCode(t, ask(), codes.Unavailable, "") // at once
	w.registry.set(types.NamespacedName{Namespace: "shop", Name: "web-0"}, demand.Reading{Value: 1})
	apply(t, w.catalog, named{"", metadata(nil)})
	if err := <-first; err != nil {
		t.Errorf("the first question: %v", err)
	}
}

// awaits reports whether a question waits for the first trigger of an object.
func (x *index) awaits(owner types.NamespacedName) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.awaited[owner]
}

// TestFirstQuestionsAreBounded: names that no object has cost no memory for ever.
func TestFirstQuestionsAreBounded(t *testing.T) {
	x := newIndex()
	for i := range 3 * maxFirst {
		owner := types.NamespacedName{Namespace: "shop", Name: fmt.Sprint(i)}
		changed, wait := x.first(owner)
		if !wait {
			t.Fatalf("question %d does not wait", i)
		}
		x.unwatch(owner, changed)
		if _, again := x.first(owner); again {
			t.Fatalf("question %d waits twice", i)
		}
	}
	if len(x.awaited) > maxFirst || len(x.objects) > 0 {
		t.Errorf("%d awaited, %d objects", len(x.awaited), len(x.objects))
	}
}
