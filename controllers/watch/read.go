package watch

import (
	"encoding/json"
	"maps"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"
	kjson "sigs.k8s.io/json"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// Read gives an object its Go form. With an error, the object has all fields but those that cannot be read, and
// v1alpha1.UnreadableAnnotation with the error.
func Read(raw map[string]any, object client.Object) error {
	text, err := json.Marshal(raw)
	if err != nil {
		return err
	}
	err = kjson.UnmarshalCaseSensitivePreserveInts(text, object) // goes on after a value that its field does not hold
	if err == nil {
		return nil
	}
	annotations := map[string]string{}
	maps.Copy(annotations, object.GetAnnotations())
	annotations[v1alpha1.UnreadableAnnotation] = err.Error()
	object.SetAnnotations(annotations)
	return err
}

// refusedInStatus reports whether the status of an object that cannot be read says so. Objects of other kinds are taken for absent.
func refusedInStatus(kind schema.GroupVersionKind) bool {
	return kind.Group == gwv1.GroupName && strings.HasSuffix(kind.Kind, "Route")
}

// convert gives an object its Go form. With an error, the form is what is left of it, or nil when it is to be absent.
func (s *source) convert(object *unstructured.Unstructured) (client.Object, error) {
	typed, err := s.empty()
	if err == nil {
		err = Read(object.Object, typed)
	}
	if err == nil {
		return typed, nil
	}
	log := s.log.WithValues("namespace", object.GetNamespace(), "name", object.GetName(), "resourceVersion", object.GetResourceVersion())
	if typed == nil || !refusedInStatus(s.gvk) {
		log.Error(err, "An object cannot be read, and is taken for absent")
		return nil, err
	}
	log.Error(err, "A route cannot be read, and is refused")
	return typed, err
}
