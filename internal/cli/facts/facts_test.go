package facts

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers"
	"github.com/kedify/inference-gateway/internal/cli/reach"
)

// TestPodsThatEnd: Pods that are being deleted are neither replicas nor proxies. They are not ready because they end.
func TestPodsThatEnd(t *testing.T) {
	ofGateway := labels.Set{gwv1.GatewayNameLabelKey: "gw"}
	source := Source{Reader: fake.NewClientBuilder().WithScheme(controllers.NewScheme()).WithObjects(
		&gwv1.GatewayClass{ObjectMeta: metav1.ObjectMeta{Name: "kedify"}, Spec: gwv1.GatewayClassSpec{ControllerName: v1alpha1.ControllerName}},
		&gwv1.Gateway{ObjectMeta: metav1.ObjectMeta{Namespace: "infra", Name: "gw"}, Spec: gwv1.GatewaySpec{GatewayClassName: "kedify"}},
		pod("kedify-system", "stays", reach.ControllerLabels, false), pod("kedify-system", "ends", reach.ControllerLabels, true),
		pod("infra", "stays", ofGateway, false), pod("infra", "ends", ofGateway, true),
	).Build()}
	found := source.Installation(t.Context(), "kedify-system", kubernetes{})
	if len(found.Replicas) != 1 || found.Replicas[0].Pod.Name != "stays" {
		t.Errorf("replicas %+v", found.Replicas)
	}
	if len(found.Gateways) != 1 || len(found.Gateways[0].Pods) != 1 || found.Gateways[0].Pods[0].Name != "stays" {
		t.Errorf("Gateways %+v", found.Gateways)
	}
}

// TestWorkload: the replicas of a target, and the condition that says why its Pods are not made.
func TestWorkload(t *testing.T) {
	live := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"}}
	live.Spec.Replicas = ptr.To[int32](3)
	live.Status.ReadyReplicas = 2
	live.Status.Conditions = []appsv1.DeploymentCondition{
		{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: "NewReplicaSetAvailable"},
		{Type: appsv1.DeploymentReplicaFailure, Status: corev1.ConditionTrue, Reason: "FailedCreate", Message: "exceeded quota: tight"},
	}
	source := Source{Reader: fake.NewClientBuilder().WithScheme(controllers.NewScheme()).WithStatusSubresource(live).WithObjects(live).Build()}
	found, _ := source.workload(t.Context(), "shop", v1alpha1.HTTPScalerTarget{Name: "web"})
	if !found.Found || found.Wanted != 3 || found.Ready != 2 || found.Trouble != "FailedCreate: exceeded quota: tight" {
		t.Errorf("%+v", found)
	}
}

func pod(namespace, name string, labels labels.Set, ends bool) client.Object {
	made := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels}}
	if ends {
		made.DeletionTimestamp, made.Finalizers = &metav1.Time{Time: time.Now()}, []string{"example.com/last"}
	}
	return made
}

type kubernetes struct{}

// ServerVersion implements discovery.ServerVersionInterface.
func (kubernetes) ServerVersion() (*version.Info, error) {
	return &version.Info{GitVersion: "v1.37.0"}, nil
}
