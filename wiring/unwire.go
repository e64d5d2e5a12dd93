package wiring

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler/scale"
	"github.com/kedify/inference-gateway/wiring/foreign"
)

const (
	// unwirePoll is the time between two looks at what still leads to wired Services.
	unwirePoll = time.Second
	// pageSize of lists.
	pageSize = 500
)

// ErrLeft says that something of the product is left after unwiring.
var ErrLeft = errors.New("something is left")

// Unwiring makes everything as it was before the product wired it. It needs no other part of the product.
type Unwiring struct {
	// Client reads and writes without a cache.
	Client client.Client
	Scales scale.Scales
	Mapper meta.RESTMapper
	Clock  clock.Clock
	Log    logr.Logger
	// Out gets a line for each thing that was done, and for each that is left.
	Out io.Writer

	// Namespace limits the objects that are restored; empty: all.
	Namespace string
	// Stop is the Deployment of the wiring, which is scaled to zero first; the zero value: none.
	Stop types.NamespacedName
	// Follow is how long the controllers of restored objects have to follow, before wired Services are
	// deleted. Timeout is how long objects that still lead to wired Services are waited for.
	Follow, Timeout time.Duration

	patcher *patcher
}

// Run unwires. It returns ErrLeft when something is left, which Out then names.
func (u *Unwiring) Run(ctx context.Context) error {
	metrics, err := newMetrics(prometheus.NewRegistry())
	if err != nil {
		return err
	}
	u.patcher = newPatcher(u.Client, metrics)
	if err := u.stop(ctx); err != nil {
		return err
	}
	restored, err := u.restoreAll(ctx)
	if err != nil {
		return err
	}
	if err := u.forgetStatuses(ctx); err != nil {
		return err
	}
	if restored > 0 {
		u.say("Restored %d objects; waiting %s for their controllers", restored, u.Follow)
		if err := u.wait(ctx, u.Follow); err != nil {
			return err
		}
	}
	if err := u.releaseServices(ctx); err != nil {
		return err
	}
	return u.removeWired(ctx)
}

func (u *Unwiring) say(format string, values ...any) { fmt.Fprintf(u.Out, format+"\n", values...) }

func (u *Unwiring) wait(ctx context.Context, duration time.Duration) error {
	select {
	case <-u.Clock.After(duration):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stop scales the wiring to zero and waits for its Pods: it would wire again what is restored.
func (u *Unwiring) stop(ctx context.Context) error {
	if u.Stop.Name == "" {
		return nil
	}
	target := v1alpha1.HTTPScalerTarget{APIVersion: "apps/v1", Kind: "Deployment", Name: u.Stop.Name}
	for deadline := u.Clock.Now().Add(u.Timeout); ; {
		live, err := u.Scales.Get(ctx, u.Stop.Namespace, target)
		switch {
		case apierrors.IsNotFound(err):
			return nil
		case err != nil:
			return fmt.Errorf("stop Deployment %s: %w", u.Stop, err)
		case live.Spec.Replicas == 0 && live.Status.Replicas == 0:
			u.say("Stopped Deployment %s", u.Stop)
			return nil
		}
		if live.Spec.Replicas > 0 {
			live.Spec.Replicas = 0
			if err := u.Scales.Update(ctx, u.Stop.Namespace, target, live); err != nil && !apierrors.IsConflict(err) {
				return fmt.Errorf("stop Deployment %s: %w", u.Stop, err)
			}
		}
		if u.Clock.Now().After(deadline) {
			return fmt.Errorf("stop Deployment %s: %d of its Pods still run after %s", u.Stop, live.Status.Replicas, u.Timeout)
		}
		if err := u.wait(ctx, unwirePoll); err != nil {
			return err
		}
	}
}

// restoreAll restores every object and ends the ownership of its fields.
func (u *Unwiring) restoreAll(ctx context.Context) (restored int, err error) {
	none := func(types.NamespacedName) bool { return false }
	err = u.eachForeign(ctx, u.Namespace, func(object *unstructured.Unstructured) error {
		did, err := u.restore(ctx, object, none)
		if did {
			restored++
		}
		return err
	})
	return restored, err
}

// restore restores one object, reading it again when it changes meanwhile.
func (u *Unwiring) restore(ctx context.Context, object *unstructured.Unstructured, keep func(types.NamespacedName) bool) (bool, error) {
	for range disownAttempts {
		operations := foreign.Restore(object, keep)
		if len(operations) == 0 {
			return false, u.patcher.disown(ctx, object)
		}
		_, err := u.patcher.restore(ctx, object, operations)
		switch {
		case err == nil:
			u.say("Restored %s", describe(object))
			return true, nil
		case errors.Is(err, errRefused):
			u.Log.Error(err, "Failed to restore an object", "object", describe(object))
			return false, nil // it is found again, and named, when wired Services are to be deleted
		case !errors.Is(err, errChanged):
			return false, err
		}
		live := newForeign(object.GroupVersionKind())
		if err := u.Client.Get(ctx, client.ObjectKeyFromObject(object), live); err != nil {
			return false, client.IgnoreNotFound(err)
		}
		object = live
	}
	return false, nil
}

// eachForeign calls a function for every object of every kind that is served.
func (u *Unwiring) eachForeign(ctx context.Context, namespace string, do func(*unstructured.Unstructured) error) error {
	for _, kind := range foreign.Kinds() {
		_, err := u.Mapper.RESTMapping(kind.GVK.GroupKind(), kind.GVK.Version)
		if meta.IsNoMatchError(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("ask for %s: %w", kind.GVK, err)
		}
		if err := u.eachOf(ctx, kind.GVK, namespace, do); err != nil {
			return err
		}
	}
	return nil
}

func (u *Unwiring) eachOf(
	ctx context.Context, kind schema.GroupVersionKind, namespace string, do func(*unstructured.Unstructured) error,
) error {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
	for {
		err := u.Client.List(ctx, list, client.InNamespace(namespace), client.Limit(pageSize), client.Continue(list.GetContinue()))
		if err != nil {
			return fmt.Errorf("list %s: %w", kind, err)
		}
		for i := range list.Items {
			list.Items[i].SetGroupVersionKind(kind)
			if err := do(&list.Items[i]); err != nil {
				return err
			}
		}
		if list.GetContinue() == "" {
			return nil
		}
	}
}

// forgetStatuses withdraws what the wiring said of triggers: a reader would believe that
// requests pass the proxies.
func (u *Unwiring) forgetStatuses(ctx context.Context) error {
	scalers := &v1alpha1.HTTPScalerList{}
	err := u.Client.List(ctx, scalers, client.InNamespace(u.Namespace))
	if meta.IsNoMatchError(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list HTTPScalers: %w", err)
	}
	for i := range scalers.Items {
		err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
			err := withdrawStatus(ctx, u.Client, &scalers.Items[i])
			if apierrors.IsConflict(err) {
				if problem := u.Client.Get(ctx, client.ObjectKeyFromObject(&scalers.Items[i]), &scalers.Items[i]); problem != nil {
					return client.IgnoreNotFound(problem)
				}
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
