package wiring_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	k8sevents "k8s.io/client-go/tools/events"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/wiring"
)

// Periods of the tests; the defaults are ten times as long and more.
const (
	debounce = 500 * time.Millisecond
	recovery = time.Second
)

// installedYAML is what the chart installs and what the controllers make for the triggers of namespace
// shop. EndpointSlices are set by ready.
const installedYAML = `
apiVersion: v1
kind: Service
metadata: {namespace: kedify-system, name: kedify-gateway}
spec: {ports: [{name: grpc-xds, port: 18000}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: kedify}
spec: {controllerName: kedify.io/gateway-controller}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {namespace: shop, name: kedify-proxy, labels: {app.kubernetes.io/managed-by: kedify-gateway}}
spec: {gatewayClassName: kedify, listeners: [{name: http, port: 8080, protocol: HTTP}]}
---
apiVersion: v1
kind: Service
metadata: {namespace: shop, name: kedify-proxy-kedify}
spec: {ports: [{name: tcp-8080, port: 8080}]}
`

const scalerYAML = `
apiVersion: gateway.kedify.io/v1alpha1
kind: HTTPScaler
metadata: {namespace: shop, name: web-0}
spec:
  type: kedify-http
  scaledObject: web
  trigger: "0"
  hosts: [shop.example.com]
  backend: {service: web, port: 80}
  metric: {type: RequestRate, target: 10}
  scale: {target: {apiVersion: apps/v1, kind: Deployment, name: web}, min: 0, max: 5, cooldownSeconds: 300, pollingSeconds: 30, fallback: 3}
`

// rig is a cluster with triggers, proxies and controllers.
type rig struct {
	*cluster
	scales *workloads
	// debounce is the period of the processes.
	debounce time.Duration
	// frozen: the API server does not answer.
	frozen atomic.Bool
	// refuses is a write, as in writes, that the API server forbids; refusesNext one that it forbids once it
	// took it.
	refuses, refusesNext atomic.Value

	// poison replaces objects on their way from informers; nil: none.
	poison func(object any) any

	mu     sync.Mutex
	writes []string
}

func newRig(c *cluster) *rig {
	c.t.Helper()
	c.set(installedYAML, scalerYAML)
	r := &rig{cluster: c, scales: &workloads{replicas: 1}, debounce: debounce}
	r.accept("web-0")
	r.controllers(true)
	r.proxies(true)
	r.application("10.1.0.1")
	c.t.Cleanup(r.endpointSlices())
	return r
}

// accept gives an HTTPScaler the status of a trigger in force.
func (r *rig) accept(name string) {
	r.t.Helper()
	scaler := r.scaler(name)
	scaler.Status.Gateway, scaler.Status.Route = "kedify-proxy", name
	scaler.Status.Conditions = []metav1.Condition{{Type: "Accepted", Status: metav1.ConditionTrue, Reason: "Accepted"}}
	r.Expect(r.client.Status().Update(r.t.Context(), scaler)).To(Succeed())
}

// slice sets an EndpointSlice of a Service with one endpoint for each address.
func (r *rig) slice(service types.NamespacedName, port discoveryv1.EndpointPort, ready bool, addresses ...string) {
	r.t.Helper()
	slice := &discoveryv1.EndpointSlice{}
	slice.Namespace, slice.Name = service.Namespace, service.Name+"-abc"
	err := r.client.Get(r.t.Context(), client.ObjectKeyFromObject(slice), slice)
	slice.Labels = map[string]string{
		discoveryv1.LabelServiceName: service.Name, discoveryv1.LabelManagedBy: "endpointslice-controller.k8s.io",
	}
	slice.AddressType = discoveryv1.AddressTypeIPv4
	slice.Ports = []discoveryv1.EndpointPort{port}
	slice.Endpoints = nil
	for _, address := range addresses {
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
			Addresses: []string{address}, Conditions: discoveryv1.EndpointConditions{Ready: ptr.To(ready), Serving: ptr.To(ready)},
		})
	}
	if err != nil {
		r.Expect(r.client.Create(r.t.Context(), slice)).To(Succeed())
		return
	}
	r.Expect(r.client.Update(r.t.Context(), slice)).To(Succeed())
}

func named(namespace, name string) types.NamespacedName {
	return types.NamespacedName{Namespace: namespace, Name: name}
}

func port(name string, number int32) discoveryv1.EndpointPort {
	return discoveryv1.EndpointPort{Name: ptr.To(name), Port: ptr.To(number), Protocol: ptr.To(corev1.ProtocolTCP)}
}

func (r *rig) controllers(ready bool) {
	r.slice(named(installation, "kedify-gateway"), port("grpc-xds", 18000), ready, "10.9.0.1", "10.9.0.2")
}

// proxies sets the readiness of the proxies behind the Service of their Gateway. Those behind wired
// Services follow, see endpointSlices.
func (r *rig) proxies(ready bool) {
	r.slice(named("shop", "kedify-proxy-kedify"), port("tcp-8080", 8080), ready, "10.8.0.1")
}

func (r *rig) application(addresses ...string) {
	r.slice(named("shop", "web"), port("http", 3000), true, addresses...)
}

// endpointSlices stands in for the controller of Kubernetes, of which there is no library: a wired Service
// whose selector matches the proxies has a slice with them.
func (r *rig) endpointSlices() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for ctx.Err() == nil {
			r.syncSlices(ctx)
			select {
			case <-time.After(10 * time.Millisecond): // what it reads costs more than what it writes
			case <-ctx.Done():
			}
		}
	})
	return func() { cancel(); running.Wait() }
}

func (r *rig) syncSlices(ctx context.Context) {
	services, health := &corev1.ServiceList{}, &discoveryv1.EndpointSlice{}
	if r.client.List(ctx, services, client.InNamespace("shop")) != nil ||
		r.client.Get(ctx, client.ObjectKey{Namespace: "shop", Name: "kedify-proxy-kedify-abc"}, health) != nil {
		return
	}
	for _, service := range services.Items {
		if service.Annotations[v1alpha1.WiresAnnotation] == "" {
			continue
		}
		_, nowhere := service.Spec.Selector["gateway.kedify.io/past-the-proxies"]
		slice := &discoveryv1.EndpointSlice{}
		slice.Namespace, slice.Name = "shop", service.Name+"-k8s"
		exists := r.client.Get(ctx, client.ObjectKeyFromObject(slice), slice) == nil
		wanted := health.Endpoints
		if nowhere {
			wanted = nil
		}
		var ports []discoveryv1.EndpointPort
		for _, port := range service.Spec.Ports {
			ports = append(ports,
				discoveryv1.EndpointPort{Name: ptr.To(port.Name), Port: ptr.To(port.TargetPort.IntVal), Protocol: ptr.To(corev1.ProtocolTCP)})
		}
		if exists && fmt.Sprint(slice.Endpoints) == fmt.Sprint(wanted) {
			continue
		}
		slice.AddressType, slice.Endpoints, slice.Ports = discoveryv1.AddressTypeIPv4, wanted, ports
		slice.Labels = map[string]string{discoveryv1.LabelServiceName: service.Name,
			discoveryv1.LabelManagedBy: "endpointslice-controller.k8s.io"}
		if exists {
			_ = r.client.Update(ctx, slice)
		} else {
			_ = r.client.Create(ctx, slice)
		}
	}
}

// workloads are the replicas of the one target.
type workloads struct {
	mu       sync.Mutex
	replicas int32
	raised   []int32
}

func (w *workloads) Get(context.Context, string, v1alpha1.HTTPScalerTarget) (*autoscalingv1.Scale, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return &autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: w.replicas}}, nil
}

func (w *workloads) Update(_ context.Context, _ string, _ v1alpha1.HTTPScalerTarget, scale *autoscalingv1.Scale) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.replicas = scale.Spec.Replicas
	w.raised = append(w.raised, scale.Spec.Replicas)
	return nil
}

func (w *workloads) scaledTo() []int32 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.raised)
}

// replica is a running process.
type replica struct {
	rig   *rig
	leads chan bool
	stop  func()
	// events that it wrote.
	events *k8sevents.FakeRecorder
}

// replica runs a process that does not lead until lead is called.
func (r *rig) replica() *replica {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	one := &replica{rig: r, leads: make(chan bool), events: k8sevents.NewFakeRecorder(10000)}
	made, err := wiring.New(wiring.Deps{
		API: wiring.API{
			Cache: r.cache(ctx, &running), Direct: r.counting(), Mapper: r.api.Mapper(), Scheme: r.api.Scheme,
			Recorder: one.events, Scales: r.scales,
		},
		Options: wiring.Options{
			Namespace: installation, ControllerService: "kedify-gateway", Debounce: r.debounce, Recovery: recovery, Cooldown: time.Hour,
		},
		Registry: prometheus.NewRegistry(), Log: logr.Discard(),
		Elect: func(ctx context.Context, leads func(bool)) error {
			for {
				select {
				case now := <-one.leads:
					leads(now)
				case <-ctx.Done():
					return nil
				}
			}
		},
	})
	r.Expect(err).NotTo(HaveOccurred())
	for _, run := range made.Runnables() {
		running.Go(func() {
			if err := run(ctx); err != nil && ctx.Err() == nil {
				r.t.Errorf("process: %v", err)
			}
		})
	}
	one.stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	r.t.Cleanup(one.stop)
	r.Eventually(made.Ready).Should(BeTrue())
	return one
}

func (r *rig) cache(ctx context.Context, running *sync.WaitGroup) cache.Cache {
	if r.poison == nil {
		return r.api.Cache(ctx, running)
	}
	return poisoned{r.api.Cache(ctx, running), r.poison}
}

// leader is a replica that leads.
func (r *rig) leader() *replica {
	one := r.replica()
	one.leads <- true
	return one
}

// written are the writes so far.
func (r *rig) written() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.writes)
}

// backends are the names of the backends of Ingress web.
func (r *rig) backends() []string {
	r.t.Helper()
	var names []string
	rules, _, _ := nested(r.untyped("Ingress", "web").Object, "spec", "rules")
	for _, rule := range rules {
		paths, _, _ := nested(rule.(map[string]any), "http", "paths")
		for _, path := range paths {
			backend := path.(map[string]any)["backend"].(map[string]any)["service"].(map[string]any)
			names = append(names, backend["name"].(string))
		}
	}
	return names
}

// path is where Service web-kedify leads: what its selector, its own slice and the status say.
func (r *rig) path() string {
	r.t.Helper()
	service, slice := &corev1.Service{}, &discoveryv1.EndpointSlice{}
	if r.client.Get(r.t.Context(), client.ObjectKey{Namespace: "shop", Name: "web-kedify"}, service) != nil ||
		r.client.Get(r.t.Context(), client.ObjectKey{Namespace: "shop", Name: "web-kedify-direct"}, slice) != nil {
		return "none"
	}
	selects := "proxies"
	if _, nowhere := service.Spec.Selector["gateway.kedify.io/past-the-proxies"]; nowhere {
		selects = "nothing"
	}
	ready := 0
	for _, endpoint := range slice.Endpoints {
		if ptr.Deref(endpoint.Conditions.Ready, true) {
			ready++
		}
	}
	status := "unsaid"
	if wired := r.scaler("web-0").Status.Wiring; wired != nil {
		status = string(wired.Path)
	}
	return fmt.Sprintf("selects %s, %d ready of the application, %s", selects, ready, status)
}

const (
	throughProxies = "selects proxies, 0 ready of the application, Proxy"
	directly       = "selects nothing, 1 ready of the application, Direct"
)
