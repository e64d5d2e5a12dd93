package wiring

import (
	"errors"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"context"

	"github.com/kedify/inference-gateway/wiring/foreign"
)

// What the API server answers to a JSON patch says whether the object is read again, or a person has to do something.
func TestAnswersToPatches(t *testing.T) {
	ingress := schema.GroupResource{Group: "networking.k8s.io", Resource: "ingresses"}
	kind := schema.GroupKind{Group: "networking.k8s.io", Kind: "Ingress"}
	// Read from an API server 1.36: a test that fails, or a path that does not exist.
	test := &apierrors.StatusError{ErrStatus: metav1.Status{
		Status: metav1.StatusFailure, Code: 422, Reason: metav1.StatusReasonInvalid, Details: &metav1.StatusDetails{},
		Message: "the server rejected our request due to an error in our request",
	}}
	for name, c := range map[string]struct{ answer, want error }{
		"a test that fails": {test, errChanged},
		"another version":   {apierrors.NewConflict(ingress, "web", errors.New("modified")), errChanged},
		"an object that is not valid": {apierrors.NewInvalid(kind, "web", field.ErrorList{field.Required(field.NewPath("spec"), "")}),
			errRefused},
		"no permission":              {apierrors.NewForbidden(ingress, "web", errors.New("no")), errRefused},
		"a webhook":                  {apierrors.NewBadRequest("denied"), errRefused},
		"an API server that is busy": {apierrors.NewTooManyRequests("busy", 1), nil},
	} {
		t.Run(name, func(t *testing.T) {
			writer := interceptor.NewClient(fake.NewClientBuilder().Build(), interceptor.Funcs{
				Patch: func(context.Context, client.WithWatch, client.Object, client.Patch, ...client.PatchOption) error {
					return c.answer
				},
			})
			object := &unstructured.Unstructured{}
			object.SetGroupVersionKind(networkingv1.SchemeGroupVersion.WithKind("Ingress"))
			object.SetName("web")
			_, err := newPatcher(writer, nil).patch(t.Context(), object, []foreign.Operation{{Op: "test", Path: "/spec"}})
			if err == nil || c.want != nil && !errors.Is(err, c.want) ||
				c.want == nil && (errors.Is(err, errChanged) || errors.Is(err, errRefused)) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
}
