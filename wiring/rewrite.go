package wiring

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/wiring/foreign"
)

const (
	// fieldOwner of everything that is written here.
	fieldOwner = client.FieldOwner("kedify-gateway-wiring")
	// patches of foreign objects that are under way at once.
	patches = 8
	// disownAttempts bounds how often the removal of a field owner is tried on an object that changes.
	disownAttempts = 5
)

var (
	// errChanged says that an object is not what a patch was made for. It is read again.
	errChanged = errors.New("the object changed meanwhile")
	// errOwned says that the product is still a field owner of an object that is restored.
	errOwned = errors.New("the object is restored, and the product still a field owner of it")
	// errRefused says that the API server does not take a change of an object.
	errRefused = errors.New("the API server refuses the change")
)

// patcher writes foreign objects.
type patcher struct {
	client  client.Client
	metrics *metrics
	slots   chan struct{}
}

func newPatcher(writer client.Client, metrics *metrics) *patcher {
	return &patcher{client: writer, metrics: metrics, slots: make(chan struct{}, patches)}
}

// rewrite has an object lead to wired Services, and returns it; nil: it is gone.
func (p *patcher) rewrite(
	ctx context.Context, object *unstructured.Unstructured, operations []foreign.Operation,
) (*unstructured.Unstructured, error) {
	after, err := p.patch(ctx, object, operations)
	return after, p.count(err, resultRewritten)
}

// restore has an object lead where it led, and then takes the product out of its field owners: an owner
// of a list that it does not apply keeps others from applying it (409).
func (p *patcher) restore(
	ctx context.Context, object *unstructured.Unstructured, operations []foreign.Operation,
) (*unstructured.Unstructured, error) {
	after, err := p.patch(ctx, object, operations)
	if err := p.count(err, resultRestored); err != nil || after == nil {
		return nil, err
	}
	if err := p.disown(ctx, after); err != nil {
		return after, fmt.Errorf("%w: %w", errOwned, err)
	}
	return after, nil
}

// disown takes the product out of the field owners of an object, which may be older than the live one.
func (p *patcher) disown(ctx context.Context, object *unstructured.Unstructured) error {
	var err error
	for range disownAttempts {
		operations := foreign.Disown(object, string(fieldOwner))
		if len(operations) == 0 {
			return nil
		}
		if _, err = p.patch(ctx, object, operations); !errors.Is(err, errChanged) {
			return p.count(err, resultDisowned)
		}
		live := newForeign(object.GroupVersionKind())
		if err := p.client.Get(ctx, client.ObjectKeyFromObject(object), live); err != nil {
			return client.IgnoreNotFound(err)
		}
		object = live
	}
	return p.count(err, resultDisowned)
}

// patch returns the object as the patch left it; nil: the object is gone.
func (p *patcher) patch(
	ctx context.Context, object *unstructured.Unstructured, operations []foreign.Operation,
) (*unstructured.Unstructured, error) {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	text, err := json.Marshal(operations)
	if err != nil {
		return nil, fmt.Errorf("marshal the patch of %s: %w", describe(object), err)
	}
	after := newForeign(object.GroupVersionKind())
	after.SetNamespace(object.GetNamespace())
	after.SetName(object.GetName())
	err = p.client.Patch(ctx, after, client.RawPatch(types.JSONPatchType, text), fieldOwner)
	switch {
	case err == nil:
		return after, nil
	case apierrors.IsNotFound(err):
		return nil, nil
	case apierrors.IsConflict(err) || testFailed(err):
		return nil, fmt.Errorf("patch %s: %w: %w", describe(object), errChanged, err)
	case refusal(err) != "":
		return nil, fmt.Errorf("patch %s: %w: %w", describe(object), errRefused, err)
	}
	return nil, fmt.Errorf("patch %s: %w", describe(object), err)
}

// testFailed reports whether a test of a JSON patch failed, or a path of it does not exist. The API server answers
// 422 then as it does for an object that is not valid, but does not name the object.
func testFailed(err error) bool {
	var status apierrors.APIStatus
	return apierrors.IsInvalid(err) && errors.As(err, &status) &&
		(status.Status().Details == nil || status.Status().Details.Kind == "")
}

func (p *patcher) count(err error, success string) error {
	result := success
	switch {
	case errors.Is(err, errChanged):
		result = resultConflict
	case errors.Is(err, errRefused):
		result = resultRefused
	case err != nil:
		result = resultError
	}
	p.metrics.rewrites.WithLabelValues(result).Inc()
	return err
}

// describe names an object as conditions and HTTPScaler.status do.
func describe(object client.Object) string {
	return object.GetObjectKind().GroupVersionKind().Kind + " " + client.ObjectKeyFromObject(object).String()
}
