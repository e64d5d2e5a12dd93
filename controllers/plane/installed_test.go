package plane

import (
	"cmp"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kedify/inference-gateway/controllers/resolve/class"
)

func crd(name, bundle, channel string) *metav1.PartialObjectMetadata {
	return &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{
		class.BundleAnnotation: bundle, class.ChannelAnnotation: channel,
	}}}
}

// TestInstalled: every event of a CRD of the Gateway API reports all of them; the CRDs of other
// groups, its experimental x-k8s.io group included, mean nothing.
func TestInstalled(t *testing.T) {
	var got class.Installed
	calls := 0
	row := installedRow(func(crds class.Installed) { got, calls = crds, calls+1 })
	set := func(crd *metav1.PartialObjectMetadata) {
		if row.Select(crd) {
			row.Handler.Set(nil, crd)
		}
	}
	want := func(step string, wantCalls int, crds ...class.CRD) {
		t.Helper()
		slices.SortFunc(got, func(a, b class.CRD) int { return cmp.Compare(a.Bundle, b.Bundle) })
		if !slices.Equal(got, crds) || calls != wantCalls {
			t.Errorf("%s: %v after %d calls, want %v after %d", step, got, calls, crds, wantCalls)
		}
	}
	gateways, routes := "gateways.gateway.networking.k8s.io", "httproutes.gateway.networking.k8s.io"
	set(crd(gateways, "v1.6.2", "standard"))
	set(crd("xmeshes.gateway.networking.x-k8s.io", "v1", "experimental"))
	set(crd("gateways.networking.istio.io", "v1", "experimental"))
	want("one of the group", 1, class.CRD{Bundle: "v1.6.2", Channel: "standard"})
	set(&metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: routes}})
	want("no annotations", 2, class.CRD{}, class.CRD{Bundle: "v1.6.2", Channel: "standard"})
	set(crd(routes, "v1.6.3", "experimental"))
	want("update", 3, class.CRD{Bundle: "v1.6.2", Channel: "standard"}, class.CRD{Bundle: "v1.6.3", Channel: "experimental"})
	row.Handler.Delete(crd(gateways, "", ""))
	want("deleted", 4, class.CRD{Bundle: "v1.6.3", Channel: "experimental"})
}
