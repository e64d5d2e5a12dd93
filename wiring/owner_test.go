package wiring

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/apply"
)

// TestOwnerOf: with a cache that is behind, this is what keeps the Services of proxies and slices of other Services
// from being overwritten.
func TestOwnerOf(t *testing.T) {
	service := func(wires string) client.Object {
		object := &corev1.Service{}
		object.Labels = map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy}
		if wires != "" {
			object.Annotations = map[string]string{v1alpha1.WiresAnnotation: wires}
		}
		return object
	}
	slice := func(by, of string) client.Object {
		object := &discoveryv1.EndpointSlice{}
		object.Labels = map[string]string{
			v1alpha1.ManagedByLabel: v1alpha1.ManagedBy, discoveryv1.LabelManagedBy: by, discoveryv1.LabelServiceName: of,
		}
		return object
	}
	bare := service("web")
	bare.SetLabels(nil)
	for name, row := range map[string]struct {
		live, desired client.Object
		want          apply.Owner
	}{
		"the wired Service":                  {service("web"), service("web"), apply.Own},
		"that of another Service":            {service("web.eu"), service("web"), apply.Foreign},
		"that of the proxies of a Gateway":   {service(""), service("web"), apply.Foreign},
		"one of a user":                      {bare, service("web"), apply.Foreign},
		"the slice":                          {slice(v1alpha1.ManagedBy, "web-kedify"), slice(v1alpha1.ManagedBy, "web-kedify"), apply.Own},
		"that of another Service's endpoint": {slice(v1alpha1.ManagedBy, "other"), slice(v1alpha1.ManagedBy, "web-kedify"), apply.Foreign},
		"that of Kubernetes": {slice("endpointslice-controller.k8s.io", "web-kedify"),
			slice(v1alpha1.ManagedBy, "web-kedify"), apply.Foreign},
	} {
		if got := ownerOf(row.live, row.desired); got != row.want {
			t.Errorf("%s: %d, want %d", name, got, row.want)
		}
	}
}
