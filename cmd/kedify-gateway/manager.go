package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/kedify/inference-gateway/controllers"
	"github.com/kedify/inference-gateway/controllers/lead"
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
	// caches makes caches of the watched namespaces.
	caches watch.Caches
}

// newManager connects to the cluster that the environment names (in-cluster, KUBECONFIG). The manager elects no leader:
// losing the lease would end the process, and with it the streams of Envoys and the requests that they hold.
func newManager(options controllers.Options, log logr.Logger) (*controllerManager, error) {
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
	readable, err := watch.NewReadable(config, scheme, log.WithName("watch"))
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	dispensable, err := watch.KindsOf(scheme, store.Dispensable())
	if err != nil {
		return nil, err
	}
	caches := watch.Caches{
		Own: options.Namespace, Watched: options.Watched(), Dispensable: dispensable,
		Refusals: watch.NewRefusals(clock.RealClock{}, log.WithName("watch")),
	}
	mgr, err := ctrl.NewManager(config, manager.Options{
		Scheme:   scheme,
		NewCache: caches.New,
		Cache:    cache.Options{DefaultTransform: trims.Transform, NewInformer: readable.NewInformer},
		Metrics:  metricsserver.Options{BindAddress: noPort}, HealthProbeBindAddress: noPort, // see ports
	})
	if err != nil {
		return nil, fmt.Errorf("make the manager: %w", err)
	}
	direct, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	return &controllerManager{mgr, direct, trims, caches}, nil
}

// election is by a Lease, or this replica leads because it is alone.
func election(mgr *controllerManager, options controllers.Options, replica string, log logr.Logger) (lead.Elect, error) {
	if !options.LeaderElection {
		return lead.Alone, nil
	}
	leases, err := kubernetes.NewForConfig(mgr.GetConfig())
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	lease := types.NamespacedName{Namespace: options.Namespace, Name: leaseName}
	return lead.ByLease(leases.CoordinationV1(), lease, replica, log.WithName("lead")), nil
}

// leaseName is the lease of the replica that writes.
const leaseName = "kedify-gateway"

// addTo has the manager run a plane and serve its debug views, its health and its readiness.
func addTo(ctx context.Context, mgr *controllerManager, options controllers.Options, made *plane.Plane) error {
	for _, run := range made.Runnables() {
		if err := mgr.Add(manager.RunnableFunc(run)); err != nil {
			return err
		}
	}
	return ports{
		metrics: options.MetricsListen, health: options.HealthListen, views: made.ProtectedViews(),
		ready: func(*http.Request) error { return made.Ready() },
	}.addTo(ctx, mgr)
}
