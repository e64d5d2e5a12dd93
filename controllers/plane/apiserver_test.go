package plane_test

import (
	"context"
	"testing"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/apitest"
	"github.com/kedify/inference-gateway/controllers/status"
	"github.com/kedify/inference-gateway/controllers/store"
)

func newAPIServer(t *testing.T) *apitest.Server {
	t.Helper()
	withStatus := []client.Object{&corev1.Service{}}
	for _, row := range store.Rows {
		if status.Has(row.Kind) || row.Kind == store.HTTPScaler {
			withStatus = append(withStatus, row.New())
		}
	}
	return apitest.New(t, withStatus)
}

// owned is infra.Live on the API server. Nothing changes the objects of a data plane here but the
// product, so it reports no changes.
type owned struct{ client.Reader }

func (owned) Watch(context.Context, func(types.NamespacedName)) error { return nil }

// scales is scale.Scales: every target has one replica, so that no workload has to be
// rescued, and Pods with a label.
type scales struct{}

func (scales) Get(_ context.Context, _ string, target v1alpha1.HTTPScalerTarget) (*autoscalingv1.Scale, error) {
	return &autoscalingv1.Scale{
		Spec: autoscalingv1.ScaleSpec{Replicas: 1}, Status: autoscalingv1.ScaleStatus{Selector: "app=" + target.Name},
	}, nil
}

func (scales) Update(context.Context, string, v1alpha1.HTTPScalerTarget, *autoscalingv1.Scale) error {
	return nil
}
