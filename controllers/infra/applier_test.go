package infra

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/go-logr/logr"
	"go.uber.org/goleak"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/apply"
	"github.com/kedify/inference-gateway/controllers/certs"
)

// leaks are goroutines of others that may outlive the tests.
var leaks []goleak.Option

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, leaks...) }

var epoch = time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)

// bench is an Applier on a fake API server that counts what is written.
type bench struct {
	t       *testing.T
	client  client.Client
	clock   *clocktesting.FakeClock
	keeper  *certs.Keeper
	applier *Applier

	mu      sync.Mutex
	writes  []string // "apply Deployment", "delete HorizontalPodAutoscaler"
	fail    error    // returned by the next writes
	refuse  func(name string) error
	results chan Result
}

// fakeLive reads the fake API server; nothing changes there that the test did not change.
type fakeLive struct{ client.Reader }

func (fakeLive) Watch(context.Context, func(types.NamespacedName)) error { return nil }

func newBench(t *testing.T, objects ...client.Object) *bench {
	t.Helper()
	b := &bench{t: t, clock: clocktesting.NewFakeClock(epoch), results: make(chan Result, 100)}
	inner := fake.NewClientBuilder().WithReturnManagedFields().WithObjects(objects...).Build()
	b.client = interceptor.NewClient(inner, interceptor.Funcs{
		Apply: func(ctx context.Context, c client.WithWatch, object runtime.ApplyConfiguration, options ...client.ApplyOption) error {
			named := object.(interface {
				GetKind() string
				GetName() string
			})
			if err := b.record("apply " + named.GetKind()); err != nil {
				return err
			}
			if b.refuse != nil {
				if err := b.refuse(named.GetName()); err != nil {
					return err
				}
			}
			return c.Apply(ctx, object, options...)
		},
		Patch: func(ctx context.Context, c client.WithWatch, object client.Object, patch client.Patch, options ...client.PatchOption) error {
			if err := b.record("patch " + kindOf(object)); err != nil {
				return err
			}
			return c.Patch(ctx, object, patch, options...)
		},
		Delete: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.DeleteOption) error {
			if err := b.record("delete " + kindOf(object)); err != nil {
				return err
			}
			return c.Delete(ctx, object, options...)
		},
	})
	b.keeper = certs.NewKeeper(certs.Options{
		Client: inner, Namespace: "kedify-system", Name: certs.SecretName, Clock: b.clock, Log: logr.Discard(),
	})
	if err := b.keeper.Load(context.Background()); err != nil {
		t.Fatal(err)
	}
	b.applier = NewApplier(Options{
		Config: testConfig, Client: b.client, Live: fakeLive{b.client}, Certificates: b.keeper,
		Identity: func(gateway types.NamespacedName, _ types.UID) string {
			return "spiffe://kedify-gateway/ns/" + gateway.Namespace + "/gateway/" + gateway.Name
		},
		Clock: b.clock, Log: logr.Discard(), Report: func(result Result) { b.results <- result },
	})
	t.Cleanup(b.applier.queue.ShutDown)
	return b
}

func kindOf(object client.Object) string { return reflect.TypeOf(object).Elem().Name() }

func (b *bench) record(write string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.writes = append(b.writes, write)
	return b.fail
}

// written returns the writes since the last call.
func (b *bench) written() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	writes := b.writes
	b.writes = nil
	return writes
}

func (b *bench) apply(spec Spec) error {
	b.t.Helper()
	_, err := b.applier.apply(context.Background(), spec)
	return err
}

func (b *bench) mustApply(spec Spec) []string {
	b.t.Helper()
	if err := b.apply(spec); err != nil {
		b.t.Fatal(err)
	}
	return b.written()
}

func get[T client.Object](b *bench, object T) T {
	b.t.Helper()
	key := client.ObjectKey{Namespace: "shop", Name: "web-kedify"}
	if err := b.client.Get(context.Background(), key, object); err != nil {
		b.t.Fatal(err)
	}
	return object
}

func TestApplyWritesOnlyWhatDiffers(t *testing.T) {
	b := newBench(t)
	spec := plainSpec()
	if got := b.mustApply(spec); len(got) != 5 {
		t.Errorf("first: %v", got)
	}
	for range 3 {
		if got := b.mustApply(spec); len(got) != 0 {
			t.Fatalf("writes at rest: %v", got)
		}
	}
	tests := map[string]struct {
		drift func(*testing.T)
		want  string
	}{
		"a value that we set was changed": {func(*testing.T) {
			service := get(b, &corev1.Service{})
			service.Spec.Ports[0].TargetPort = intstr.FromInt32(81)
			update(b, service)
		}, "apply Service"},
		"a port of the product was renumbered": {func(*testing.T) {
			service := get(b, &corev1.Service{})
			service.Spec.Ports[0].Port = 81
			update(b, service)
		}, "patch Service, apply Service"},
		"a port was added": {func(*testing.T) {
			service := get(b, &corev1.Service{})
			service.Spec.Ports = append(service.Spec.Ports, corev1.ServicePort{Name: "extra", Port: 99, Protocol: corev1.ProtocolTCP})
			update(b, service)
		}, "patch Service, apply Service"},
		"a label of the product was removed from pods": {func(*testing.T) {
			deployment := get(b, &appsv1.Deployment{})
			delete(deployment.Spec.Template.Labels, labelClass)
			update(b, deployment)
		}, "apply Deployment"},
		"an object was deleted": {func(t *testing.T) {
			if err := b.client.Delete(context.Background(), get(b, &corev1.ConfigMap{})); err != nil {
				t.Fatal(err)
			}
		}, "apply ConfigMap"},
		"a value that others own was changed": {func(*testing.T) {
			deployment := get(b, &appsv1.Deployment{})
			deployment.Spec.Replicas = ptr.To(int32(7))
			deployment.Status.ReadyReplicas = 7
			deployment.Annotations["kubectl.kubernetes.io/restartedAt"] = "now"
			update(b, deployment)
		}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.drift(t)
			b.written()
			got := b.mustApply(spec)
			if strings.Join(got, ", ") != test.want {
				t.Errorf("wrote %v, want %q", got, test.want)
			}
			if got := b.mustApply(spec); len(got) != 0 {
				t.Errorf("not at rest after it: %v", got)
			}
			if ports := get(b, &corev1.Service{}).Spec.Ports; len(ports) != 1 || ports[0].Port != 80 {
				t.Errorf("ports %v", ports)
			}
		})
	}
}

func update(b *bench, object client.Object) {
	b.t.Helper()
	if err := b.client.Update(context.Background(), object); err != nil {
		b.t.Fatal(err)
	}
}

// What is no longer wished for goes: labels, ports, the budget and the autoscaler.
func TestApplyPrunes(t *testing.T) {
	b := newBench(t)
	spec := plainSpec()
	spec.Infrastructure.Labels = map[string]string{"team": "web"}
	spec.Infrastructure.Ports = append(spec.Infrastructure.Ports, spec.Infrastructure.Ports[0])
	spec.Infrastructure.Ports[1].Port = 8080
	spec.Infrastructure.Parameters.Autoscaling = &v1alpha1.Autoscaling{MinReplicas: ptr.To(int32(2)), MaxReplicas: 4}
	b.mustApply(spec)
	get(b, &autoscalingv2.HorizontalPodAutoscaler{})
	get(b, &policyv1.PodDisruptionBudget{})

	b.mustApply(plainSpec())
	service := get(b, &corev1.Service{})
	if _, ok := service.Labels["team"]; ok || len(service.Spec.Ports) != 1 {
		t.Errorf("leftovers: %v %v", service.Labels, service.Spec.Ports)
	}
	for _, object := range []client.Object{&autoscalingv2.HorizontalPodAutoscaler{}, &policyv1.PodDisruptionBudget{}} {
		err := b.client.Get(context.Background(), client.ObjectKey{Namespace: "shop", Name: "web-kedify"}, object)
		if client.IgnoreNotFound(err) != nil || err == nil {
			t.Errorf("%s is still there (%v)", kindOf(object), err)
		}
	}
}

// The Service stays while no listener serves: with it would go its address.
func TestServiceOutlivesItsPorts(t *testing.T) {
	b := newBench(t)
	b.mustApply(plainSpec())
	spec := plainSpec()
	spec.Infrastructure.Ports = nil
	b.mustApply(spec)
	get(b, &corev1.Service{})
}

// services are the names of the Services of a namespace, with their types.
func (b *bench) services() (found []string) {
	b.t.Helper()
	list := &corev1.ServiceList{}
	if err := b.client.List(context.Background(), list, client.InNamespace("shop")); err != nil {
		b.t.Fatal(err)
	}
	for _, service := range list.Items {
		found = append(found, service.Name+" "+string(service.Spec.Type))
	}
	return found
}

// A Gateway has the Services that its addresses ask for, and no others of the product: a load balancer goes when all addresses
// are for the inside of the cluster, also while no listener serves. The Service of a generated Gateway stays.
func TestServicesFollowAddresses(t *testing.T) {
	generated := &corev1.Service{ObjectMeta: metav1.ObjectMeta{
		Namespace: "shop", Name: "kedify-proxy", Labels: OwnedLabels(), OwnerReferences: []metav1.OwnerReference{owner(plainSpec())},
	}}
	b := newBench(t, generated)
	for _, step := range []struct {
		name      string
		addresses []gwv1.GatewaySpecAddress
		ports     bool
		want      []string
	}{
		{"none", nil, true, []string{"web-kedify LoadBalancer"}},
		{"inside as well", []gwv1.GatewaySpecAddress{{}, {Routability: "Cluster"}}, true,
			[]string{"web-kedify LoadBalancer", "web-kedify-cluster ClusterIP"}},
		{"inside alone, while no listener serves", []gwv1.GatewaySpecAddress{{Routability: "Cluster"}}, false,
			[]string{"web-kedify-cluster ClusterIP"}},
		{"another cluster IP", []gwv1.GatewaySpecAddress{{Value: "10.96.0.50", Routability: "Cluster"}}, true,
			[]string{"web-kedify-cluster-10-96-0-50 ClusterIP"}},
		{"what nothing can satisfy", []gwv1.GatewaySpecAddress{{Routability: "example.com/vpc"}}, true, nil},
		{"none again", nil, true, []string{"web-kedify LoadBalancer"}},
	} {
		spec := plainSpec()
		spec.Addresses = step.addresses
		if !step.ports {
			spec.Infrastructure.Ports = nil
		}
		b.mustApply(spec)
		if got := b.services(); !slices.Equal(got, append([]string{"kedify-proxy "}, step.want...)) {
			t.Errorf("%s: %q, want %q", step.name, got, step.want)
		}
	}
}

// A cluster IP that the API server refuses keeps nothing else of a data plane from being made, and is tried again.
func TestRefusedClusterIP(t *testing.T) {
	b := newBench(t)
	refused := errors.New("the provided IP is not in the valid range")
	b.refuse = func(name string) error {
		if name == "web-kedify-cluster-10-99-0-9" {
			return refused
		}
		return nil
	}
	spec := plainSpec()
	spec.Addresses = []gwv1.GatewaySpecAddress{{Value: "10.99.0.9", Routability: "Cluster"}, {Routability: "Cluster"}, {}}
	err := b.apply(spec)
	var addresses *AddressError
	if !errors.As(err, &addresses) || !errors.Is(err, refused) {
		t.Errorf("got %v, want an AddressError", err)
	}
	get(b, &appsv1.Deployment{})
	if got := b.services(); !slices.Equal(got, []string{"web-kedify LoadBalancer", "web-kedify-cluster ClusterIP"}) {
		t.Errorf("Services %q", got)
	}
	b.refuse = nil
	b.mustApply(spec)
	if got := b.services(); !slices.Contains(got, "web-kedify-cluster-10-99-0-9 ClusterIP") {
		t.Errorf("Services %q", got)
	}
}

func TestForeignObjectsAreLeftAlone(t *testing.T) {
	foreign := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-kedify"},
		Spec:       corev1.ServiceSpec{ClusterIP: "10.0.0.1"},
	}
	b := newBench(t, foreign)
	if err := b.apply(plainSpec()); !errors.Is(err, apply.ErrForeign) {
		t.Errorf("got %v, want ErrForeign", err)
	}
	if service := get(b, &corev1.Service{}); len(service.OwnerReferences) != 0 || service.Spec.ClusterIP != "10.0.0.1" {
		t.Error("the user's Service was touched")
	}
}

func TestPredecessorsObjectsAreWaitedFor(t *testing.T) {
	b := newBench(t)
	b.mustApply(plainSpec())
	again := plainSpec()
	again.UID = "99999999-2222-3333-4444-555555555555"
	if err := b.apply(again); !errors.Is(err, apply.ErrPredecessor) {
		t.Errorf("got %v, want ErrPredecessor", err)
	}
	if got := b.written(); len(got) != 0 {
		t.Errorf("wrote %v", got)
	}
}

// Switching autoscaling on does not fall back to one replica on the way.
func TestReplicasAreHandedOver(t *testing.T) {
	b := newBench(t)
	spec := plainSpec()
	spec.Infrastructure.Parameters.Replicas = ptr.To(int32(5))
	b.mustApply(spec)
	spec.Infrastructure.Parameters = v1alpha1.GatewayParametersSpec{Autoscaling: &v1alpha1.Autoscaling{MaxReplicas: 9}}
	b.mustApply(spec)
	if got := ptr.Deref(get(b, &appsv1.Deployment{}).Spec.Replicas, 0); got != 5 {
		t.Errorf("%d replicas, want 5 until the autoscaler decides", got)
	}
	if got := b.mustApply(spec); len(got) != 0 {
		t.Errorf("not at rest: %v", got)
	}
}

func TestCertificateSecret(t *testing.T) {
	b := newBench(t)
	spec := plainSpec()
	key := client.ObjectKey{Namespace: "shop", Name: "web-kedify-xds"}
	read := func() *corev1.Secret {
		t.Helper()
		secret := &corev1.Secret{}
		if err := b.client.Get(context.Background(), key, secret); err != nil {
			t.Fatal(err)
		}
		return secret
	}
	b.mustApply(spec)
	first := read()
	tampered := first.DeepCopy()
	tampered.Data[corev1.TLSPrivateKeyKey] = []byte("garbage")
	update(b, tampered)
	b.written()
	if got := b.mustApply(spec); len(got) != 1 || got[0] != "apply Secret" {
		t.Errorf("tampered: wrote %v", got)
	}
	second := read()
	b.clock.Step(certs.DefaultLifetimes.Leaf * 2 / 3)
	if got := b.mustApply(spec); len(got) != 1 || got[0] != "apply Secret" {
		t.Errorf("due for renewal: wrote %v", got)
	}
	if third := read(); string(third.Data[corev1.TLSCertKey]) == string(second.Data[corev1.TLSCertKey]) {
		t.Error("not renewed")
	}
}

func TestRemove(t *testing.T) {
	other := plainSpec()
	other.Gateway.Name, other.UID = "other", "other"
	users := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "users", Labels: selector(plainSpec().Gateway)}}
	b := newBench(t, users)
	b.mustApply(plainSpec())
	b.mustApply(other)
	if err := b.applier.remove(context.Background(), plainSpec().Gateway); err != nil {
		t.Fatal(err)
	}
	if got := b.written(); len(got) != 5 || got[0] != "delete Service" {
		t.Errorf("removed %v", got)
	}
	if got := b.mustApply(other); len(got) != 0 {
		t.Errorf("the other Gateway lost something: %v", got)
	}
	if err := b.client.Get(context.Background(), client.ObjectKeyFromObject(users), users); err != nil {
		t.Errorf("the user's object with our labels: %v", err)
	}
}
