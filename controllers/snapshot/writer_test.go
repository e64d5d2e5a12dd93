package snapshot

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"go.uber.org/goleak"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a registry and an API server with an HTTPScaler for each of its triggers.
type world struct {
	t        *testing.T
	readings map[types.NamespacedName]demand.Reading
	client   client.Client
	clock    *clocktesting.FakeClock
	writer   *Writer
	writes   []time.Time
	fail     error
	ready    int32 // replicas of each target; negative: unknown
}

func newWorld(t *testing.T, names ...string) *world {
	w := &world{t: t, readings: map[types.NamespacedName]demand.Reading{}}
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	builder := fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(&v1alpha1.HTTPScaler{})
	for _, name := range names {
		builder.WithObjects(&v1alpha1.HTTPScaler{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}})
		w.readings[key(name)] = demand.Reading{}
	}
	w.client = builder.WithInterceptorFuncs(interceptor.Funcs{
		SubResourceApply: func(ctx context.Context, c client.Client, sub string, object runtime.ApplyConfiguration,
			options ...client.SubResourceApplyOption) error {
			if w.fail != nil {
				return w.fail
			}
			w.writes = append(w.writes, w.clock.Now())
			return c.SubResource(sub).Apply(ctx, object, options...)
		},
	}).Build()
	w.clock = clocktesting.NewFakeClock(time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC))
	w.writer = New(Options{Registry: w, Reader: w.client, Writer: w.client, Clock: w.clock, Log: logr.Discard(),
		Ready: func(scaler.Scaler) (int32, bool) { return w.ready, w.ready >= 0 }})
	return w
}

func key(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: "shop", Name: name}
}

// Keys implements Registry.
func (w *world) Keys() (keys []types.NamespacedName) {
	for key := range w.readings {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b types.NamespacedName) int { return strings.Compare(a.String(), b.String()) })
	return keys
}

// Read implements Registry.
func (w *world) Read(key types.NamespacedName) (demand.Reading, error) {
	reading, known := w.readings[key]
	if !known || math.IsNaN(reading.Rate) {
		return demand.Reading{}, demand.ErrUnknown
	}
	return reading, nil
}

// pass lets the seconds pass in which the writer has its turns.
func (w *world) pass(span time.Duration) {
	for range int(span / slice) {
		w.writer.copyNext(context.Background())
		w.clock.Step(slice)
	}
}

// demand returns what the HTTPScaler of a trigger shows.
func (w *world) demand(name string) *v1alpha1.HTTPScalerDemand {
	w.t.Helper()
	live := &v1alpha1.HTTPScaler{}
	if err := w.client.Get(context.Background(), key(name), live); err != nil {
		w.t.Fatal(err)
	}
	return live.Status.Demand
}

func (w *world) wants(name string, want v1alpha1.HTTPScalerDemand) {
	w.t.Helper()
	if got := w.demand(name); got == nil || *got != want {
		w.t.Errorf("%s shows %+v, want %+v", name, got, want)
	}
}

// TestTwoDigits: numbers have two significant digits, and small changes are no change.
func TestTwoDigits(t *testing.T) {
	for value, want := range map[float64]string{
		0: "0", 0.004: "0", 0.0149: "0.015", 0.25: "0.25", 0.999: "1", 7: "7", 12.4: "12", 12.6: "13", 99.4: "99", 99.6: "100",
		1234: "1200", 45_678: "46000", math.Inf(1): "0", -1: "0",
	} {
		if got := coarse(demand.Reading{Rate: value}).Rate; got != want {
			t.Errorf("%v is shown as %s, want %s", value, got, want)
		}
	}
}

// TestAtMostEveryTenSeconds: a rate that changes all the time is written once in ten seconds, and a
// rate that does not change enough is not written.
func TestAtMostEveryTenSeconds(t *testing.T) {
	w := newWorld(t, "web")
	for range 60 {
		w.readings[key("web")] = demand.Reading{Rate: w.readings[key("web")].Rate + 1, InFlight: 3, Held: 2}
		w.pass(time.Second)
	}
	if len(w.writes) != 6 {
		t.Errorf("%d writes in a minute, want 6: %v", len(w.writes), w.writes)
	}
	w.wants("web", v1alpha1.HTTPScalerDemand{Rate: "51", InFlight: 3, Held: 2})
	w.readings[key("web")] = demand.Reading{Rate: 51.3, InFlight: 3, Held: 2}
	w.pass(time.Minute)
	if len(w.writes) != 6 {
		t.Errorf("%d writes in a minute with changes below two digits", len(w.writes)-6)
	}
}

// TestAtMostFivePerSecond: with many triggers the writes are spread, and each gets its turn.
func TestAtMostFivePerSecond(t *testing.T) {
	var names []string
	for i := range 200 {
		names = append(names, fmt.Sprintf("app-%d", i))
	}
	w := newWorld(t, names...)
	w.pass(2 * time.Minute)
	perSecond := map[time.Time]int{}
	for _, at := range w.writes {
		if perSecond[at]++; perSecond[at] > writesPerSecond {
			t.Fatalf("more than %d writes at %s", writesPerSecond, at)
		}
	}
	for _, name := range names {
		w.wants(name, v1alpha1.HTTPScalerDemand{Rate: "0"})
	}
	if len(w.writes) != len(names) {
		t.Errorf("%d writes for %d triggers that did not change", len(w.writes), len(names))
	}
}

// TestEveryTriggerHasItsTurn: triggers that change all the time do not keep others from being shown.
func TestEveryTriggerHasItsTurn(t *testing.T) {
	var names []string
	for i := range 100 {
		names = append(names, fmt.Sprintf("app-%03d", i))
	}
	w := newWorld(t, names...)
	for second := range 40 {
		for i, name := range names {
			w.readings[key(name)] = demand.Reading{Rate: float64(second*100 + i)}
		}
		w.pass(time.Second)
	}
	for _, name := range names {
		if w.demand(name) == nil {
			t.Errorf("%s was never shown", name)
		}
	}
}

// TestUnknownIsNotZero: unknown demand shows nothing; the other fields of the status stay.
func TestUnknownIsNotZero(t *testing.T) {
	w := newWorld(t, "web")
	live := &v1alpha1.HTTPScaler{}
	if err := w.client.Get(t.Context(), key("web"), live); err != nil {
		t.Fatal(err)
	}
	live.Status.Route = "web-0"
	live.Status.Conditions = []metav1.Condition{{Type: "Accepted", Status: metav1.ConditionTrue, Reason: "Accepted"}}
	if err := w.client.Status().Update(t.Context(), live); err != nil {
		t.Fatal(err)
	}
	w.readings[key("web")] = demand.Reading{Rate: 4}
	w.pass(period)
	w.wants("web", v1alpha1.HTTPScalerDemand{Rate: "4"})
	w.readings[key("web")] = demand.Reading{Rate: math.NaN()}
	w.pass(period)
	if got := w.demand("web"); got != nil {
		t.Errorf("unknown demand is shown as %+v", got)
	}
	if err := w.client.Get(t.Context(), key("web"), live); err != nil {
		t.Fatal(err)
	}
	if live.Status.Route != "web-0" || len(live.Status.Conditions) != 1 {
		t.Errorf("the rest of the status changed: %+v", live.Status)
	}
}

// TestDemandPastTheProxies: the demand is not shown while requests go past the proxies, nor for one
// cooldown period after.
func TestDemandPastTheProxies(t *testing.T) {
	w := newWorld(t, "web")
	lead := func(wiring v1alpha1.HTTPScalerWiring) {
		t.Helper()
		live := &v1alpha1.HTTPScaler{}
		if err := w.client.Get(t.Context(), key("web"), live); err != nil {
			t.Fatal(err)
		}
		live.Status.Wiring = &wiring
		if err := w.client.Status().Update(t.Context(), live); err != nil {
			t.Fatal(err)
		}
	}
	live := &v1alpha1.HTTPScaler{}
	if err := w.client.Get(t.Context(), key("web"), live); err != nil {
		t.Fatal(err)
	}
	live.Spec.Scale.CooldownSeconds = 30
	if err := w.client.Update(t.Context(), live); err != nil {
		t.Fatal(err)
	}
	w.readings[key("web")] = demand.Reading{Rate: 4}
	w.pass(period)
	w.wants("web", v1alpha1.HTTPScalerDemand{Rate: "4"})
	since := metav1.NewTime(w.clock.Now())
	lead(v1alpha1.HTTPScalerWiring{Path: v1alpha1.PathDirect, Since: since})
	w.pass(period)
	if got := w.demand("web"); got != nil {
		t.Errorf("while direct: %+v", got)
	}
	back := metav1.NewTime(w.clock.Now())
	lead(v1alpha1.HTTPScalerWiring{Path: v1alpha1.PathProxy, Since: back, DirectUntil: &back})
	w.pass(2 * period)
	if got := w.demand("web"); got != nil {
		t.Errorf("within a cooldown period: %+v", got)
	}
	w.pass(2 * period)
	w.wants("web", v1alpha1.HTTPScalerDemand{Rate: "4"})
}

// TestFailedWriteIsRepeated: a write that failed is made a period later; a trigger without an
// object is none.
func TestFailedWriteIsRepeated(t *testing.T) {
	w := newWorld(t, "web")
	w.readings[key("gone")] = demand.Reading{Rate: 1}
	w.fail = errors.New("the API server is away")
	w.pass(period)
	w.fail = nil
	if w.demand("web") != nil {
		t.Fatal("the write did not fail")
	}
	w.pass(period)
	w.wants("web", v1alpha1.HTTPScalerDemand{Rate: "0"})
}
