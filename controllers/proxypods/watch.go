package proxypods

import (
	"context"
	"sync"
	"time"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/controllers/infra"
	"github.com/kedify/inference-gateway/controllers/workload"
	"github.com/kedify/inference-gateway/controllers/workload/live"
)

const (
	// DefaultPatience with Envoys that start.
	DefaultPatience = 5 * time.Second
	// pause between two looks at one Gateway.
	pause = 10 * time.Second
	// tick is between two looks.
	tick        = 500 * time.Millisecond
	lookTimeout = 5 * time.Second
)

// Options of a Watch. All but Patience are required.
type Options struct {
	// Direct reads Deployments and Pods, which no informer has in full.
	Direct client.Reader
	// Report is called when what the Pods of a gateway wait for changes; "" is nothing. Calls come one after the other, in order.
	// It must not block.
	Report func(gateway types.NamespacedName, reason string)
	// Patience with Envoys that start. Zero: DefaultPatience.
	Patience time.Duration
	Clock    clock.WithTicker
	Log      logr.Logger
}

// Watch looks at the Pods of Envoys.
type Watch struct {
	options Options

	mu       sync.Mutex
	gateways map[types.NamespacedName]*waiting
}

// waiting is a Gateway without an Envoy.
type waiting struct {
	nextLook time.Time
	// problem is what was reported last.
	problem workload.Problem
}

// New returns a Watch; Run starts it.
func New(options Options) *Watch {
	if options.Patience == 0 {
		options.Patience = DefaultPatience
	}
	return &Watch{options: options, gateways: map[types.NamespacedName]*waiting{}}
}

// Connected takes how many Envoys of a gateway are connected to any replica.
func (w *Watch) Connected(gateway types.NamespacedName, proxies int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	of := w.gateways[gateway]
	switch {
	case proxies == 0 && of == nil:
		w.gateways[gateway] = &waiting{nextLook: w.options.Clock.Now().Add(w.options.Patience)}
	case proxies > 0 && of != nil:
		delete(w.gateways, gateway)
		if !of.problem.None() {
			w.options.Report(gateway, "")
		}
	}
}

// Forget drops a gateway that is gone.
func (w *Watch) Forget(gateway types.NamespacedName) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.gateways, gateway)
}

// Run looks until the context ends.
func (w *Watch) Run(ctx context.Context) error {
	ticker := w.options.Clock.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
			if gateway, due := w.next(); due {
				w.look(ctx, gateway)
			}
		}
	}
}

// next returns the Gateway that has waited longest for a look, and when it is looked at again.
func (w *Watch) next() (gateway types.NamespacedName, due bool) {
	now := w.options.Clock.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	var first *waiting
	for key, of := range w.gateways {
		if !now.Before(of.nextLook) && (first == nil || of.nextLook.Before(first.nextLook)) {
			gateway, first = key, of
		}
	}
	if first == nil {
		return gateway, false
	}
	first.nextLook = now.Add(pause)
	return gateway, true
}

// look reports what the Pods of a gateway wait for, if that changed.
func (w *Watch) look(ctx context.Context, gateway types.NamespacedName) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	found, err := w.examine(ctx, gateway)
	if err != nil {
		if ctx.Err() == nil {
			w.options.Log.Error(err, "Failed to look at the Pods of Envoys, will retry", "gateway", gateway.String())
		}
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if of := w.gateways[gateway]; of != nil && !of.problem.Same(found) {
		of.problem = found
		w.options.Report(gateway, found.Message)
	}
}

// examine finds what the Pods of a gateway wait for. A Deployment that is not there yet is no problem of its Pods.
func (w *Watch) examine(ctx context.Context, gateway types.NamespacedName) (workload.Problem, error) {
	deployment := &appsv1.Deployment{}
	key := types.NamespacedName{Namespace: gateway.Namespace, Name: infra.Name(gateway)}
	if err := w.options.Direct.Get(ctx, key, deployment); err != nil {
		return workload.Problem{}, client.IgnoreNotFound(err)
	}
	facts, err := live.Read(ctx, w.options.Direct, live.Workload{
		Kind: schema.GroupKind{Group: "apps", Kind: "Deployment"}, Key: key,
		Replicas: ptr.Deref(deployment.Spec.Replicas, 1), Selector: metav1.FormatLabelSelector(deployment.Spec.Selector),
	})
	if err != nil {
		return workload.Problem{}, err
	}
	return workload.Examine(facts), nil
}
