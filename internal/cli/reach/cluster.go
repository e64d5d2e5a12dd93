package reach

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/controllers"
)

// clientQPS and clientBurst pace reads of the API server: `collect` asks for many objects.
const (
	clientQPS   = 50
	clientBurst = 100
)

// Cluster is a connection to an API server.
type Cluster struct {
	Config *rest.Config
	// Client reads objects; Core has what is no object: logs, versions, subresources of Pods.
	Client client.Client
	Core   kubernetes.Interface
	// System is the namespace of the installation.
	System string
	// Views asks the replicas of the control plane.
	Views Views
}

// New connects to a cluster. It sends nothing yet.
func New(config *rest.Config, system string) (*Cluster, error) {
	config = rest.CopyConfig(config)
	config.QPS, config.Burst = clientQPS, clientBurst
	config.WarningHandler = rest.NoWarnings{} // of versions that are read in order to tell about them
	objects, err := client.New(config, client.Options{Scheme: controllers.NewScheme()})
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	core, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	c := &Cluster{Config: config, Client: objects, Core: core, System: system}
	c.Views = &replicas{cluster: c}
	return c, nil
}

// Containers of the Pods of a Gateway (controllers/infra).
const (
	ContainerEnvoy    = "envoy"
	ContainerShutdown = "shutdown"
)

// ControllerLabels select the Pods of the control plane (charts/kedify-gateway).
var ControllerLabels = labels.Set{"app.kubernetes.io/name": "kedify-gateway", "app.kubernetes.io/component": "controller"}

// Controllers returns the Pods of the control plane.
func Controllers(ctx context.Context, reader client.Reader, system string) ([]corev1.Pod, error) {
	var pods corev1.PodList
	err := reader.List(ctx, &pods, client.InNamespace(system), client.MatchingLabels(ControllerLabels), client.Limit(MaxReplicas))
	if err != nil {
		return nil, fmt.Errorf("list the Pods of the control plane: %w", err)
	}
	return pods.Items, nil
}
