package snapshot

import (
	"context"
	"errors"
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
	Clock  clock.WithTicker
	Log    logr.Logger
}

// Writer writes the demand of triggers into their HTTPScalers.
type Writer struct {
	Options
	limiter *rate.Limiter
	// A round looks at each trigger once, in the order of Keys; last is the one before the next.
	round time.Time // when it began
	last  types.NamespacedName
}

// New returns a Writer; Run starts it.
func New(options Options) *Writer {
	return &Writer{Options: options, limiter: rate.NewLimiter(writesPerSecond, writesPerSecond)}
}

// Run writes until the context ends.
func (w *Writer) Run(ctx context.Context) error {
	ticker := w.Clock.NewTicker(slice)
	defer ticker.Stop()
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
	}
	return keys[start:min(start+count, len(keys))]
}

// write applies the snapshot of a trigger if it differs from the live one. It returns errBusy if the
// bound on writes leaves no room.
func (w *Writer) write(ctx context.Context, key types.NamespacedName) error {
	live := &v1alpha1.HTTPScaler{}
	if err := w.Reader.Get(ctx, key, live); err != nil {
		return client.IgnoreNotFound(err)
	}
	var wanted *v1alpha1.HTTPScalerDemand
	if reading, err := w.Registry.Read(key); err == nil && !scaler.PathOf(live.Status).Unseen(live.Spec.Scale, w.Clock.Now()) {
		wanted = coarse(reading)
	}
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

func same(a, b *v1alpha1.HTTPScalerDemand) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// configuration applies status.demand, or withdraws it when it is nil.
func configuration(key types.NamespacedName, demand *v1alpha1.HTTPScalerDemand) (*unstructured.Unstructured, error) {
	return apply.Status(&v1alpha1.HTTPScaler{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "HTTPScaler"},
		ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name},
		Status:     v1alpha1.HTTPScalerStatus{Demand: demand},
	})
}
