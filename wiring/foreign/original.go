package foreign

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/wiring/mirror"
)

// backend is what a reference names: a Service, or an InferencePool.
type backend struct {
	name string
	pool bool
	// port of a pool as the user wrote it, 0: none. Ports of Services are not written, because wired
	// Services have the same ones.
	port int32
}

// originals are the backends that wired Services replaced, by wired Service.
//
// In the annotation, a wired Service of another namespace is namespace/name. A Service is its name, a
// pool is an object, as in a route:
//
//	{"web-kedify": "web", "llm-kedify-pool": {"group": "inference.networking.k8s.io", "kind": "InferencePool", "name": "llm"}}
//
// A user with the right to write the annotation may write the references, too, but perhaps past a policy that binds
// this process less. So an entry can do one thing only: have a reference to a wired Service lead to the
// backend of which mirror.Name is the name of that Service.
type originals map[types.NamespacedName]backend

// poolReference is a pool in the annotation.
type poolReference struct {
	Group string `json:"group"`
	Kind  string `json:"kind"`
	Name  string `json:"name"`
	Port  int32  `json:"port,omitempty"`
}

// originalsOf reads the annotation of an object. Of an annotation with an error nothing is used.
func originalsOf(object *unstructured.Unstructured) (originals, error) {
	value, has := mapAt(object.Object, "metadata", "annotations")[v1alpha1.OriginalBackendsAnnotation]
	if !has {
		return nil, nil
	}
	text, is := value.(string)
	if !is || len(text) > apivalidation.TotalAnnotationSizeLimitB {
		return nil, errors.New("it is no text, or too long")
	}
	var entries map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &entries); err != nil {
		return nil, err
	}
	all := originals{}
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		wired := types.NamespacedName{Namespace: object.GetNamespace(), Name: key}
		if namespace, name, other := strings.Cut(key, "/"); other {
			wired = types.NamespacedName{Namespace: namespace, Name: name}
		}
		original, ok := readBackend(entries[key])
		if !ok || !original.isWiredBy(wired.Name) {
			return nil, fmt.Errorf("%.130q is not a wired Service with the Service or InferencePool that it stands for", key)
		}
		all[wired] = original
	}
	return all, nil
}

func readBackend(data []byte) (named backend, ok bool) {
	if bytes.HasPrefix(data, []byte(`"`)) {
		err := json.Unmarshal(data, &named.name)
		return named, err == nil
	}
	var pool poolReference
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if decoder.Decode(&pool) != nil || pool.Group != inferencev1.GroupName || pool.Kind != poolKind {
		return backend{}, false
	}
	return backend{name: pool.Name, pool: true, port: pool.Port}, pool.Port >= 0 && pool.Port <= math.MaxUint16
}

// isWiredBy reports whether a name is that of the wired Service of the backend.
func (b backend) isWiredBy(name string) bool {
	return b.isValid() && name == mirror.Name(b.name, b.pool)
}

func (b backend) isValid() bool {
	valid := validation.IsDNS1123Label
	if b.pool {
		valid = validation.IsDNS1123Subdomain
	}
	return len(valid(b.name)) == 0
}

// text is the value of the annotation of an object of a namespace.
func (o originals) text(namespace string) string {
	entries := make(map[string]any, len(o))
	for wired, original := range o {
		key := wired.Name
		if wired.Namespace != namespace {
			key = wired.String()
		}
		entries[key] = original.name
		if original.pool {
			entries[key] = poolReference{inferencev1.GroupName, poolKind, original.name, original.port}
		}
	}
	data, err := json.Marshal(entries)
	if err != nil {
		panic(err) // of texts and numbers there is no error
	}
	return string(data)
}

// namedBy returns the originals of the wired Services that references name.
func (o originals) namedBy(readings []reading) originals {
	named := originals{}
	for i := range readings {
		if original, has := o.replacedAt(&readings[i]); has {
			named[readings[i].Target.Key] = original
		}
	}
	return named
}

// replacedAt returns what a reference named before, if it names a wired Service.
func (o originals) replacedAt(reference *reading) (backend, bool) {
	original, has := o[reference.Target.Key]
	return original, has && !reference.Target.Pool && reference.element != nil
}
