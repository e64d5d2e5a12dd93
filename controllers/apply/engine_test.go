package apply

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/kedify/inference-gateway/controllers/compare"
)

// bench is an Engine on a fake API server that tells what is written.
type bench struct {
	*Engine
	t      *testing.T
	server client.WithWatch // past the engine's record
	writes []string
	fail   error // returned by the next applies
}

// newBench returns an engine whose cache has the cached objects, if any are given, and whose API
// server has all objects.
func newBench(t *testing.T, options Options, cached []client.Object, objects ...client.Object) *bench {
	t.Helper()
	b := &bench{t: t}
	b.server = fake.NewClientBuilder().WithReturnManagedFields().WithObjects(objects...).Build()
	options.Client = interceptor.NewClient(b.server, interceptor.Funcs{
		Apply: func(ctx context.Context, c client.WithWatch, object runtime.ApplyConfiguration, o ...client.ApplyOption) error {
			b.writes = append(b.writes, "apply "+object.(interface{ GetName() string }).GetName())
			if b.fail != nil {
				return b.fail
			}
			return c.Apply(ctx, object, o...)
		},
		Delete: func(ctx context.Context, c client.WithWatch, object client.Object, o ...client.DeleteOption) error {
			b.writes = append(b.writes, "delete "+object.GetName())
			return c.Delete(ctx, object, o...)
		},
	})
	if cached != nil {
		options.Cache = fake.NewClientBuilder().WithObjects(cached...).Build()
	}
	if options.Owner == nil {
		options.Owner = ByController
	}
	options.FieldOwner, options.Log = "test", logr.Discard()
	b.Engine = New(options)
	return b
}

func (b *bench) ensure(object client.Object) error {
	b.t.Helper()
	_, err := b.Ensure(b.t.Context(), object, nil)
	return err
}

func (b *bench) written(want ...string) {
	b.t.Helper()
	if !slices.Equal(b.writes, want) {
		b.t.Errorf("wrote %q, want %q", b.writes, want)
	}
	b.writes = nil
}

func (b *bench) get(name string) *corev1.ConfigMap {
	b.t.Helper()
	live := &corev1.ConfigMap{}
	if err := b.server.Get(b.t.Context(), client.ObjectKey{Namespace: "shop", Name: name}, live); err != nil {
		b.t.Fatal(err)
	}
	return live
}

// config is a ConfigMap of an owner.
func config(name string, owner types.UID, data map[string]string) *corev1.ConfigMap {
	object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}, Data: data}
	if owner != "" {
		object.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "Owner", Name: "owner", UID: owner, Controller: ptr.To(true)}}
	}
	return object
}

func TestEnsureWritesWhatDiffers(t *testing.T) {
	b := newBench(t, Options{Lists: compare.Lists{Merged: []string{"ownerReferences"}}}, nil)
	desired := config("a", "1", map[string]string{"x": "1", "y": "2"})
	desired.Annotations = map[string]string{"team": "shop"}
	result, err := b.Ensure(t.Context(), desired, nil)
	if err != nil || !result.Written {
		t.Fatalf("%+v, %v", result, err)
	}
	b.written("apply a")
	if live := b.get("a"); live.Annotations["team"] != "shop" || live.Annotations[compare.Annotation] == "" {
		t.Errorf("annotations %v", live.Annotations)
	}
	if result, err = b.Ensure(t.Context(), desired, nil); err != nil || result.Written {
		t.Errorf("%+v, %v", result, err)
	}
	b.written()

	edited := b.get("a")
	edited.Data["x"] = "another"
	edited.Data["z"] = "of another owner"
	if err := b.server.Update(t.Context(), edited); err != nil {
		t.Fatal(err)
	}
	if err := b.ensure(desired); err != nil {
		t.Fatal(err)
	}
	b.written("apply a")
	if live := b.get("a"); live.Data["x"] != "1" || live.Data["z"] == "" {
		t.Errorf("data %v", live.Data)
	}
	delete(desired.Data, "y") // a field that is not desired any more: the hash tells
	if err := b.ensure(desired); err != nil {
		t.Fatal(err)
	}
	b.written("apply a")
	if live := b.get("a"); live.Data["y"] != "" {
		t.Errorf("data %v", live.Data)
	}
}

func TestEnsurePartial(t *testing.T) {
	b := newBench(t, Options{Partial: map[string][]string{"ConfigMap": {"data"}}}, nil)
	desired := config("a", "1", map[string]string{"x": "1"})
	desired.Labels = map[string]string{"l": "1"}
	if err := b.ensure(desired); err != nil {
		t.Fatal(err)
	}
	b.written("apply a")
	if live := b.get("a"); live.Annotations[compare.Annotation] != "" {
		t.Error("a hash of a kind that is compared in part")
	}
	desired.Labels["l"] = "2"
	if err := b.ensure(desired); err != nil {
		t.Fatal(err)
	}
	b.written()
	desired.Data["x"] = "2"
	if err := b.ensure(desired); err != nil {
		t.Fatal(err)
	}
	b.written("apply a")
}

// The cache is believed that an object exists, and not that there is none.
func TestEnsureReadsCacheThenServer(t *testing.T) {
	b := newBench(t, Options{}, []client.Object{}, config("a", "", nil))
	if err := b.ensure(config("a", "1", nil)); !errors.Is(err, ErrForeign) {
		t.Errorf("an object that the cache does not have yet was taken over: %v", err)
	}
	b.written()
	b = newBench(t, Options{}, []client.Object{config("a", "2", nil)})
	if err := b.ensure(config("a", "1", nil)); !errors.Is(err, ErrPredecessor) {
		t.Errorf("the cache was not read: %v", err)
	}
}

func TestOwners(t *testing.T) {
	otherName := config("a", "2", nil)
	otherName.OwnerReferences[0].Name = "another"
	for name, tt := range map[string]struct {
		live    *corev1.ConfigMap
		deletes bool
		want    error
		writes  []string
	}{
		"own":                     {config("a", "1", map[string]string{"x": "0"}), false, nil, []string{"apply a"}},
		"without an owner":        {config("a", "", nil), true, ErrForeign, nil},
		"of another owner":        {otherName, true, ErrForeign, nil},
		"of a predecessor":        {config("a", "2", nil), false, ErrPredecessor, nil},
		"of a predecessor, to go": {config("a", "2", nil), true, ErrPredecessor, []string{"delete a"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, Options{DeletePredecessors: tt.deletes}, nil, tt.live)
			if err := b.ensure(config("a", "1", map[string]string{"x": "1"})); !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
			b.written(tt.writes...)
		})
	}
}

func TestByLabel(t *testing.T) {
	object := config("a", "", nil)
	policy := ByLabel("managed-by", "product")
	if policy(object, object) != Foreign {
		t.Error("without the label")
	}
	object.Labels = map[string]string{"managed-by": "product"}
	if policy(object, object) != Own {
		t.Error("with the label")
	}
}

func TestBeforeUpdate(t *testing.T) {
	b := newBench(t, Options{}, nil)
	calls := 0
	before := func(_ context.Context, live client.Object) error {
		if calls++; live.(*corev1.ConfigMap).Data["x"] != "1" {
			t.Errorf("live %v", live)
		}
		return nil
	}
	for i, data := range []string{"1", "1", "2"} { // created, at rest, updated
		if _, err := b.Ensure(t.Context(), config("a", "1", map[string]string{"x": data}), before); err != nil {
			t.Fatal(err)
		}
		if want := i / 2; calls != want {
			t.Errorf("step %d: %d calls, want %d", i, calls, want)
		}
	}
	refuse := errors.New("refused")
	b.writes = nil
	_, err := b.Ensure(t.Context(), config("a", "1", nil), func(context.Context, client.Object) error { return refuse })
	if !errors.Is(err, refuse) {
		t.Errorf("error %v", err)
	}
	b.written()
}

func TestTerminatingNamespace(t *testing.T) {
	b := newBench(t, Options{}, nil)
	refused := apierrors.NewForbidden(schema.GroupResource{Resource: "configmaps"}, "a", errors.New("terminating"))
	refused.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}
	b.fail = refused
	if err := b.ensure(config("a", "1", nil)); !errors.Is(err, ErrTerminating) {
		t.Errorf("error %v", err)
	}
	b.fail = apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "shop") // it was deleted
	if err := b.ensure(config("a", "1", nil)); !NamespaceGone(err) || errors.Is(err, ErrTerminating) {
		t.Errorf("error %v", err)
	}
	b.fail = apierrors.NewNotFound(schema.GroupResource{Resource: "configmaps"}, "a")
	if err := b.ensure(config("a", "1", nil)); !apierrors.IsNotFound(err) || NamespaceGone(err) {
		t.Errorf("error %v", err)
	}
	b.fail = apierrors.NewForbidden(schema.GroupResource{Resource: "configmaps"}, "a", errors.New("quota"))
	if err := b.ensure(config("a", "1", nil)); !apierrors.IsForbidden(err) || errors.Is(err, ErrTerminating) {
		t.Errorf("error %v", err)
	}
}

func TestPrune(t *testing.T) {
	leaving := config("leaving", "1", nil)
	leaving.Finalizers, leaving.DeletionTimestamp = []string{"example.com/x"}, ptr.To(metav1.Now())
	elsewhere := config("elsewhere", "1", nil)
	elsewhere.Namespace = "other"
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "keep"}}
	b := newBench(t, Options{}, nil, config("keep", "1", nil), config("go", "1", nil), config("foreign", "", nil), leaving, elsewhere, secret)
	kinds := []Pruned{
		{List: &corev1.SecretList{}, Select: func(client.Object) bool { return true }},
		{List: &corev1.ConfigMapList{}, Select: func(object client.Object) bool { return metav1.GetControllerOf(object) != nil }},
	}
	desired := []client.Object{config("keep", "1", nil)} // a Secret of that name is another object
	if err := b.Prune(t.Context(), kinds, desired, client.InNamespace("shop")); err != nil {
		t.Fatal(err)
	}
	b.written("delete keep", "delete go")
	if err := b.Prune(t.Context(), kinds, desired, client.InNamespace("shop")); err != nil {
		t.Fatal(err)
	}
	b.written()
}
