package snapshot

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/time/rate"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/apply"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand"
)

const (
	// period is the least time between two writes for one trigger. Each period looks at every
	// trigger once, in slices of a second.
	period = 10 * time.Second
	slice  = time.Second
	// writesPerSecond bounds the writes for all triggers. A round that needs more takes longer, so
	// every trigger has its turn.
	writesPerSecond = 5
	writeTimeout    = 5 * time.Second

	// fieldOwner owns status.demand and nothing else.
	fieldOwner = client.FieldOwner("kedify-gateway-demand")
)

// errBusy ends a part of a round: the writes of this second are used up.
var errBusy = errors.New("too many writes")

// Registry reads demand; demand.Registry implements it.
type Registry interface {
	// Keys returns the keys of the triggers in force, sorted by their text.
	Keys() []types.NamespacedName
	// Read fails with an error that wraps demand.ErrUnknown.
	Read(key types.NamespacedName) (demand.Reading, error)
}

// Options of a Writer. All are required.
type Options struct {
	Registry Registry
	// Reader has the live HTTPScalers, from a cache.
	Reader client.Reader
	Writer client.StatusClient
	// Ready returns status.readyReplicas of a trigger's target, from memory, and whether they are known.
	Ready func(scaler.Scaler) (ready int32, known bool)
	Clock clock.WithTicker
	Log   logr.Logger
}

// Writer writes the demand of triggers into their HTTPScalers.
type Writer struct {
	Options
	limiter *rate.Limiter
	// A round looks at each trigger once, in the order of Keys; last is the one before the next.
	round time.Time // when it began
	last  types.NamespacedName
	// peaks of the triggers that scale by tokens, since the term of the leader began.
	peaks map[types.NamespacedName]*peaks
}

// New returns a Writer; Run starts it.
func New(options Options) *Writer {
	return &Writer{
		Options: options, limiter: rate.NewLimiter(writesPerSecond, writesPerSecond), peaks: map[types.NamespacedName]*peaks{},
	}
}

// Run writes until the context ends.
func (w *Writer) Run(ctx context.Context) error {
	ticker := w.Clock.NewTicker(slice)
	defer ticker.Stop()
	clear(w.peaks) // what happened in the term of another is not known
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
			w.copyNext(ctx)
		}
	}
}

// copyNext copies the next part of the triggers. Each has its turn once in a period.
func (w *Writer) copyNext(ctx context.Context) {
	for _, key := range w.next(w.Registry.Keys()) {
		err := w.write(ctx, key)
		if errors.Is(err, errBusy) {
			return
		}
		if err != nil && ctx.Err() == nil {
			w.Log.Error(err, "Failed to write the demand of a trigger, will retry", "trigger", key.String())
		}
		w.last = key
	}
}

// next returns the part of the sorted keys whose turn it is: none while a round is over and its
// period is not.
func (w *Writer) next(keys []types.NamespacedName) []types.NamespacedName {
	parts := int(period / slice)
	count := (len(keys) + parts - 1) / parts
	start, found := slices.BinarySearchFunc(keys, w.last, func(a, b types.NamespacedName) int {
		return strings.Compare(a.String(), b.String())
	})
	if found {
		start++
	}
	if start == len(keys) {
		if w.Clock.Since(w.round) < period {
			return nil
		}
		start = 0
	}
	if start == 0 {
		w.round = w.Clock.Now()
		w.forget(keys)
	}
	return keys[start:min(start+count, len(keys))]
}

// forget drops the peaks of triggers that are not in force.
func (w *Writer) forget(keys []types.NamespacedName) {
	inForce := make(map[types.NamespacedName]bool, len(keys))
	for _, key := range keys {
		inForce[key] = true
	}
	maps.DeleteFunc(w.peaks, func(key types.NamespacedName, _ *peaks) bool { return !inForce[key] })
}

// write applies the snapshot of a trigger if it differs from the live one. It returns errBusy if the
// bound on writes leaves no room.
func (w *Writer) write(ctx context.Context, key types.NamespacedName) error {
	live := &v1alpha1.HTTPScaler{}
	if err := w.Reader.Get(ctx, key, live); err != nil {
		return client.IgnoreNotFound(err)
	}
	wanted := w.wanted(key, live)
	if same(live.Status.Demand, wanted) {
		return nil
	}
	if !w.limiter.AllowN(w.Clock.Now(), 1) {
		return errBusy
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	desired, err := configuration(key, wanted)
	if err != nil {
		return err
	}
	err = w.Writer.Status().Apply(ctx, client.ApplyConfigurationFromUnstructured(desired), fieldOwner, client.ForceOwnership)
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// wanted returns the snapshot of a trigger; nil: its demand is not known.
func (w *Writer) wanted(key types.NamespacedName, live *v1alpha1.HTTPScaler) *v1alpha1.HTTPScalerDemand {
	now := w.Clock.Now()
	reading, err := w.Registry.Read(key)
	known := err == nil && !scaler.PathOf(live.Status).Unseen(live.Spec.Scale, now)
	if !known {
		reading = demand.Reading{}
	}
	level, busy := w.peak(now, key, live, &reading)
	if !known {
		return nil
	}
	wanted := coarse(reading)
	wanted.Tokens = tokensOf(reading.Work, level, busy)
	return wanted
}

// peak returns the highest level of a replica of a trigger that scales by tokens, see peaks.highest.
func (w *Writer) peak(now time.Time, key types.NamespacedName, live *v1alpha1.HTTPScaler, reading *demand.Reading) (float64, bool) {
	asked, has := live.Spec.MetricOf(v1alpha1.TokenRate)
	if !has || asked.TokenRate == nil {
		delete(w.peaks, key)
		return 0, false
	}
	of := w.peaks[key]
	if of == nil {
		of = &peaks{}
		w.peaks[key] = of
	}
	ready, known := w.Ready(scaler.Scaler{Key: key, Spec: live.Spec})
	if !known {
		ready = 0
	}
	of.look(now, reading, unitOf(live, asked.TokenRate), ready)
	return of.highest(now)
}

func same(a, b *v1alpha1.HTTPScalerDemand) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Rate == b.Rate && a.InFlight == b.InFlight && a.Held == b.Held && near(a.Tokens, b.Tokens)
}

// configuration applies status.demand, or withdraws it when it is nil.
func configuration(key types.NamespacedName, demand *v1alpha1.HTTPScalerDemand) (*unstructured.Unstructured, error) {
	return apply.Status(&v1alpha1.HTTPScaler{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "HTTPScaler"},
		ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name},
		Status:     v1alpha1.HTTPScalerStatus{Demand: demand},
	})
}
