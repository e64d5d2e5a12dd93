package rescue

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/go-logr/logr"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand"
	"github.com/kedify/inference-gateway/scaler/scale"
)

// writers bounds the requests to the API server under way.
const writers = 16

// Registry reads demand; demand.Registry implements it.
type Registry interface {
	// Read answers from memory, always while requests are held.
	Read(key types.NamespacedName) (demand.Reading, error)
	// Wake signals when requests begin to be held.
	Wake(key types.NamespacedName) (changed <-chan struct{}, cancel func())
}

// Options of a Rescuer.
type Options struct {
	// Catalog is observed, so the rescuer is to be made before the first trigger is set.
	Catalog  *scaler.Catalog
	Registry Registry
	// Replicas returns spec.replicas of a trigger's target, from memory, and whether they are known.
	// While they are not, Scales is asked. Nil: they are never known.
	Replicas func(scaler.Scaler) (replicas int32, known bool)
	Scales   scale.Scales
	// Leads reports whether this replica of the controller is the leader. Nil: it is.
	Leads func() bool
	// Report is called with each write and each failure, for events. It must not block. Optional.
	Report func(Rescue)
	// Metrics, see NewMetrics. Nil: none are kept.
	Metrics *Metrics
	Log     logr.Logger
}

// Rescuer scales targets from zero while Run runs.
type Rescuer struct {
	options Options
	slots   chan struct{}

	mu       sync.Mutex
	triggers map[types.NamespacedName]*watched
	// start starts the goroutine of a trigger; nil while Run does not run.
	start func(*watched)
}

// watched is a trigger in force.
type watched struct {
	key     types.NamespacedName
	scaler  atomic.Pointer[scaler.Scaler]
	changed chan struct{} // has a value when scaler changed
	gone    chan struct{} // closed when it is no longer in force
}

// New returns a rescuer that does nothing until Run.
func New(options Options) *Rescuer {
	if options.Metrics == nil {
		options.Metrics = NewMetrics()
	}
	if options.Leads == nil {
		options.Leads = func() bool { return true }
	}
	if options.Replicas == nil {
		options.Replicas = func(scaler.Scaler) (int32, bool) { return 0, false }
	}
	if options.Report == nil {
		options.Report = func(Rescue) {}
	}
	r := &Rescuer{options: options, slots: make(chan struct{}, writers), triggers: map[types.NamespacedName]*watched{}}
	options.Catalog.Observe(r.set)
	return r
}

// set takes a change of the Catalog.
func (r *Rescuer) set(key types.NamespacedName, now *scaler.Scaler) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.triggers[key]
	switch {
	case now == nil:
		if w != nil {
			close(w.gone)
			delete(r.triggers, key)
		}
	case w != nil:
		w.scaler.Store(now)
		select {
		case w.changed <- struct{}{}:
		default:
		}
	default:
		w = &watched{key: key, changed: make(chan struct{}, 1), gone: make(chan struct{})}
		w.scaler.Store(now)
		r.triggers[key] = w
		if r.start != nil {
			r.start(w)
		}
	}
}

// Run watches all triggers until the context ends. It may be called once at a time.
func (r *Rescuer) Run(ctx context.Context) error {
	var running sync.WaitGroup
	r.mu.Lock()
	r.start = func(w *watched) { running.Go(func() { r.watch(ctx, w) }) }
	for _, w := range r.triggers {
		r.start(w)
	}
	r.mu.Unlock()
	<-ctx.Done()
	r.mu.Lock()
	r.start = nil
	r.mu.Unlock()
	running.Wait()
	return nil
}

// watch is the goroutine of one trigger.
func (r *Rescuer) watch(ctx context.Context, w *watched) {
	rings, cancel := r.options.Registry.Wake(w.key)
	defer cancel()
	timer := time.NewTimer(idleInterval)
	defer timer.Stop()
	for episode := (&episode{}); ; {
		of := w.scaler.Load()
		act, wait := episode.next(time.Now(), r.view(of))
		if act != nil {
			found := r.try(ctx, of, *act)
			episode.did(time.Now(), *act, found)
			if act.reason == Check {
				continue
			}
		}
		timer.Reset(wait)
		select {
		case <-rings:
		case <-w.changed:
		case <-timer.C:
		case <-w.gone:
			return
		case <-ctx.Done():
			return
		}
	}
}

// view returns the current state of a trigger.
func (r *Rescuer) view(of *scaler.Scaler) view {
	reading, err := r.options.Registry.Read(of.Key)
	if err != nil || reading.Held == 0 {
		return view{} // the demand is always known while requests are held
	}
	v := view{
		held:     reading.Held,
		replicas: -1,
		want:     needed(&reading, of.Spec),
		oneStep:  of.Spec.Scale.OneStep,
		paused:   of.Spec.Scale.ScaleOutPaused,
		leads:    r.options.Leads(),
	}
	if replicas, known := r.options.Replicas(*of); known {
		v.replicas = replicas
	}
	return v
}
