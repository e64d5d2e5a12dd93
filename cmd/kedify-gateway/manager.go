package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/kedify/inference-gateway/controllers"
	"github.com/kedify/inference-gateway/controllers/plane"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/controllers/watch"
)

// controllerManager is a controller-runtime manager with a client that reads past the cache.
type controllerManager struct {
	manager.Manager
	direct client.Client
	// trims is the transform of the cache.
	trims *watch.Trims
}

// newManager connects to the cluster that the environment names (in-cluster, KUBECONFIG).
func newManager(options controllers.Options) (*controllerManager, error) {
	if options.Namespace == "" {
		return nil, errors.New("--namespace (or POD_NAMESPACE) is needed: the CA and the leader's lease live there")
	}
	config, err := ctrl.GetConfig()
	if err != nil {
		return nil, fmt.Errorf("find a cluster: %w", err)
	}
	config.QPS = -1 // API priority and fairness paces this client; a limit of its own would only delay statuses
	scheme := controllers.NewScheme()
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
	return &controllerManager{mgr, direct, trims}, nil
}

// addTo has the manager run a plane and serve its debug views, its health and its readiness.
func addTo(mgr *controllerManager, made *plane.Plane) error {
	for _, run := range made.EveryReplica() {
		if err := mgr.Add(everyReplica(run)); err != nil {
			return err
		}
	}
	for _, run := range made.Leader() {
		if err := mgr.Add(manager.RunnableFunc(run)); err != nil { // a plain function waits for leadership
			return err
		}
	}
	for path, handler := range made.ProtectedViews() {
		if err := mgr.AddMetricsServerExtraHandler(path, handler); err != nil {
			return err
		}
	}
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return err
	}
	return mgr.AddReadyzCheck("model", func(*http.Request) error { return made.Ready() })
}

// everyReplica is a runnable that does not wait for leadership.
type everyReplica plane.Runnable

func (r everyReplica) Start(ctx context.Context) error { return r(ctx) }
func (r everyReplica) NeedLeaderElection() bool        { return false }
