package scaledobject

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// TestSnapshotsMakeNoPlans: the copy of the demand in a status is no change for plans; any other
// change of an HTTPScaler is.
func TestSnapshotsMakeNoPlans(t *testing.T) {
	before := &v1alpha1.HTTPScaler{ObjectMeta: metav1.ObjectMeta{Name: "web-0", Namespace: "shop", Generation: 1}}
	before.Status.Demand = &v1alpha1.HTTPScalerDemand{Rate: "1"}
	for name, c := range map[string]struct {
		change func(*v1alpha1.HTTPScaler)
		same   bool
	}{
		"demand":     {func(s *v1alpha1.HTTPScaler) { s.Status.Demand = &v1alpha1.HTTPScalerDemand{Rate: "2"} }, true},
		"no demand":  {func(s *v1alpha1.HTTPScaler) { s.Status.Demand = nil }, true},
		"route":      {func(s *v1alpha1.HTTPScaler) { s.Status.Route = "web-0" }, false},
		"conditions": {func(s *v1alpha1.HTTPScaler) { s.Status.Conditions = []metav1.Condition{{Type: "Ready"}} }, false},
		"spec":       {func(s *v1alpha1.HTTPScaler) { s.Generation = 2 }, false},
		"deletion":   {func(s *v1alpha1.HTTPScaler) { s.DeletionTimestamp = &metav1.Time{Time: epoch} }, false},
	} {
		after := before.DeepCopy()
		c.change(after)
		if same := sameScaler(before, after); same != c.same {
			t.Errorf("%s: the same to plans: %v, want %v", name, same, c.same)
		}
	}
}
