package offline

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/wiring/foreign"
)

// MaxFile bounds what is read of one file or stream, in bytes.
const MaxFile = 64 << 20

// Objects are what files describe.
type Objects struct {
	// Watched are of the kinds that the store holds.
	Watched []client.Object
	// ScaledObjects become HTTPScalers, routes and Gateways.
	ScaledObjects []*kedav1alpha1.ScaledObject
	// Foreign are Ingresses, VirtualServices and Routes of OpenShift, Rollouts targets of ScaledObjects.
	Foreign, Rollouts []*unstructured.Unstructured
	// Skipped are the kinds of the other objects, each once, sorted.
	Skipped []string
}

// Read reads files, directories, and standard input where a path is "-".
func Read(scheme *runtime.Scheme, paths []string, stdin io.Reader) (objects Objects, err error) {
	for _, path := range paths {
		if path == "-" {
			err = objects.addFrom(scheme, stdin, "standard input")
		} else {
			err = objects.addPath(scheme, path)
		}
		if err != nil {
			return Objects{}, err
		}
	}
	slices.Sort(objects.Skipped)
	objects.Skipped = slices.Compact(objects.Skipped)
	return objects, nil
}

// addPath adds the objects of a file, or of all YAML and JSON files below a directory.
func (o *Objects) addPath(scheme *runtime.Scheme, root string) error {
	return filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path != root && !isYAML(path) {
			return err
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		return o.addFrom(scheme, file, path)
	})
}

func isYAML(path string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, strings.ToLower(filepath.Ext(path)))
}

func (o *Objects) addFrom(scheme *runtime.Scheme, from io.Reader, name string) error {
	data, err := ReadAll(from)
	if err == nil {
		err = o.Add(scheme, data)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// ReadAll reads a file or stream, of at most MaxFile bytes.
func ReadAll(from io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(from, MaxFile+1))
	if err == nil && len(data) > MaxFile {
		return nil, fmt.Errorf("has more than %d bytes", MaxFile)
	}
	return data, err
}

// Add adds the objects of a stream of YAML documents. Fields that a kind does not have are errors, as with
// `kubectl apply --validate=strict`.
func (o *Objects) Add(scheme *runtime.Scheme, data []byte) error {
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	reader := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
	for number := 1; ; number++ {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil && len(bytes.TrimSpace(document)) > 0 {
			err = o.addDocument(scheme, decoder, document)
		}
		if err != nil {
			return fmt.Errorf("document %d: %w", number, err)
		}
	}
}

func (o *Objects) addDocument(scheme *runtime.Scheme, decoder runtime.Decoder, document []byte) error {
	decoded, gvk, err := decoder.Decode(document, nil, nil)
	if runtime.IsNotRegisteredError(err) {
		return o.addUntyped(document)
	}
	if runtime.IsMissingKind(err) && onlyComments(document) {
		return nil
	}
	if err != nil {
		return err
	}
	if list, isList := decoded.(*corev1.List); isList {
		for _, item := range list.Items {
			if err := o.addDocument(scheme, decoder, item.Raw); err != nil {
				return err
			}
		}
		return nil
	}
	object, ok := decoded.(client.Object)
	if !ok {
		o.Skipped = append(o.Skipped, gvk.Kind)
		return nil
	}
	object = store.Current(object)
	if so, ok := object.(*kedav1alpha1.ScaledObject); ok {
		o.ScaledObjects = append(o.ScaledObjects, withIdentity(so).(*kedav1alpha1.ScaledObject))
		return nil
	}
	if _, watched := KindOf(scheme, object); watched {
		o.Watched = append(o.Watched, withIdentity(object))
		return nil
	}
	return o.addUntyped(document)
}

// onlyComments reports whether a document has no content.
func onlyComments(document []byte) bool {
	var content map[string]any
	return sigsyaml.Unmarshal(document, &content) == nil && len(content) == 0
}

// addUntyped adds an object of another controller.
func (o *Objects) addUntyped(document []byte) error {
	object := &unstructured.Unstructured{}
	if err := sigsyaml.Unmarshal(document, &object.Object); err != nil {
		return err
	}
	switch object.GroupVersionKind() {
	case foreign.Ingress, foreign.VirtualService, foreign.Route:
		o.Foreign = append(o.Foreign, withIdentity(object).(*unstructured.Unstructured))
	case rollout:
		o.Rollouts = append(o.Rollouts, withIdentity(object).(*unstructured.Unstructured))
	default:
		o.Skipped = append(o.Skipped, object.GetKind())
	}
	return nil
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

// Load reads the objects of a stream of YAML documents that the control plane watches.
func Load(scheme *runtime.Scheme, data []byte) ([]client.Object, error) {
	var objects Objects
	err := objects.Add(scheme, data)
	return objects.Watched, err
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
			object.SetNamespace(metav1.NamespaceDefault)
		}
	}
	if object.GetGeneration() == 0 {
		object.SetGeneration(1)
	}
	return object
}
