package watch_test

import (
	"testing"

	. "github.com/onsi/gomega"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/watch"
)

// rawRoute has the filter ExternalAuth. The CRD of Gateway API v1.6 bounds maxSize by nothing; the Go type is an int32.
func rawRoute(maxSize int64, annotations map[string]any) map[string]any {
	return map[string]any{
		"apiVersion": gwv1.GroupVersion.String(), "kind": "HTTPRoute",
		"metadata": map[string]any{"namespace": "shop", "name": "web", "annotations": annotations},
		"spec": map[string]any{
			"rules": []any{map[string]any{"filters": []any{map[string]any{
				"type": "ExternalAuth", "externalAuth": map[string]any{"forwardBody": map[string]any{"maxSize": maxSize}},
			}}}},
			"hostnames": []any{"web.test"},
		},
	}
}

// A route with a value that its field does not hold has its other fields, and says which it is.
func TestRead(t *testing.T) {
	g := NewWithT(t)
	route := &gwv1.HTTPRoute{}
	g.Expect(watch.Read(rawRoute(70_000, nil), route)).To(Succeed())
	g.Expect(route.Annotations).To(BeEmpty())
	g.Expect(route.Spec.Rules[0].Filters[0].ExternalAuth.ForwardBody.MaxSize).To(Equal(int32(70_000)))

	route = &gwv1.HTTPRoute{}
	err := watch.Read(rawRoute(5_000_000_000, map[string]any{"team": "a"}), route)
	g.Expect(err).To(MatchError(And(ContainSubstring("5000000000"), ContainSubstring("forwardBody.maxSize"))))
	g.Expect(route.Spec.Hostnames).To(HaveExactElements(gwv1.Hostname("web.test")))
	g.Expect(route.Annotations).To(Equal(map[string]string{"team": "a", v1alpha1.UnreadableAnnotation: err.Error()}))
}
