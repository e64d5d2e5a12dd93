// Package world fills a cluster with routes for the benchmarks: a Gateway of the product, and any
// number of HTTPRoutes, each with a host name, a Service and a hand-written EndpointSlice of its
// own that all lead to one small server in this process.
//
// Job: "N routes present". Inputs: the cluster of KUBECONFIG. Outputs: objects in one
// namespace, removed by Close.
// Ownership: one goroutine at a time; Fill uses many of its own and waits for them.
package world

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/config"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

const (
	// GatewayName of the Gateway under test.
	GatewayName = "bench"
	// Port of its listener.
	Port = 80

	writers = 16
)

// World is a namespace full of routes.
type World struct {
	client.WithWatch
	Config    *rest.Config
	Namespace string
	Backend   *net.TCPAddr
	// Address of the Gateway.
	Address string
	routes  int
}

// Open makes the namespace, the backend and the Gateway, and waits until it is programmed.
func Open(ctx context.Context) (*World, error) {
	settings, err := config.GetConfig()
	if err != nil {
		return nil, err
	}
	settings.QPS, settings.Burst = 5000, 5000
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, gwv1.Install, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	c, err := client.NewWithWatch(settings, client.Options{Scheme: scheme})
	if err != nil {
		return nil, err
	}
	w := &World{WithWatch: c, Config: settings}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "bench-"}}
	if err := c.Create(ctx, namespace); err != nil {
		return nil, err
	}
	w.Namespace = namespace.Name
	if err := w.serve(ctx); err != nil {
		return nil, err
	}
	return w, w.gateway(ctx)
}

// Close removes everything and waits for the routes to be gone, so that the next run begins
// with an empty cluster.
func (w *World) Close(ctx context.Context) error {
	return w.Delete(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.Namespace}})
}

// serve starts the backend on the address of the only node.
func (w *World) serve(ctx context.Context) error {
	var nodes corev1.NodeList
	if err := w.List(ctx, &nodes); err != nil {
		return err
	}
	if len(nodes.Items) != 1 {
		return fmt.Errorf("%d nodes: the backend of the benchmark runs on the only one", len(nodes.Items))
	}
	var address string
	for _, a := range nodes.Items[0].Status.Addresses {
		if a.Type == corev1.NodeInternalIP {
			address = a.Address
		}
	}
	return w.Serve(ctx, address)
}

// Serve starts the backend on an address that pods can reach: that of the node.
func (w *World) Serve(ctx context.Context, address string) error {
	listener, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		return fmt.Errorf("backend on the node's address (run inside the cluster's network): %w", err)
	}
	w.Backend = listener.Addr().(*net.TCPAddr)
	server := &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }),
		ReadHeaderTimeout: 10 * time.Second,
	}
	go func() { _ = server.Serve(listener) }()
	context.AfterFunc(ctx, func() { _ = server.Close() })
	return nil
}

func (w *World) gateway(ctx context.Context) error {
	err := w.Create(ctx, &v1alpha1.GatewayParameters{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: GatewayName},
		Spec:       v1alpha1.GatewayParametersSpec{Envoy: &v1alpha1.EnvoyParameters{Concurrency: ptr.To[int32](2)}},
	})
	if err != nil {
		return err
	}
	err = w.Create(ctx, &gwv1.Gateway{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: GatewayName},
		Spec: gwv1.GatewaySpec{
			GatewayClassName: v1alpha1.GatewayClassName,
			Infrastructure: &gwv1.GatewayInfrastructure{ParametersRef: &gwv1.LocalParametersReference{
				Group: v1alpha1.GroupName, Kind: "GatewayParameters", Name: GatewayName,
			}},
			Listeners: []gwv1.Listener{{Name: "http", Protocol: gwv1.HTTPProtocolType, Port: Port}},
		},
	})
	if err != nil {
		return err
	}
	return Wait(ctx, 2*time.Minute, func() error {
		var gateway gwv1.Gateway
		if err := w.Get(ctx, client.ObjectKey{Namespace: w.Namespace, Name: GatewayName}, &gateway); err != nil {
			return err
		}
		for _, c := range gateway.Status.Conditions {
			if c.Type == string(gwv1.GatewayConditionProgrammed) && c.Status == metav1.ConditionTrue && len(gateway.Status.Addresses) > 0 {
				w.Address = fmt.Sprintf("%s:%d", gateway.Status.Addresses[0].Value, Port)
				return nil
			}
		}
		return fmt.Errorf("gateway %s/%s is not programmed: %v", w.Namespace, GatewayName, gateway.Status.Conditions)
	})
}

// Host is the host name of a route.
func Host(name string) string { return name + ".bench.example.com" }

// Routes is how many routes Fill has made.
func (w *World) Routes() int { return w.routes }

// Fill adds routes until there are n.
func (w *World) Fill(ctx context.Context, n int) error {
	var next atomic.Int64
	next.Store(int64(w.routes))
	var wg sync.WaitGroup
	var once sync.Once
	var failed error
	for range writers {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				name := fmt.Sprintf("r%05d", i)
				if err := w.AddBackend(ctx, name); err != nil {
					once.Do(func() { failed = err })
					return
				}
				if err := w.Create(ctx, w.Route(name)); err != nil {
					once.Do(func() { failed = err })
					return
				}
			}
		})
	}
	wg.Wait()
	w.routes = n
	return failed
}

// AddBackend makes the Service of a route, headless so that nothing but the gateway takes
// notice, and its endpoint.
func (w *World) AddBackend(ctx context.Context, name string) error {
	err := w.Create(ctx, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: name},
		Spec: corev1.ServiceSpec{
			ClusterIP: corev1.ClusterIPNone,
			Ports:     []corev1.ServicePort{{Name: "http", Port: int32(w.Backend.Port)}},
		},
	})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	err = w.Create(ctx, &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: w.Namespace, Name: name,
			Labels: map[string]string{discoveryv1.LabelServiceName: name, discoveryv1.LabelManagedBy: "bench"},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
		Endpoints: []discoveryv1.Endpoint{{
			Addresses: []string{w.Backend.IP.String()}, Conditions: discoveryv1.EndpointConditions{Ready: ptr.To(true)},
		}},
		Ports: []discoveryv1.EndpointPort{{
			Name: ptr.To("http"), Port: ptr.To(int32(w.Backend.Port)), Protocol: ptr.To(corev1.ProtocolTCP),
		}},
	})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	return nil
}

// Route leads a host of its own to the backend of the same name.
func (w *World) Route(name string) *gwv1.HTTPRoute {
	return &gwv1.HTTPRoute{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: name},
		Spec: gwv1.HTTPRouteSpec{
			CommonRouteSpec: gwv1.CommonRouteSpec{ParentRefs: []gwv1.ParentReference{{Name: GatewayName}}},
			Hostnames:       []gwv1.Hostname{gwv1.Hostname(Host(name))},
			Rules: []gwv1.HTTPRouteRule{{BackendRefs: []gwv1.HTTPBackendRef{{BackendRef: gwv1.BackendRef{
				BackendObjectReference: gwv1.BackendObjectReference{
					Name: gwv1.ObjectName(name), Port: ptr.To(gwv1.PortNumber(w.Backend.Port)),
				},
			}}}}},
		},
	}
}

// Wait calls check until it returns nil or the limit is over.
func Wait(ctx context.Context, limit time.Duration, check func() error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := check()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not within %s: %w", limit, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
