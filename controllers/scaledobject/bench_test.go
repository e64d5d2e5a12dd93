package scaledobject

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	"go.uber.org/goleak"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	k8sevents "k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/cache/informertest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/apitest"
	"github.com/kedify/inference-gateway/controllers/attachments"
	"github.com/kedify/inference-gateway/controllers/events"
	"github.com/kedify/inference-gateway/controllers/watch"
	"github.com/kedify/inference-gateway/wiring/foreign"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var epoch = time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)

// bench is a Controller on a fake API server that counts what is written.
type bench struct {
	t          *testing.T
	client     client.Client
	cache      *fakeCache
	clock      *clocktesting.FakeClock
	controller *Controller
	watcher    *watch.Watcher
	mapper     *fakeMapper
	// attachments are synced from the start.
	attachments *attachments.Index

	mu     sync.Mutex
	writes []string // "apply HTTPRoute web-0", "delete Gateway kedify-proxy", "status web-0", "patch web"
	fail   map[string]error
	read   error
	events *k8sevents.FakeRecorder
	// requested are the HTTPScalers whose requests came through a proxy.
	requested sync.Map
	// rewrite is what admission does with a patched ScaledObject.
	rewrite func(*kedav1alpha1.ScaledObject)
}

// fakeCache reads the fake API server and has informers that the test speaks for.
type fakeCache struct {
	informertest.FakeInformers
	client.Reader
	b *bench
}

func (c *fakeCache) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	if err := c.b.failing(); err != nil {
		return err
	}
	return c.Reader.Get(ctx, key, object, options...)
}

func (c *fakeCache) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	if err := c.b.failing(); err != nil {
		return err
	}
	return c.Reader.List(ctx, list, options...)
}

func (b *bench) failing() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.read
}

// fakeMapper knows all kinds but the missing ones.
type fakeMapper struct {
	meta.RESTMapper
	mu      sync.Mutex
	missing map[string]bool
	err     error
	refused int // how often err was the answer
}

func (m *fakeMapper) RESTMapping(kind schema.GroupKind, _ ...string) (*meta.RESTMapping, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		m.refused++
		return nil, m.err
	}
	if m.missing[kind.Kind] {
		return nil, &meta.NoKindMatchError{GroupKind: kind}
	}
	return &meta.RESTMapping{}, nil
}

func newScheme(t *testing.T) *runtime.Scheme {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		clientgoscheme.AddToScheme, gwv1.Install, inferencev1.Install, v1alpha1.AddToScheme, kedav1alpha1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	scheme.AddKnownTypeWithName(watch.NewCRD().GroupVersionKind(), watch.NewCRD())
	return scheme
}

func newBench(t *testing.T, objects ...client.Object) *bench {
	t.Helper()
	b := &bench{t: t, events: k8sevents.NewFakeRecorder(100), clock: clocktesting.NewFakeClock(epoch), fail: map[string]error{},
		mapper: &fakeMapper{missing: map[string]bool{}}}
	b.attachments = attachments.New()
	b.attachments.SetSynced()
	scheme := newScheme(t)
	inner := fake.NewClientBuilder().WithScheme(scheme).WithReturnManagedFields().WithTypeConverters(apitest.Converters(t)...).
		WithStatusSubresource(&v1alpha1.HTTPScaler{}).WithObjects(objects...).Build()
	b.client = interceptor.NewClient(inner, b.interceptors())
	b.cache = &fakeCache{FakeInformers: informertest.FakeInformers{Scheme: scheme}, Reader: inner, b: b}
	b.watcher = watch.New(watch.Options{Informers: b.cache, Mapper: b.mapper, Scheme: scheme, Clock: b.clock, Log: logr.Discard()})
	b.controller = New(Options{
		Cache: b.cache, Watcher: b.watcher, Attachments: b.attachments, Client: b.client, Events: events.NewWriter(b.events, b.cache),
		Clock: b.clock, Log: logr.Discard(),
		ScalerAddress: "kedify-gateway.kedify-system.svc.cluster.local:9090", Namespace: "kedify-system",
		Requested: func(key types.NamespacedName) bool { _, came := b.requested.Load(key); return came },
	})
	b.controller.foreignKnown.Store(true)
	for _, input := range inputs {
		_, untyped := input.new().(*unstructured.Unstructured) // of a CRD that not every cluster has, but for the Ingress
		b.controller.kinds.set(input.name, !untyped || input.name == foreign.Ingress.Kind)
	}
	t.Cleanup(func() {
		b.controller.queue.ShutDown()
		b.controller.backfill.queue.ShutDown()
	})
	return b
}

type named interface {
	GetKind() string
	GetNamespace() string
	GetName() string
}

// identify gives an object the UID that the fake API server does not.
func identify(ctx context.Context, c client.Client, object named) error {
	gateway := &gwv1.Gateway{}
	if err := c.Get(ctx, client.ObjectKey{Namespace: object.GetNamespace(), Name: object.GetName()}, gateway); err != nil {
		return err
	}
	gateway.UID = "uid-of-the-gateway"
	return c.Update(ctx, gateway)
}

func (b *bench) interceptors() interceptor.Funcs {
	return interceptor.Funcs{
		Apply: func(ctx context.Context, c client.WithWatch, object runtime.ApplyConfiguration, options ...client.ApplyOption) error {
			if err := b.record("apply " + object.(named).GetKind() + " " + object.(named).GetName()); err != nil {
				return err
			}
			if err := c.Apply(ctx, object, options...); err != nil || object.(named).GetKind() != "Gateway" {
				return err
			}
			return identify(ctx, c, object.(named))
		},
		Delete: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.DeleteOption) error {
			if err := b.record("delete " + kindOf(c.Scheme(), object) + " " + object.GetName()); err != nil {
				return err
			}
			return c.Delete(ctx, object, options...)
		},
		Patch: func(ctx context.Context, c client.WithWatch, object client.Object, patch client.Patch, options ...client.PatchOption) error {
			if err := b.record("patch " + object.GetName()); err != nil {
				return err
			}
			so := object.(*kedav1alpha1.ScaledObject)
			if b.rewrite != nil {
				b.rewrite(so)
				return c.Update(ctx, so)
			}
			return c.Patch(ctx, object, patch, options...)
		},
		SubResourceApply: func(ctx context.Context, c client.Client, sub string, object runtime.ApplyConfiguration,
			options ...client.SubResourceApplyOption) error {
			if err := b.record(sub + " " + object.(named).GetName()); err != nil {
				return err
			}
			return c.SubResource(sub).Apply(ctx, object, options...)
		},
	}
}

func kindOf(scheme *runtime.Scheme, object client.Object) string {
	kinds, _, err := scheme.ObjectKinds(object)
	if err != nil {
		return err.Error()
	}
	return kinds[0].Kind
}

func (b *bench) record(write string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.writes = append(b.writes, write)
	return b.fail[write]
}

// written returns the writes since the last call.
func (b *bench) written() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	writes := b.writes
	b.writes = nil
	return writes
}

// heard returns the events since the last call: "Normal Accepted trigger 0: ...".
func (b *bench) heard() (heard []string) {
	for len(b.events.Events) > 0 {
		heard = append(heard, <-b.events.Events)
	}
	return heard
}

// reconcile looks at the namespace until nothing is written any more.
func (b *bench) reconcile() {
	b.t.Helper()
	for range 5 {
		before := len(b.peek())
		if err := b.controller.reconcile(context.Background(), "shop"); err != nil {
			b.t.Fatal(err)
		}
		if len(b.peek()) == before {
			return
		}
	}
	b.t.Fatalf("writes do not end: %q", b.written())
}

func (b *bench) peek() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.writes)
}

func (b *bench) exists(object client.Object, name string) bool {
	b.t.Helper()
	return b.client.Get(context.Background(), client.ObjectKey{Namespace: "shop", Name: name}, object) == nil
}

func (b *bench) update(object client.Object) {
	b.t.Helper()
	if err := b.client.Update(context.Background(), object); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) create(object client.Object) {
	b.t.Helper()
	if err := b.client.Create(context.Background(), object); err != nil {
		b.t.Fatal(err)
	}
}

// scaledObject is one with a trigger for a host.
func scaledObject(name, host string) *kedav1alpha1.ScaledObject {
	return &kedav1alpha1.ScaledObject{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID("uid-of-" + name), CreationTimestamp: metav1.NewTime(epoch)},
		Spec: kedav1alpha1.ScaledObjectSpec{
			ScaleTargetRef:  &kedav1alpha1.ScaleTarget{Name: name},
			MinReplicaCount: ptr.To(int32(0)),
			Triggers: []kedav1alpha1.ScaleTriggers{{Type: "external-push", Metadata: map[string]string{
				"originalType": "kedify-http", "scalerAddress": "kedify-gateway.kedify-system.svc.cluster.local:9090",
				"hosts": host, "service": "web", "port": "80", "scalingMetric": "requestRate", "trafficAutowire": "false",
			}}},
		},
	}
}

func webService() *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"},
		Spec:       corev1.ServiceSpec{Selector: map[string]string{"app": "web"}, Ports: []corev1.ServicePort{{Port: 80}}},
	}
}
