package engine

import (
	"testing"

	"k8s.io/apimachinery/pkg/types"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/controllers/store"
)

// TestPathReachesTheCatalog: where the requests of a trigger go is in its status. A change of it reaches
// the catalog; what else is written into the status is no work for the engine.
func TestPathReachesTheCatalog(t *testing.T) {
	key := types.NamespacedName{Namespace: "shop", Name: "web-0"}
	out := newRecorder()
	model := New(out, class.Setting{})
	model.Synced()
	set := func(status v1alpha1.HTTPScalerStatus) (matters bool) {
		matters = model.Set(store.HTTPScaler, &v1alpha1.HTTPScaler{
			ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name, Generation: 1}, Status: status,
		})
		model.Flush()
		return matters
	}
	wiring := func(path v1alpha1.WiringPath, until *metav1.Time, services ...string) *v1alpha1.HTTPScalerWiring {
		return &v1alpha1.HTTPScalerWiring{Path: path, DirectUntil: until, Services: services}
	}
	until := metav1.Unix(1_700_000_000, 0)
	demand := &v1alpha1.HTTPScalerDemand{Rate: "3"}
	for _, step := range []struct {
		name            string
		status          v1alpha1.HTTPScalerStatus
		matters, direct bool
		back            bool
	}{
		{"new", v1alpha1.HTTPScalerStatus{}, true, false, false},
		{"the demand", v1alpha1.HTTPScalerStatus{Demand: demand}, false, false, false},
		{"wired", v1alpha1.HTTPScalerStatus{Demand: demand, Wiring: wiring(v1alpha1.PathProxy, nil)}, false, false, false},
		{"wired at another object", v1alpha1.HTTPScalerStatus{Wiring: wiring(v1alpha1.PathProxy, nil, "web-kedify")}, false, false, false},
		{"direct", v1alpha1.HTTPScalerStatus{Wiring: wiring(v1alpha1.PathDirect, nil)}, true, true, false},
		{"the demand while direct", v1alpha1.HTTPScalerStatus{Demand: demand, Wiring: wiring(v1alpha1.PathDirect, nil)}, false, true, false},
		{"back", v1alpha1.HTTPScalerStatus{Wiring: wiring(v1alpha1.PathProxy, &until)}, true, false, true},
	} {
		if matters := set(step.status); matters != step.matters {
			t.Errorf("%s: work for the engine: %v", step.name, matters)
		}
		path := out.scalers[key].Path
		if path.Direct != step.direct || path.Until.Equal(until.Time) != step.back {
			t.Errorf("%s: the catalog has %+v", step.name, path)
		}
	}
}
