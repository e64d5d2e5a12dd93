package apply

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/controllers/compare"
)

var (
	// ErrForeign says that an object of the name belongs to another owner. It is left alone.
	ErrForeign = errors.New("an object of this name exists and belongs to another owner")
	// ErrPredecessor says that the object belongs to a deleted owner of the same name.
	ErrPredecessor = errors.New("the object of a deleted owner of the same name has to go first")
	// ErrTerminating says that the namespace is being deleted: it accepts no new objects, and
	// those that it has go with it. Neither a retry nor a log line helps.
	ErrTerminating = errors.New("the namespace is being deleted")
)

// Options of an Engine.
type Options struct {
	// Client writes, and reads past the cache.
	Client client.Client
	// Cache is read first. It may know fewer objects than the API server: before an object is
	// created, Client is asked whether there is one. Nil: Client alone is read.
	Cache client.Reader
	// FieldOwner of everything that is written.
	FieldOwner client.FieldOwner
	// Owner decides who owns a live object.
	Owner OwnerPolicy
	// DeletePredecessors: an object of a deleted owner is deleted, instead of left to the garbage
	// collector.
	DeletePredecessors bool
	// Lists say how lists are compared.
	Lists compare.Lists
	// Partial names, by kind, the top-level fields that are compared when the rest of the live
	// object is not known or of another owner. Objects of such a kind carry no hash.
	Partial map[string][]string
	Log     logr.Logger
}

// Engine applies objects.
type Engine struct{ options Options }

// New returns an Engine.
func New(options Options) *Engine { return &Engine{options} }

// BeforeUpdate is called before a live object is applied over; the live object may be modified.
type BeforeUpdate func(ctx context.Context, live client.Object) error

// Result of Ensure.
type Result struct {
	// Generation of the object.
	Generation int64
	// Written: the object was not as desired.
	Written bool
}

// Ensure applies an object unless it already is as desired. The hook may be nil.
func (e *Engine) Ensure(ctx context.Context, object client.Object, before BeforeUpdate) (Result, error) {
	desired, err := e.Configuration(object)
	if err != nil {
		return Result{}, err
	}
	live, err := e.Read(ctx, object)
	if err != nil {
		return Result{}, err
	}
	if live != nil {
		if err := e.checkOwner(ctx, live, object); err != nil {
			return Result{}, fmt.Errorf("%s: %w", e.describe(object), err)
		}
		same, err := e.asDesired(desired, live)
		if err != nil || same {
			return Result{Generation: live.GetGeneration()}, err
		}
		if before != nil {
			if err := before(ctx, live); err != nil {
				return Result{}, fmt.Errorf("%s: %w", e.describe(object), err)
			}
		}
	}
	return e.write(ctx, object, desired)
}

func (e *Engine) write(ctx context.Context, object client.Object, desired *unstructured.Unstructured) (Result, error) {
	e.options.Log.V(1).Info("Applying", "object", e.describe(object))
	err := e.options.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(desired), e.options.FieldOwner, client.ForceOwnership)
	switch {
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return Result{}, fmt.Errorf("apply %s: %w", e.describe(object), ErrTerminating)
	case err != nil:
		return Result{}, fmt.Errorf("apply %s: %w", e.describe(object), err)
	}
	return Result{Generation: desired.GetGeneration(), Written: true}, nil
}

// NamespaceGone reports whether a write was refused because the namespace of its object does not exist.
func NamespaceGone(err error) bool {
	var status apierrors.APIStatus
	if !apierrors.IsNotFound(err) || !errors.As(err, &status) {
		return false
	}
	details := status.Status().Details
	return details != nil && details.Kind == "namespaces"
}

// Read returns the live object of the same name, nil when there is none. The cache may be behind:
// its word that there is none is not taken.
func (e *Engine) Read(ctx context.Context, object client.Object) (client.Object, error) {
	readers := []client.Reader{e.options.Client}
	if e.options.Cache != nil {
		readers = []client.Reader{e.options.Cache, e.options.Client}
	}
	for _, reader := range readers {
		live := emptyOf(object)
		err := reader.Get(ctx, client.ObjectKeyFromObject(object), live)
		if err == nil {
			return live, nil
		}
		if !apierrors.IsNotFound(err) {
			return nil, fmt.Errorf("read %s: %w", e.describe(object), err)
		}
	}
	return nil, nil
}

// emptyOf returns an empty object of the same kind.
func emptyOf(object client.Object) client.Object {
	empty := reflect.New(reflect.TypeOf(object).Elem()).Interface().(client.Object)
	if _, ok := empty.(*unstructured.Unstructured); ok {
		empty.GetObjectKind().SetGroupVersionKind(object.GetObjectKind().GroupVersionKind())
	}
	return empty
}

// kindOf is the kind of an object, whether or not its TypeMeta is filled in.
func (e *Engine) kindOf(object client.Object) string {
	gvk, err := e.options.Client.GroupVersionKindFor(object)
	if err != nil {
		return reflect.TypeOf(object).Elem().Name()
	}
	return gvk.Kind
}

func (e *Engine) describe(object client.Object) string {
	return e.kindOf(object) + " " + client.ObjectKeyFromObject(object).String()
}
