package controllers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/kedify/inference-gateway/xds/ir"

	"k8s.io/apimachinery/pkg/types"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/events"
	"github.com/kedify/inference-gateway/controllers/peers"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/controllers/watch"
	"github.com/kedify/inference-gateway/xds/publish"
)

// NewScheme returns a scheme with every type that the product reads or writes.
func NewScheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		clientgoscheme.AddToScheme, appsv1.AddToScheme, gwv1.Install, inferencev1.Install, v1alpha1.AddToScheme,
		kedav1alpha1.AddToScheme,
	} {
		utilruntime.Must(add(scheme))
	}
	return scheme
}

// Manager is a controller-runtime manager with a client that reads past the cache.
type Manager struct {
	manager.Manager
	// Direct reads and writes without a cache: for the few objects that are not watched.
	Direct client.Client
	// Events writes about objects that are in the cache.
	Events *events.Writer
	// Watcher runs the informers of the manager's cache.
	Watcher *watch.Watcher
}

// recorderName is the reportingController of the product's events.
const recorderName = "kedify-gateway"

// NewManager connects to the cluster that the environment names (in-cluster, KUBECONFIG).
func NewManager(options Options) (*Manager, error) {
	if options.Namespace == "" {
		return nil, errors.New("--namespace (or POD_NAMESPACE) is needed: the CA and the leader's lease live there")
	}
	config, err := ctrl.GetConfig()
	if err != nil {
		return nil, fmt.Errorf("find a cluster: %w", err)
	}
	config.QPS = -1 // API priority and fairness paces us; a client-side limit would only delay statuses
	scheme := NewScheme()
	trims := watch.NewTrims(scheme, store.Trim)
	mgr, err := ctrl.NewManager(config, manager.Options{
		Scheme:                        scheme,
		Cache:                         cache.Options{DefaultTransform: trims.Transform},
		Metrics:                       metricsserver.Options{BindAddress: options.MetricsListen},
		HealthProbeBindAddress:        options.HealthListen,
		LeaderElection:                options.LeaderElection,
		LeaderElectionID:              "kedify-gateway",
		LeaderElectionNamespace:       options.Namespace,
		LeaderElectionReleaseOnCancel: true,
	})
	if err != nil {
		return nil, fmt.Errorf("make the manager: %w", err)
	}
	direct, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	watcher := watch.New(watch.Options{
		Informers: mgr.GetCache(), Mapper: mgr.GetRESTMapper(), Scheme: scheme, Trims: trims,
		Clock: clock.RealClock{}, Log: ctrl.Log.WithName("watch"),
	})
	writer := events.NewWriter(mgr.GetEventRecorder(recorderName), mgr.GetCache())
	return &Manager{Manager: mgr, Direct: direct, Events: writer, Watcher: watcher}, mgr.AddHealthzCheck("ping", healthz.Ping)
}

// AddRunnables adds what runs on every replica and what runs on the leader alone.
func (m *Manager) AddRunnables(everywhere, leading []manager.RunnableFunc) error {
	for _, run := range everywhere {
		if err := m.Add(everyReplica(run)); err != nil {
			return err
		}
	}
	for _, run := range leading {
		if err := m.Add(run); err != nil { // a plain function waits for leadership
			return err
		}
	}
	return nil
}

// everyReplica is a runnable that does not wait for leadership.
type everyReplica manager.RunnableFunc

func (r everyReplica) Start(ctx context.Context) error { return r(ctx) }
func (r everyReplica) NeedLeaderElection() bool        { return false }

// ReadyWhen adds a readiness check that passes from the moment the flag is set.
func (m *Manager) ReadyWhen(name string, flag *atomic.Bool) {
	utilruntime.Must(m.AddReadyzCheck(name, func(*http.Request) error {
		if !flag.Load() {
			return errors.New("not ready yet")
		}
		return nil
	}))
}

// Dump is what is known about the Envoys of a Gateway.
type Dump struct {
	publish.GatewayDump
	// Elsewhere is what other replicas say about Envoys that are connected to them.
	Elsewhere []peers.Word `json:"elsewhere,omitempty"`
}

// ServeJSON serves a value of the moment at a path of the metrics server.
func (m *Manager) ServeJSON(path string, value func() any) {
	utilruntime.Must(m.AddMetricsServerExtraHandler(path, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(value()) // the client may be gone
	})))
}

// ServeDump serves what the Envoys have at /xds (all Gateways) and /xds/<namespace>/<name> of
// the metrics server, as JSON. It shows names and versions, never the content of secrets.
func (m *Manager) ServeDump(publisher *publish.Publisher, exchange *peers.Exchange) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		gateways := publisher.Gateways()
		if namespace, name, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, "/xds/"), "/"); ok && strings.HasPrefix(r.URL.Path, "/xds/") {
			gateways = []ir.Key{{Namespace: namespace, Name: name}}
		}
		dumps := make([]Dump, 0, len(gateways))
		for _, gateway := range gateways {
			dumps = append(dumps, Dump{publisher.Dump(gateway), exchange.Elsewhere(types.NamespacedName(gateway))})
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(dumps) // the client may be gone
	})
	utilruntime.Must(m.AddMetricsServerExtraHandler("/xds", handler))
	utilruntime.Must(m.AddMetricsServerExtraHandler("/xds/", handler))
}
