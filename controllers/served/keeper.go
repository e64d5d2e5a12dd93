package served

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	"golang.org/x/time/rate"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/events"
	"github.com/kedify/inference-gateway/controllers/served/verdict"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/controllers/workload"
	"github.com/kedify/inference-gateway/internal/turns"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand"
	"github.com/kedify/inference-gateway/scaler/scale"
)

const (
	// ActsPerSecond bounds looks, each of which may write once, and other writes, for all triggers.
	ActsPerSecond = 5
	// lookers is how many looks are under way at once.
	lookers = 8
	// tick is between two rounds.
	tick = time.Second
	// actTimeout bounds one look or write.
	actTimeout = 5 * time.Second
)

// Registry knows how requests fare; demand.Registry is one.
type Registry interface {
	Waits(visit func(types.NamespacedName, demand.Wait))
}

// Options of a Keeper. All are required but Patience and Metrics.
type Options struct {
	Registry Registry
	Catalog  *scaler.Catalog
	// Cache has HTTPScalers, ScaledObjects, Services and pools. Direct reads Pods and their workloads, which no informer has.
	Cache, Direct client.Reader
	Scales        scale.Scales
	Writer        client.StatusClient
	Events        *events.Writer
	// Patience with a cause that does not pass by itself. Zero: DefaultPatience.
	Patience time.Duration
	Clock    clock.WithTicker
	// Metrics, see NewMetrics. Nil: none are kept.
	Metrics *Metrics
	Log     logr.Logger
}

// Keeper keeps condition Served.
type Keeper struct {
	options Options
	reader  reader
	limiter *rate.Limiter

	// triggers of this term, and the namespace that had the last turn.
	triggers map[types.NamespacedName]*trigger
	last     string
	// recalled: the conditions of an earlier leader are in triggers.
	recalled bool
}

// New returns a Keeper; Run starts it.
func New(options Options) *Keeper {
	if options.Metrics == nil {
		options.Metrics = NewMetrics()
	}
	if options.Patience == 0 {
		options.Patience = DefaultPatience
	}
	return &Keeper{
		options: options, reader: reader{options.Cache, options.Direct, options.Scales},
		limiter: rate.NewLimiter(ActsPerSecond, ActsPerSecond),
	}
}

// Run keeps the conditions until the context ends. It begins with what is written.
func (k *Keeper) Run(ctx context.Context) error {
	defer k.options.Metrics.unserved.Set(0)
	k.triggers, k.recalled = map[types.NamespacedName]*trigger{}, false
	ticker := k.options.Clock.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
			if !k.recalled {
				k.recall(ctx)
			}
			k.round(ctx)
		}
	}
}

// recall finds the conditions of an earlier leader. Without the CRD there are none, and it is tried again.
func (k *Keeper) recall(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, actTimeout)
	defer cancel()
	var scalers v1alpha1.HTTPScalerList
	if err := k.options.Cache.List(ctx, &scalers, client.UnsafeDisableDeepCopy); err != nil {
		k.options.Log.V(1).Info("Cannot list HTTPScalers, will retry", "error", err.Error())
		return
	}
	k.recalled = true
	for i := range scalers.Items {
		if condition := served(&scalers.Items[i]); condition != nil {
			k.triggers[store.KeyOf(&scalers.Items[i])] = &trigger{shown: condition.Status, since: condition.LastTransitionTime.Time}
		}
	}
}

// round does what is due for all triggers, as far as the bound on acts allows: what waits in vain first.
func (k *Keeper) round(ctx context.Context) {
	now := k.options.Clock.Now()
	waits := k.waits()
	due := map[act][]types.NamespacedName{}
	unserved := 0
	for key, of := range k.triggers {
		if of.shown == metav1.ConditionFalse {
			unserved++
		}
		if what := of.due(now, waits[key], k.options.Patience); what != nothing {
			due[what] = append(due[what], key)
		}
	}
	k.options.Metrics.unserved.Set(float64(unserved))
	var looks sync.WaitGroup
	slots := make(chan struct{}, lookers)
	for _, what := range []act{look, showServed, showUnknown} {
		for _, key := range turns.Of(sorted(due[what]), k.last) {
			if !k.limiter.AllowN(now, 1) {
				looks.Wait()
				return
			}
			k.last = key.Namespace
			slots <- struct{}{}
			looks.Go(func() {
				defer func() { <-slots }()
				k.act(ctx, key, what, waits[key])
			})
		}
	}
	looks.Wait()
}

// sorted sorts keys.
func sorted(keys []types.NamespacedName) []types.NamespacedName {
	slices.SortFunc(keys, store.CompareKeys)
	return keys
}

// waits returns how requests fare, and remembers the triggers that are in force and no others.
func (k *Keeper) waits() map[types.NamespacedName]demand.Wait {
	waits := map[types.NamespacedName]demand.Wait{}
	k.options.Registry.Waits(func(key types.NamespacedName, wait demand.Wait) {
		waits[key] = wait
		if k.triggers[key] == nil {
			k.triggers[key] = &trigger{}
		}
	})
	for key := range k.triggers {
		if k.options.Catalog.Get(key) == nil && k.options.Catalog.Complete() {
			delete(k.triggers, key)
		}
	}
	return waits
}

// act does one act about one trigger. Acts of one round are about different triggers.
func (k *Keeper) act(ctx context.Context, key types.NamespacedName, what act, wait demand.Wait) {
	ctx, cancel := context.WithTimeout(ctx, actTimeout)
	defer cancel()
	of := k.triggers[key]
	var err error
	switch what {
	case look:
		err = k.look(ctx, key, of, wait)
	case showServed:
		err = k.show(ctx, key, of, workload.Problem{}, metav1.Condition{
			Status: metav1.ConditionTrue, Reason: ReasonServed, Message: servedMessage,
		})
	case showUnknown:
		err = k.show(ctx, key, of, workload.Problem{}, metav1.Condition{Status: metav1.ConditionUnknown, Reason: ReasonNotTried})
	case nothing:
	}
	if err != nil && ctx.Err() == nil {
		k.options.Log.Error(err, "Failed to say whether the requests of a trigger are served, will retry", "trigger", key.String())
	}
}

// look finds why requests of a trigger wait, and shows it.
func (k *Keeper) look(ctx context.Context, key types.NamespacedName, of *trigger, wait demand.Wait) error {
	now := k.options.Clock.Now()
	inForce := k.options.Catalog.Get(key)
	if inForce == nil {
		return nil
	}
	facts, err := k.reader.facts(ctx, inForce, wait.Held)
	if err != nil {
		of.looked(now, wait, workload.Problem{}) // what was shown stays
		return err
	}
	found := verdict.Examine(facts)
	if !of.looked(now, wait, found) {
		return nil
	}
	began := of.shown != metav1.ConditionFalse
	err = k.show(ctx, key, of, found, metav1.Condition{Status: metav1.ConditionFalse, Reason: found.Reason, Message: found.Message})
	if err != nil || !began || of.shown != metav1.ConditionFalse {
		return err
	}
	k.options.Metrics.episodes.WithLabelValues(found.Reason).Inc()
	k.tell(inForce, found)
	return nil
}

// show writes the condition, unless the HTTPScaler is gone.
func (k *Keeper) show(ctx context.Context, key types.NamespacedName, of *trigger, problem workload.Problem, wanted metav1.Condition) error {
	live := &v1alpha1.HTTPScaler{}
	if err := k.options.Cache.Get(ctx, key, live); err != nil {
		return client.IgnoreNotFound(err)
	}
	before := served(live)
	if wanted.Reason == ReasonNotTried && before != nil {
		wanted.Message = notTriedMessage(*before)
	}
	now := k.options.Clock.Now()
	there, err := write(ctx, k.options.Writer, key, conditionOf(before, wanted, live.Generation, now))
	if err != nil || !there {
		return err
	}
	of.showing(now, wanted.Status, problem)
	return nil
}

// tell tells the owner of the ScaledObject, once in an episode.
func (k *Keeper) tell(of *scaler.Scaler, found workload.Problem) {
	about, related := &kedav1alpha1.ScaledObject{}, &v1alpha1.HTTPScaler{}
	about.Namespace, about.Name = of.Key.Namespace, of.Spec.ScaledObject
	related.Namespace, related.Name = of.Key.Namespace, of.Key.Name
	k.options.Events.Write(events.Event{
		Regarding: about, Related: related, Type: corev1.EventTypeWarning, Reason: found.Reason, Action: "Serve",
		Note: fmt.Sprintf("trigger %s: requests wait and nothing answers them. %s", of.Spec.Trigger, found.Message),
	})
}
