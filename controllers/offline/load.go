package offline

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/store"
)

// LoadDir reads the objects of all YAML files under a directory, or of one file.
func LoadDir(scheme *runtime.Scheme, root string) ([]client.Object, error) {
	var objects []client.Object
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !isYAML(path) {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		loaded, err := Load(scheme, data)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		objects = append(objects, loaded...)
		return nil
	})
	return objects, err
}

func isYAML(path string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, strings.ToLower(filepath.Ext(path)))
}

// WithClass adds the GatewayClass that the chart installs when the objects have none.
func WithClass(objects []client.Object) []client.Object {
	for _, object := range objects {
		if _, ok := object.(*gwv1.GatewayClass); ok {
			return objects
		}
	}
	return append(objects, &gwv1.GatewayClass{
		ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.GatewayClassName, Generation: 1},
		Spec:       gwv1.GatewayClassSpec{ControllerName: v1alpha1.ControllerName},
	})
}

// Load reads the objects of a stream of YAML documents. Kinds that the control plane does not
// watch are skipped; fields that a kind does not have are errors, as with
// `kubectl apply --validate=strict`.
func Load(scheme *runtime.Scheme, data []byte) ([]client.Object, error) {
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	reader := yaml.NewYAMLReader(newReader(data))
	var objects []client.Object
	for number := 1; ; number++ {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", number, err)
		}
		if len(bytes.TrimSpace(document)) == 0 {
			continue
		}
		decoded, _, err := decoder.Decode(document, nil, nil)
		if runtime.IsNotRegisteredError(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", number, err)
		}
		object, ok := decoded.(client.Object)
		if !ok {
			continue
		}
		if object = store.Current(object); watched(scheme, object) {
			objects = append(objects, withIdentity(object))
		}
	}
}

// watched reports whether the store has a row for the kind.
func watched(scheme *runtime.Scheme, object client.Object) bool {
	_, ok := KindOf(scheme, object)
	return ok
}

// KindOf returns the kind under which the store holds an object; ok is false when it is not watched.
func KindOf(scheme *runtime.Scheme, object client.Object) (store.Kind, bool) {
	gvk, err := apiutil.GVKForObject(object, scheme)
	if err != nil {
		return "", false
	}
	row, ok := store.RowOf(store.Kind(gvk.Kind))
	if !ok {
		return "", false
	}
	rowGVK, err := apiutil.GVKForObject(row.New(), scheme)
	return row.Kind, err == nil && rowGVK == gvk
}

// withIdentity gives an object what the API server would: a namespace and a generation.
func withIdentity(object client.Object) client.Object {
	switch object.GetObjectKind().GroupVersionKind().Kind {
	case string(store.GatewayClass), string(store.Namespace), string(store.ClusterTrustBundle):
	default:
		if object.GetNamespace() == "" {
			object.SetNamespace("default")
		}
	}
	if object.GetGeneration() == 0 {
		object.SetGeneration(1)
	}
	return object
}
