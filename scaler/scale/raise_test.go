package scale

import (
	"context"
	"testing"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// contested has replicas, and refuses as many updates as there are other writers.
type contested struct {
	replicas int32
	others   int
	updates  int
}

func (c *contested) Get(context.Context, string, v1alpha1.HTTPScalerTarget) (*autoscalingv1.Scale, error) {
	return &autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: c.replicas}}, nil
}

func (c *contested) Update(_ context.Context, _ string, _ v1alpha1.HTTPScalerTarget, scale *autoscalingv1.Scale) error {
	if c.updates++; c.updates <= c.others {
		return apierrors.NewConflict(schema.GroupResource{Resource: "deployments"}, "web", nil)
	}
	c.replicas = scale.Spec.Replicas
	return nil
}

// TestRaise: replicas only grow, a conflict is tried again, and a few in a row are an error.
func TestRaise(t *testing.T) {
	running := func(from int32) bool { return from > 0 }
	for name, c := range map[string]struct {
		replicas int32
		others   int
		enough   func(int32) bool
		want     int32
		written  bool
		fails    bool
	}{
		"from zero":                {want: 3, written: true},
		"from one":                 {replicas: 1, want: 3, written: true},
		"there are more":           {replicas: 5, want: 5},
		"one is enough":            {replicas: 1, enough: running, want: 1},
		"none is not enough":       {enough: running, want: 3, written: true},
		"another writer":           {others: conflicts - 1, want: 3, written: true},
		"writers without an end":   {others: conflicts, fails: true},
		"enough after another one": {replicas: 3, others: 1, want: 3},
	} {
		t.Run(name, func(t *testing.T) {
			scales := &contested{replicas: c.replicas, others: c.others}
			from, written, err := Raise(t.Context(), scales, Workload{Namespace: "shop"}, 3, c.enough)
			if (err != nil) != c.fails || written != c.written || scales.replicas != c.want || err == nil && from != c.replicas {
				t.Errorf("from %d, written %v, %v; %d replicas, want %d", from, written, err, scales.replicas, c.want)
			}
		})
	}
}
