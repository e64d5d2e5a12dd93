package burst

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/internal/turns"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand"
	"github.com/kedify/inference-gateway/scaler/scale"
)

const (
	// interval is between two looks at the triggers.
	interval = 2 * time.Second
	// AttemptsPerSecond bounds attempts to write, over all triggers.
	AttemptsPerSecond = 5
	// writers bounds attempts under way.
	writers = 8
)

// Registry reads demand; demand.Registry implements it.
type Registry interface {
	Read(key types.NamespacedName) (demand.Reading, error)
}

// Options of a Burster.
type Options struct {
	// Catalog is observed, so the burster is to be made before the first trigger is set.
	Catalog  *scaler.Catalog
	Registry Registry
	// Replicas returns spec.replicas of a trigger's target, from memory, and whether they are known. While they are not, /scale is
	// read every 15 s.
	Replicas func(scaler.Scaler) (replicas int32, known bool)
	Scales   scale.Scales
	// Allowed returns how many replicas the target may have now; why says why it may not get any, and is empty otherwise. It may ask
	// the API server once.
	Allowed func(ctx context.Context, of *scaler.Scaler) (most int32, why string, err error)
	// Leads reports whether this replica of the controller is the leader.
	Leads func() bool
	// Report is called with each write and each failure, for events. It must not block.
	Report  func(Burst)
	Metrics *Metrics
	Log     logr.Logger
}

// Burster raises replicas while Run runs.
type Burster struct {
	options Options
	limiter *rate.Limiter
	slots   chan struct{}
	last    string // namespace that had the last turn

	mu       sync.Mutex
	triggers map[types.NamespacedName]*trigger
}

// New returns a burster that does nothing until Run.
func New(options Options) *Burster {
	b := &Burster{
		options: options, limiter: rate.NewLimiter(AttemptsPerSecond, AttemptsPerSecond*int(interval/time.Second)),
		slots: make(chan struct{}, writers), triggers: map[types.NamespacedName]*trigger{},
	}
	options.Catalog.Observe(b.set)
	return b
}

// set takes a change of the Catalog.
func (b *Burster) set(key types.NamespacedName, now *scaler.Scaler) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.triggers[key]
	switch {
	case now == nil || !now.Spec.Scale.BurstScaling:
		delete(b.triggers, key)
	case t == nil:
		b.triggers[key] = &trigger{scaler: now}
	default:
		if !sameMetrics(t.scaler, now) {
			t.values = nil
		}
		t.scaler = now
	}
}

// sameMetrics reports whether values of one mean the same for the other.
func sameMetrics(a, b *scaler.Scaler) bool {
	return slices.EqualFunc(a.Spec.Metrics(), b.Spec.Metrics(),
		func(x, y v1alpha1.HTTPScalerMetric) bool { return x.Type == y.Type })
}

// Peak returns the highest value of the last 30 s of the metric at a position of a trigger; false: the trigger has no burstScaling,
// or no value is known.
func (b *Burster) Peak(key types.NamespacedName, position int) (float64, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.triggers[key]
	if t == nil {
		return 0, false
	}
	t.forget(time.Now())
	highest := t.peak(position)
	return highest, highest >= 0
}

// Run looks at the triggers until the context ends.
func (b *Burster) Run(ctx context.Context) error {
	var attempts sync.WaitGroup
	defer attempts.Wait()
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			b.round(ctx, &attempts)
		}
	}
}

// round looks at all triggers, and begins the attempts that are due, as far as the bounds allow.
func (b *Burster) round(ctx context.Context, attempts *sync.WaitGroup) {
	now := time.Now()
	due := b.look(now)
	if !b.options.Leads() {
		return
	}
	keys := make([]types.NamespacedName, 0, len(due))
	for key := range due {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b types.NamespacedName) int { return strings.Compare(a.String(), b.String()) })
	for _, key := range turns.Of(keys, b.last) {
		select {
		case b.slots <- struct{}{}:
		default:
			return
		}
		if !b.limiter.AllowN(now, 1) {
			<-b.slots
			return
		}
		b.last = key.Namespace
		b.begin(key)
		attempts.Go(func() {
			defer func() { <-b.slots }()
			b.attempt(ctx, key, due[key])
		})
	}
}

// look reads all triggers and returns those that may need more replicas.
func (b *Burster) look(now time.Time) map[types.NamespacedName]attempt {
	b.mu.Lock()
	scalers := make([]*scaler.Scaler, 0, len(b.triggers))
	for _, t := range b.triggers {
		scalers = append(scalers, t.scaler)
	}
	b.mu.Unlock()
	due := map[types.NamespacedName]attempt{}
	for _, of := range scalers {
		reading, err := b.options.Registry.Read(of.Key)
		if err != nil || of.Path.Unseen(of.Spec.Scale, now) {
			continue // what is unknown raises nothing
		}
		count, counted := b.options.Replicas(*of)
		if attempt, is := b.observe(now, of, &reading, replicasNow{count, counted}); is {
			due[of.Key] = attempt
		}
	}
	return due
}

// replicasNow are those of a target, if they are known.
type replicasNow struct {
	count int32
	known bool
}

// observe remembers what was read of a trigger, and returns the attempt that is due.
func (b *Burster) observe(now time.Time, of *scaler.Scaler, reading *demand.Reading, there replicasNow) (attempt, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.triggers[of.Key]
	if t == nil || t.scaler != of {
		return attempt{}, false // it changed meanwhile
	}
	t.take(now, reading)
	if there.known {
		t.replicas = append(t.replicas, replicas{now, there.count})
	}
	t.forget(now)
	demanded, name, known := demands(reading, &of.Spec)
	switch {
	case !known, t.busy, now.Before(t.pause), of.Spec.Scale.ScaleOutPaused:
		return attempt{}, false
	case there.known && wanted(demanded, there.count, t.least(there.count), of.Spec.Scale.Max) == 0:
		return attempt{}, false
	case !there.known && demanded <= 1:
		return attempt{}, false
	}
	return attempt{of: of, demanded: demanded, metric: name, blind: !there.known}, true
}

func (b *Burster) begin(key types.NamespacedName) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t := b.triggers[key]; t != nil {
		t.busy = true
	}
}
