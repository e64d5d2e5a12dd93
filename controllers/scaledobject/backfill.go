package scaledobject

import (
	"context"
	"fmt"
	"time"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/controllers/scaledobject/plan"
	"github.com/kedify/inference-gateway/controllers/work"
	"github.com/kedify/inference-gateway/scaler/trigger"
)

const (
	// backfillPace is between two patches: a cluster may be full of objects from before.
	backfillPace = 100 * time.Millisecond
	// firstBackfill to lastBackfill is how long an object waits that admission did not rewrite:
	// its policy may be on the way, or may never come.
	firstBackfill = time.Second
	lastBackfill  = time.Minute
)

// backfill has admission rewrite the ScaledObjects that were stored before it, or before KEDA's
// mutual TLS was turned on or off: an empty patch changes nothing but what admission changes, and
// leaves the fields with their owners.
type backfill struct {
	options Options
	queue   *work.Queue[types.NamespacedName]
}

func newBackfill(options Options) *backfill {
	b := &backfill{options: options}
	b.queue = work.New(work.Options[types.NamespacedName]{
		Name: "backfill", Workers: 1, FirstRetry: firstBackfill, LastRetry: lastBackfill, Pace: backfillPace, Clock: options.Clock,
		Within: options.Within, Log: options.Log,
		Do: func(ctx context.Context, key types.NamespacedName) work.Next {
			if b.attempt(ctx, key) {
				return work.Done()
			}
			return work.Retry()
		},
	})
	return b
}

// observe takes a ScaledObject as it is stored.
func (b *backfill) observe(so *kedav1alpha1.ScaledObject) {
	key := client.ObjectKeyFromObject(so)
	if b.leftover(so) != "" && so.DeletionTimestamp.IsZero() {
		b.queue.Add(key)
		return
	}
	b.done(key)
}

// done forgets what was tried and told.
func (b *backfill) done(key types.NamespacedName) {
	b.queue.Forget(key)
	writeEvents(b.options.Events, backfillTopic(key), nil)
}

// backfillTopic is the topic of the events about one ScaledObject.
type backfillTopic types.NamespacedName

// leftover says what admission would change and did not, and what the owner can do about it;
// empty: nothing.
func (b *backfill) leftover(so *kedav1alpha1.ScaledObject) string {
	rewriting := trigger.Rewriting{ScalerAddress: b.options.ScalerAddress, Authentication: b.options.Authentication}
	for i, t := range plan.ObjectOf(so).Triggers {
		for _, change := range rewriting.Changes(t) {
			return b.remedy(i, t, change)
		}
	}
	return ""
}

// remedy says what the owner can do about a change that admission did not make.
func (b *backfill) remedy(index int, t trigger.Trigger, change trigger.Change) string {
	reference, added := change.Value.(trigger.Reference)
	switch {
	case added:
		return fmt.Sprintf("trigger %d needs an authenticationRef for mutual TLS and admission did not add it: "+
			"install the admission of the chart, or write kind %s and name %s", index, reference.Kind, reference.Name)
	case change.Field == trigger.FieldAuthentication:
		return fmt.Sprintf("the authenticationRef of trigger %d leads to the %s %s, which does not exist without mutual TLS, "+
			"and admission did not remove it: install the admission of the chart, or remove it", index, t.Authentication.Kind, t.Authentication.Name)
	default:
		return fmt.Sprintf("type %s is unknown to KEDA and admission did not rewrite it: "+
			"install the admission of the chart, or write type external-push and scalerAddress %s", t.Type, b.options.ScalerAddress)
	}
}

// attempt reports whether nothing is left to do.
func (b *backfill) attempt(ctx context.Context, key types.NamespacedName) bool {
	so := &kedav1alpha1.ScaledObject{}
	if err := b.options.Cache.Get(ctx, key, so); err != nil {
		return client.IgnoreNotFound(err) == nil
	}
	if b.leftover(so) == "" || !so.DeletionTimestamp.IsZero() {
		b.done(key)
		return true
	}
	err := b.options.Client.Patch(ctx, so, client.RawPatch(types.MergePatchType, []byte("{}")), fieldOwner)
	switch {
	case ctx.Err() != nil:
		return true
	case err != nil && client.IgnoreNotFound(err) == nil:
		return true
	case err != nil:
		b.tell(key, so, fmt.Sprintf("a patch, which would have had admission rewrite it, was refused: %v", err))
		return false
	}
	if still := b.leftover(so); still != "" {
		b.tell(key, so, still)
		return false
	}
	b.options.Log.Info("Rewrote a ScaledObject that was stored before admission", "kind", "ScaledObject", "object", key.String())
	b.done(key)
	return true
}

func (b *backfill) tell(key types.NamespacedName, so *kedav1alpha1.ScaledObject, note string) {
	b.options.Log.Info("Failed to have admission rewrite a ScaledObject, will retry",
		"kind", "ScaledObject", "object", key.String(), "reason", note)
	writeEvents(b.options.Events, backfillTopic(key), []plan.Event{{
		About: so, Type: corev1.EventTypeWarning, Reason: "NotRewritten", Note: note, Once: true,
	}})
}
