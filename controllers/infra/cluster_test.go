//go:build cluster

package infra

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/go-logr/logr"
	"github.com/onsi/gomega"
	"go.uber.org/goleak"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/certs"
	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/watch"
)

// The tests here run the applier against the API server of KUBECONFIG, in namespaces of their
// own and for Gateways of a class without a controller:
//
//	go test -c -tags cluster -o bin/infra.test ./controllers/infra
//	bin/testbed exec -- bin/infra.test -test.run Cluster -test.v

func init() { // the connections to the API server
	leaks = append(leaks, goleak.IgnoreAnyFunction("golang.org/x/net/http2.(*clientConnReadLoop).run"))
}

// plane is one Gateway on a real API server, with an applier of its own.
type plane struct {
	*gomega.WithT
	t      *testing.T
	client client.WithWatch
	spec   Spec
	writes atomic.Int64
	runs   *Applier
	ready  chan Result
}

func newPlane(t *testing.T) *plane {
	t.Helper()
	config, err := ctrl.GetConfig()
	if err != nil {
		t.Fatal(err)
	}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, gwv1.Install} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	p := &plane{WithT: gomega.NewWithT(t), t: t, ready: make(chan Result, 100)}
	p.SetDefaultEventuallyTimeout(20 * time.Second)
	p.SetDefaultEventuallyPollingInterval(50 * time.Millisecond)
	if p.client, err = client.NewWithWatch(config, client.Options{Scheme: scheme}); err != nil {
		t.Fatal(err)
	}
	p.makeGateway()
	httpClient, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	mapper, err := apiutil.NewDynamicRESTMapper(config, httpClient)
	if err != nil {
		t.Fatal(err)
	}
	caches := watch.Caches{
		Dispensable: func(schema.GroupVersionKind) bool { return false }, Refusals: watch.NewRefusals(clock.RealClock{}, logr.Discard()),
	}
	live, err := NewLive(config, mapper, scheme, caches, logr.Discard())
	if err != nil {
		t.Fatal(err)
	}
	keeper := certs.NewKeeper(certs.Options{
		Client: p.client, Namespace: p.spec.Gateway.Namespace, Name: certs.SecretName, Clock: clock.RealClock{}, Log: logr.Discard(),
	})
	if err := keeper.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.runs = NewApplier(Options{
		Config: testConfig, Client: p.counting(), Live: live, Certificates: keeper,
		Identity: func(gateway types.NamespacedName, _ types.UID) string { return "spiffe://test/" + gateway.String() },
		Clock:    clock.RealClock{}, Log: logr.Discard(), Report: func(r Result) { p.ready <- r },
	})
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		if err := p.runs.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() { cancel(); <-stopped })
	return p
}

func (p *plane) makeGateway() {
	p.t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "infra-"}}
	if err := p.client.Create(p.t.Context(), namespace); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = p.client.Delete(context.Background(), namespace) })
	gateway := &gwv1.Gateway{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace.Name, Name: "web"},
		Spec: gwv1.GatewaySpec{GatewayClassName: "nobody", Listeners: []gwv1.Listener{
			{Name: "http", Port: 80, Protocol: gwv1.HTTPProtocolType},
		}},
	}
	if err := p.client.Create(p.t.Context(), gateway); err != nil {
		p.t.Fatal(err)
	}
	p.spec = plainSpec()
	p.spec.Gateway = types.NamespacedName{Namespace: namespace.Name, Name: "web"}
	p.spec.UID = string(gateway.UID)
}

// counting is a client that counts writes.
func (p *plane) counting() client.Client {
	return interceptor.NewClient(p.client, interceptor.Funcs{
		Patch: func(ctx context.Context, c client.WithWatch, object client.Object, patch client.Patch, options ...client.PatchOption) error {
			p.writes.Add(1)
			return c.Patch(ctx, object, patch, options...)
		},
		Apply: func(ctx context.Context, c client.WithWatch, object runtime.ApplyConfiguration, options ...client.ApplyOption) error {
			p.writes.Add(1)
			return c.Apply(ctx, object, options...)
		},
		Delete: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.DeleteOption) error {
			p.writes.Add(1)
			return c.Delete(ctx, object, options...)
		},
	})
}

// apply wishes for the spec, as a new generation, and waits for the outcome.
func (p *plane) apply() {
	p.t.Helper()
	p.spec.Generation++
	p.runs.Apply(p.spec)
	for {
		select {
		case result := <-p.ready:
			if result.Err != nil {
				p.t.Fatal(result.Err)
			}
			if result.Generation == p.spec.Generation {
				return
			}
		case <-time.After(20 * time.Second):
			p.t.Fatal("no outcome")
		}
	}
}

func (p *plane) get(object client.Object) error {
	return p.client.Get(context.Background(), client.ObjectKey{Namespace: p.spec.Gateway.Namespace, Name: "web-kedify"}, object)
}

// everything asks for all kinds of objects and most fields, so that the test meets every field that the API server
// fills in or rewrites.
func everything(spec *Spec) {
	spec.Infrastructure.Labels = map[string]string{"team": "shop"}
	spec.Infrastructure.Annotations = map[string]string{"note": "x"}
	spec.Infrastructure.Ports = []resolve.Port{{Port: 53, Protocol: corev1.ProtocolTCP}, {Port: 443, Protocol: corev1.ProtocolTCP},
		{Port: 53, Protocol: corev1.ProtocolUDP}}
	spec.Infrastructure.Parameters = v1alpha1.GatewayParametersSpec{
		Autoscaling: &v1alpha1.Autoscaling{MinReplicas: ptr.To(int32(2)), MaxReplicas: 3},
		Envoy:       &v1alpha1.EnvoyParameters{Bootstrap: raw(`{"stats_flush_interval":"7s"}`)},
		Service:     &v1alpha1.ServiceParameters{ExternalTrafficPolicy: ptr.To(corev1.ServiceExternalTrafficPolicyLocal)},
		PodTemplate: raw(`{"spec":{"tolerations":[{"operator":"Exists"}],"affinity":{"nodeAffinity":{` +
			`"preferredDuringSchedulingIgnoredDuringExecution":[{"weight":1,"preference":{` +
			`"matchExpressions":[{"key":"a","operator":"Exists"}]}}]}}}}`),
	}
}

// At rest nothing is written, although the API server fills in fields, controllers write
// statuses, and every event makes the applier look.
func TestClusterRest(t *testing.T) {
	p := newPlane(t)
	everything(&p.spec)
	p.apply()
	p.Eventually(p.observed).Should(gomega.Succeed(), "other controllers have written the statuses")
	before := p.writes.Load()
	for range 5 {
		p.apply() // returns after a look at the whole data plane
	}
	if after := p.writes.Load(); after != before {
		t.Errorf("%d writes at rest", after-before)
	}
	t.Logf("%d writes for the first apply", before)
}

// observed reports whether the controllers of Kubernetes have seen what was applied.
func (p *plane) observed() error {
	deployment, budget, autoscaler := &appsv1.Deployment{}, &policyv1.PodDisruptionBudget{}, &autoscalingv2.HorizontalPodAutoscaler{}
	for _, object := range []client.Object{deployment, budget, autoscaler} {
		if err := p.get(object); err != nil {
			return err
		}
	}
	switch {
	case deployment.Status.ObservedGeneration != deployment.Generation || len(deployment.Status.Conditions) == 0:
		return fmt.Errorf("Deployment: %+v", deployment.Status)
	case budget.Status.ObservedGeneration != budget.Generation:
		return fmt.Errorf("PodDisruptionBudget: %+v", budget.Status)
	case len(autoscaler.Status.Conditions) == 0:
		return fmt.Errorf("HorizontalPodAutoscaler: %+v", autoscaler.Status)
	}
	return nil
}

func TestClusterDrift(t *testing.T) {
	p := newPlane(t)
	p.apply()
	service := &corev1.Service{}
	if err := p.get(service); err != nil {
		t.Fatal(err)
	}
	service.Spec.Ports[0].Port = 81
	if err := p.client.Update(t.Context(), service); err != nil {
		t.Fatal(err)
	}
	p.Eventually(func() error {
		if err := p.get(service); err != nil {
			return err
		}
		if len(service.Spec.Ports) != 1 || service.Spec.Ports[0].Port != 80 {
			return fmt.Errorf("ports %v", service.Spec.Ports)
		}
		return nil
	}).Should(gomega.Succeed(), "the port is put right")
	if err := p.client.Delete(t.Context(), service); err != nil {
		t.Fatal(err)
	}
	p.Eventually(func() error { return p.get(&corev1.Service{}) }).Should(gomega.Succeed(), "the Service comes back")
}

func TestClusterPrune(t *testing.T) {
	p := newPlane(t)
	plain := p.spec
	everything(&p.spec)
	p.apply()
	plain.Generation = p.spec.Generation
	p.spec = plain
	p.apply()
	service, deployment := &corev1.Service{}, &appsv1.Deployment{}
	if err := p.get(service); err != nil {
		t.Fatal(err)
	}
	if err := p.get(deployment); err != nil {
		t.Fatal(err)
	}
	local := service.Spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal
	if len(service.Spec.Ports) != 1 || service.Labels["team"] != "" || local {
		t.Errorf("leftovers on the Service: %v %v %v", service.Labels, service.Spec.Ports, service.Spec.ExternalTrafficPolicy)
	}
	if pod := deployment.Spec.Template; pod.Spec.Affinity != nil || len(pod.Spec.Tolerations) != 0 || pod.Annotations["note"] != "" {
		t.Errorf("leftovers on the pods: %+v", pod)
	}
	for _, object := range []client.Object{&policyv1.PodDisruptionBudget{}, &autoscalingv2.HorizontalPodAutoscaler{}} {
		if err := p.get(object); client.IgnoreNotFound(err) != nil || err == nil {
			t.Errorf("%T is still there: %v", object, err)
		}
	}
}

// Switching autoscaling on keeps the replicas that run, in every state on the way.
func TestClusterHandOver(t *testing.T) {
	p := newPlane(t)
	p.spec.Infrastructure.Parameters.Replicas = ptr.To(int32(3))
	p.apply()
	deployment := &appsv1.Deployment{}
	if err := p.get(deployment); err != nil {
		t.Fatal(err)
	}
	states, err := p.client.Watch(t.Context(), &appsv1.DeploymentList{}, &client.ListOptions{
		Namespace: p.spec.Gateway.Namespace, Raw: &metav1.ListOptions{ResourceVersion: deployment.ResourceVersion},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer states.Stop()
	p.spec.Infrastructure.Parameters = v1alpha1.GatewayParametersSpec{Autoscaling: &v1alpha1.Autoscaling{MinReplicas: ptr.To(int32(3)),
		MaxReplicas: 5}}
	p.apply()
	// A last change of our own ends the watch: everything before it was seen.
	if err := p.get(deployment); err != nil {
		t.Fatal(err)
	}
	last := deployment.DeepCopy()
	last.Annotations["last"] = "true"
	if err := p.client.Patch(t.Context(), last, client.MergeFrom(deployment)); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for deadline := time.After(20 * time.Second); ; seen++ {
		select {
		case event, open := <-states.ResultChan():
			state, ok := event.Object.(*appsv1.Deployment)
			if !open || !ok {
				t.Fatalf("the watch ended after %d states: %v", seen, event.Object)
			}
			if got := ptr.Deref(state.Spec.Replicas, 0); got != 3 {
				t.Errorf("%d replicas on the way, want 3", got)
			}
			if state.Annotations["last"] == "true" {
				if seen == 0 {
					t.Error("the hand-over was not among the states")
				}
				return
			}
		case <-deadline:
			t.Fatalf("the last change was not seen after %d states", seen)
		}
	}
}

// The Gateway owns everything: its deletion removes everything, without a finalizer.
func TestClusterGarbage(t *testing.T) {
	p := newPlane(t)
	everything(&p.spec)
	p.apply()
	gateway := &gwv1.Gateway{ObjectMeta: metav1.ObjectMeta{Namespace: p.spec.Gateway.Namespace, Name: "web"}}
	p.runs.Delete(p.spec.Gateway)
	if err := p.client.Delete(t.Context(), gateway); err != nil {
		t.Fatal(err)
	}
	p.Eventually(func() error {
		for _, owned := range ownedLists {
			list := owned.DeepCopyObject().(client.ObjectList)
			err := p.client.List(t.Context(), list, client.InNamespace(p.spec.Gateway.Namespace), client.MatchingLabels(selector(p.spec.Gateway)))
			if err != nil {
				return err
			}
			if n := meta.LenList(list); n > 0 {
				return fmt.Errorf("%T has %d", list, n)
			}
		}
		return nil
	}).Should(gomega.Succeed(), "everything goes")
}
