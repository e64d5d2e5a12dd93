package plane_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache/informertest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers"
	"github.com/kedify/inference-gateway/controllers/status"
	"github.com/kedify/inference-gateway/controllers/store"
)

// apiServer is the fake client of controller-runtime, with the two things of an API server that it
// lacks and the product relies on: UIDs and generations.
type apiServer struct {
	t      *testing.T
	scheme *runtime.Scheme
	client client.WithWatch
	uids   sync.Map
	// unlisted are kinds, such as "TLSRoute", that are served and cannot be listed.
	unlisted sync.Map
}

func newAPIServer(t *testing.T) *apiServer {
	t.Helper()
	a := &apiServer{t: t, scheme: controllers.NewScheme()}
	builder := fake.NewClientBuilder().WithScheme(a.scheme).WithReturnManagedFields().WithStatusSubresource(&corev1.Service{})
	for _, row := range store.Rows {
		if object := row.New(); status.Has(row.Kind) || row.Kind == store.HTTPScaler {
			builder.WithStatusSubresource(object)
		}
	}
	a.client = interceptor.NewClient(builder.Build(), interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.CreateOption) error {
			object.SetUID(a.uid(object))
			object.SetGeneration(1)
			return c.Create(ctx, object, options...)
		},
		Update: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.UpdateOption) error {
			if before := a.read(ctx, c, object); before != nil {
				object.SetUID(before.GetUID())
				object.SetGeneration(before.GetGeneration())
				if !reflect.DeepEqual(a.content(before), a.content(object)) {
					object.SetGeneration(before.GetGeneration() + 1)
				}
			}
			return c.Update(ctx, object, options...)
		},
		Apply: func(ctx context.Context, c client.WithWatch, applied runtime.ApplyConfiguration, options ...client.ApplyOption) error {
			name := applied.(interface {
				client.Object
				runtime.Unstructured
			})
			before := a.read(ctx, c, name)
			if err := c.Apply(ctx, applied, options...); err != nil {
				return err
			}
			return a.stamp(ctx, c, name, before)
		},
	})
	return a
}

// read returns the object as it is, nil when there is none.
func (a *apiServer) read(ctx context.Context, c client.Client, object client.Object) client.Object {
	gvk, err := apiutil.GVKForObject(object, a.scheme)
	if err != nil {
		a.t.Error(err)
		return nil
	}
	typed, err := a.scheme.New(gvk)
	if err != nil {
		a.t.Error(err)
		return nil
	}
	live := typed.(client.Object)
	if err := c.Get(ctx, client.ObjectKeyFromObject(object), live); err != nil {
		return nil
	}
	return live
}

// stamp gives an object that was applied its UID and generation.
func (a *apiServer) stamp(ctx context.Context, c client.Client, object, before client.Object) error {
	for {
		after := a.read(ctx, c, object)
		switch {
		case after == nil:
			return nil
		case before == nil:
			after.SetUID(a.uid(after))
			after.SetGeneration(1)
		case reflect.DeepEqual(a.content(before), a.content(after)):
			return nil
		default:
			after.SetGeneration(before.GetGeneration() + 1)
		}
		err := c.Update(ctx, after)
		if !apierrors.IsConflict(err) {
			object.SetGeneration(after.GetGeneration())
			object.SetUID(after.GetUID())
			return client.IgnoreNotFound(err)
		}
	}
}

func (a *apiServer) uid(object client.Object) types.UID {
	count, _ := a.uids.LoadOrStore(client.ObjectKeyFromObject(object), new(int))
	return types.UID(fmt.Sprintf("%T/%s/%s/%p", object, object.GetNamespace(), object.GetName(), count))
}

// content is what a generation counts the changes of.
func (a *apiServer) content(object client.Object) map[string]any {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		a.t.Error(err)
	}
	for _, field := range []string{"metadata", "status", "apiVersion", "kind"} {
		delete(fields, field)
	}
	return fields
}

// mapper knows every kind of the scheme, and CustomResourceDefinitions.
type mapper struct {
	meta.RESTMapper
	scheme *runtime.Scheme
}

func (m mapper) RESTMapping(kind schema.GroupKind, versions ...string) (*meta.RESTMapping, error) {
	for _, version := range versions {
		if m.scheme.Recognizes(kind.WithVersion(version)) || kind.Kind == "CustomResourceDefinition" {
			return &meta.RESTMapping{}, nil
		}
	}
	return nil, &meta.NoKindMatchError{GroupKind: kind, SearchedVersions: versions}
}

// informers is a cache whose reads go to the API server and whose informers watch it.
type informers struct {
	informertest.FakeInformers
	client.Reader
	ctx     context.Context
	api     *apiServer
	running *sync.WaitGroup

	mu   sync.Mutex
	made map[schema.GroupVersionKind]toolscache.SharedIndexInformer
}

func (a *apiServer) informers(ctx context.Context, running *sync.WaitGroup) *informers {
	return &informers{
		FakeInformers: informertest.FakeInformers{Scheme: a.scheme}, Reader: a.client, ctx: ctx, api: a, running: running,
		made: map[schema.GroupVersionKind]toolscache.SharedIndexInformer{},
	}
}

func (i *informers) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	return i.Reader.Get(ctx, key, object, options...)
}

func (i *informers) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	return i.Reader.List(ctx, list, options...)
}

func (i *informers) GetInformer(ctx context.Context, object client.Object, _ ...cache.InformerGetOption) (cache.Informer, error) {
	gvk, err := apiutil.GVKForObject(object, i.api.scheme)
	if err != nil {
		return nil, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if made, ok := i.made[gvk]; ok {
		return made, nil
	}
	source := &listWatch{ctx: i.ctx, api: i.api, gvk: gvk}
	made := toolscache.NewSharedIndexInformer(source, object, 0, toolscache.Indexers{})
	i.made[gvk] = made
	i.running.Go(func() { made.RunWithContext(i.ctx) })
	return made, nil
}

// listWatch watches before it lists: the fake API server has no history, and what is written
// between a list and a watch would be lost.
type listWatch struct {
	ctx     context.Context
	api     *apiServer
	gvk     schema.GroupVersionKind
	watcher watch.Interface
}

// IsWatchListSemanticsUnSupported has a reflector list.
func (l *listWatch) IsWatchListSemanticsUnSupported() bool { return true }

func (l *listWatch) list() (client.ObjectList, error) {
	gvk := l.gvk.GroupVersion().WithKind(l.gvk.Kind + "List")
	if !l.api.scheme.Recognizes(gvk) { // a CustomResourceDefinition: there are none
		list := &metav1.PartialObjectMetadataList{}
		list.SetGroupVersionKind(gvk)
		return list, nil
	}
	list, err := l.api.scheme.New(gvk)
	if err != nil {
		return nil, err
	}
	return list.(client.ObjectList), nil
}

func (l *listWatch) List(metav1.ListOptions) (runtime.Object, error) {
	list, err := l.list()
	if err != nil {
		return nil, err
	}
	if _, none := list.(*metav1.PartialObjectMetadataList); none {
		l.watcher = watch.NewFake()
		return list, nil
	}
	if _, refused := l.api.unlisted.Load(l.gvk.Kind); refused {
		return nil, errors.New("the conversion webhook is away")
	}
	if l.watcher, err = l.api.client.Watch(l.ctx, list); err != nil {
		return nil, err
	}
	return list, l.api.client.List(l.ctx, list)
}

func (l *listWatch) Watch(metav1.ListOptions) (watch.Interface, error) { return l.watcher, nil }

// owned is infra.Live on the API server. Nothing changes the objects of a data plane here but the
// product, so it reports no changes.
type owned struct{ client.Reader }

func (owned) Watch(context.Context, func(types.NamespacedName)) error { return nil }

// scales is rescue.Scales: every target has one replica, so that no workload has to be rescued.
type scales struct{}

func (scales) Get(context.Context, string, v1alpha1.HTTPScalerTarget) (*autoscalingv1.Scale, error) {
	return &autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: 1}}, nil
}

func (scales) Update(context.Context, string, v1alpha1.HTTPScalerTarget, *autoscalingv1.Scale) error {
	return nil
}
