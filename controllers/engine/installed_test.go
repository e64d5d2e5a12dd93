package engine

import (
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/controllers/store"
)

// TestInstalledChangesTheClass: the channel and the version of the CRDs show in the status of
// the class and in nothing else, and the same CRDs in another order are no change.
func TestInstalledChangesTheClass(t *testing.T) {
	out := newRecorder()
	model := New(out, class.Setting{})
	model.Set(store.GatewayClass, &gwv1.GatewayClass{
		ObjectMeta: metav1.ObjectMeta{Name: "kedify"}, Spec: gwv1.GatewayClassSpec{ControllerName: v1alpha1.ControllerName},
	})
	model.Set(store.GatewayClass, &gwv1.GatewayClass{
		ObjectMeta: metav1.ObjectMeta{Name: "other"}, Spec: gwv1.GatewayClassSpec{ControllerName: "example.com/controller"},
	})
	standard := class.CRD{Bundle: class.BundleVersion, Channel: "standard"}
	experimental := class.CRD{Bundle: class.BundleVersion, Channel: "experimental"}
	unknown := class.CRD{Bundle: "v2.0.0", Channel: "standard"}
	if !model.Installed(class.Installed{standard}) {
		t.Error("the first word is no change")
	}
	model.Synced()
	given := class.Installed{unknown, experimental}
	if model.Installed(given); given[0] != unknown {
		t.Error("the list of the caller is sorted")
	}
	model.Installed(class.Installed{standard})

	steps := []struct {
		installed class.Installed
		changed   bool
		matching  bool
		version   metav1.ConditionStatus
	}{
		{class.Installed{standard}, false, false, metav1.ConditionTrue},
		{class.Installed{experimental}, true, true, metav1.ConditionTrue},
		{class.Installed{experimental, unknown}, true, false, metav1.ConditionFalse},
		{class.Installed{unknown, experimental}, false, false, metav1.ConditionFalse},
		{class.Installed{experimental, experimental}, true, true, metav1.ConditionTrue},
	}
	for _, step := range steps {
		if changed := model.Installed(step.installed); changed != step.changed {
			t.Errorf("%v: changed %t", step.installed, changed)
		}
		model.Flush()
		if len(out.statuses) != 1 {
			t.Fatalf("statuses: %v", out.statuses)
		}
		status := out.statuses[resolve.Object{Kind: store.GatewayClass,
			Key: types.NamespacedName{Name: "kedify"}}].Value.(*gwv1.GatewayClassStatus)
		matching := slices.Contains(status.SupportedFeatures, gwv1.SupportedFeature{Name: "HTTPRouteDestinationPortMatching"})
		if matching != step.matching || status.Conditions[1].Status != step.version {
			t.Errorf("%v: matching %t, version %s, want %t and %s", step.installed, matching, status.Conditions[1].Status, step.matching,
				step.version)
		}
	}
}
