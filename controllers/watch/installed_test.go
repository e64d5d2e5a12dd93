package watch

import (
	"cmp"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/controllers/store"
)

// heard is a Sink that keeps the last word on CRDs.
type heard struct {
	crds  class.Installed
	calls int
}

func (h *heard) Set(store.Kind, client.Object)           {}
func (h *heard) Delete(store.Kind, types.NamespacedName) {}
func (h *heard) Synced()                                 {}
func (h *heard) Installed(c class.Installed)             { h.crds, h.calls = c, h.calls+1 }

func crd(name, bundle, channel string) *metav1.PartialObjectMetadata {
	return &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{
		class.BundleAnnotation: bundle, class.ChannelAnnotation: channel,
	}}}
}

// TestInstalled: every event of a CRD of the Gateway API hands over all of them; the CRDs of
// other groups, its experimental x-k8s.io group included, mean nothing.
func TestInstalled(t *testing.T) {
	sink := &heard{}
	handler := (&crds{sink: sink, known: map[string]class.CRD{}}).handler()
	want := func(step string, calls int, crds ...class.CRD) {
		t.Helper()
		slices.SortFunc(sink.crds, func(a, b class.CRD) int { return cmp.Compare(a.Bundle, b.Bundle) })
		if !slices.Equal(sink.crds, crds) || sink.calls != calls {
			t.Errorf("%s: %v after %d calls, want %v after %d", step, sink.crds, sink.calls, crds, calls)
		}
	}
	gateways, routes := "gateways.gateway.networking.k8s.io", "httproutes.gateway.networking.k8s.io"
	handler.OnAdd(crd(gateways, "v1.6.2", "standard"), true)
	handler.OnAdd(crd("xmeshes.gateway.networking.x-k8s.io", "v1", "experimental"), true)
	handler.OnAdd(crd("gateways.networking.istio.io", "v1", "experimental"), true)
	want("one of the group", 1, class.CRD{Bundle: "v1.6.2", Channel: "standard"})
	handler.OnAdd(&metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: routes}}, false)
	want("no annotations", 2, class.CRD{}, class.CRD{Bundle: "v1.6.2", Channel: "standard"})
	handler.OnUpdate(nil, crd(routes, "v1.6.3", "experimental"))
	want("update", 3, class.CRD{Bundle: "v1.6.2", Channel: "standard"}, class.CRD{Bundle: "v1.6.3", Channel: "experimental"})
	handler.OnDelete(toolscache.DeletedFinalStateUnknown{Key: gateways, Obj: crd(gateways, "", "")})
	handler.OnDelete(crd(gateways, "", ""))
	want("deleted", 4, class.CRD{Bundle: "v1.6.3", Channel: "experimental"})
}
