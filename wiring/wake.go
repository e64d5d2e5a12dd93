package wiring

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/events"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/scaler/scale"
)

const (
	// wakeTimeout of an attempt with all its requests.
	wakeTimeout = 5 * time.Second
	// firstWakeRetry and lastWakeRetry are the times until an attempt that failed is repeated.
	firstWakeRetry = time.Second
	lastWakeRetry  = 30 * time.Second
)

// waker scales the workloads of triggers while their requests go directly, once in each such time: KEDA
// does not, as long as it reaches no scaler (kedacore/keda#8056).
type waker struct {
	scales  scale.Scales
	events  *events.Writer
	metrics *metrics
	clock   clock.PassiveClock
	log     logr.Logger

	mu sync.Mutex
	// woken are the triggers whose workload was scaled in this time.
	woken map[types.NamespacedName]bool
	// failed are the attempts that failed last.
	failed map[types.NamespacedName]failedWake
}

// failedWake is an attempt that is repeated after a while.
type failedWake struct {
	text  string
	delay time.Duration
	again time.Time
}

func newWaker(deps Deps, writer *events.Writer, metrics *metrics) *waker {
	return &waker{
		scales: deps.API.Scales, events: writer, metrics: metrics, clock: deps.Clock, log: deps.Log,
		woken: map[types.NamespacedName]bool{}, failed: map[types.NamespacedName]failedWake{},
	}
}

// awakened is the number of replicas for requests that are not counted.
func awakened(of v1alpha1.HTTPScalerScale) int32 {
	wanted := max(1, of.Min)
	if of.Fallback != nil {
		wanted = max(wanted, *of.Fallback)
	}
	return wanted
}

// wake raises the replicas of a trigger's workload, unless that was done since sleep was called last. It returns
// after how long it is to be called again because it failed; zero: it did not.
func (w *waker) wake(ctx context.Context, scaler *v1alpha1.HTTPScaler) (again time.Duration) {
	key := store.KeyOf(scaler)
	if scaler.Spec.Scale.ScaleOutPaused {
		return 0
	}
	if begun, wait := w.begin(key); !begun {
		return wait
	}
	wanted := awakened(scaler.Spec.Scale)
	ctx, cancel := context.WithTimeout(ctx, wakeTimeout)
	defer cancel()
	from, written, err := scale.Raise(ctx, w.scales, scale.WorkloadOf(scaler.Namespace, scaler.Spec.Scale), wanted, nil)
	event := events.Event{
		Regarding: scaler, Type: corev1.EventTypeNormal, Reason: "ScaledForDirectTraffic", Action: "Wake",
		Note: fmt.Sprintf("Scaled %s %s from %d to %d: its requests are not counted while they do not pass the proxies",
			scaler.Spec.Scale.Target.Kind, scaler.Spec.Scale.Target.Name, from, wanted),
	}
	switch {
	case err != nil:
		again = w.fail(key, err)
		w.metrics.wakes.WithLabelValues(resultError).Inc()
		event.Type, event.Reason = corev1.EventTypeWarning, "CannotScaleForDirectTraffic"
		event.Note = fmt.Sprintf("Cannot scale %s %s to %d for requests that do not pass the proxies: %v",
			scaler.Spec.Scale.Target.Kind, scaler.Spec.Scale.Target.Name, wanted, err)
		w.events.WriteOnce(wakeTopic(key), []events.Event{event})
	case written:
		w.succeed(key)
		w.metrics.wakes.WithLabelValues("scaled").Inc()
		w.log.Info("Scaled a workload whose requests go directly", "trigger", key.String(), "from", from, "to", wanted)
		w.events.WriteOnce(wakeTopic(key), []events.Event{event})
	default:
		w.succeed(key)
		w.metrics.wakes.WithLabelValues("unneeded").Inc()
	}
	return again
}

// wakeTopic is the topic of the events about the workload of a trigger.
type wakeTopic types.NamespacedName

// begin starts an attempt, unless the workload was scaled, or the next attempt is due after a while only.
func (w *waker) begin(key types.NamespacedName) (begun bool, wait time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.woken[key] {
		return false, 0
	}
	if wait = w.failed[key].again.Sub(w.clock.Now()); wait > 0 {
		return false, wait
	}
	w.woken[key] = true
	return true, 0
}

// fail notes an attempt that failed, and returns when the next one is due. What fails again for the same reason is
// logged once.
func (w *waker) fail(key types.NamespacedName, err error) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.woken, key)
	before := w.failed[key]
	delay := min(max(2*before.delay, firstWakeRetry), lastWakeRetry)
	w.failed[key] = failedWake{err.Error(), delay, w.clock.Now().Add(delay)}
	if before.text != err.Error() {
		w.log.Error(err, "Failed to scale a workload whose requests go directly, will retry", "trigger", key.String())
	}
	return delay
}

// succeed forgets that attempts failed.
func (w *waker) succeed(key types.NamespacedName) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.failed, key)
}

// sleep says that the requests of a trigger do not go directly any more.
func (w *waker) sleep(key types.NamespacedName) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.woken, key)
	delete(w.failed, key)
}
