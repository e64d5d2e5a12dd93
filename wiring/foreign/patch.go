package foreign

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/wiring/mirror"
)

// Operation is one of a JSON patch (RFC 6902). A list of them becomes a patch by json.Marshal
// without further settings: the API server compares texts as they are encoded, and encodes so
// itself.
//
// The first one of every patch here replaces the resourceVersion by that of the object: a race ends
// with 409 and can be tried again. Each element is tested as a whole before a word of it is
// written: its index may be that of another element by now. Values are parts of the object.
type Operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

const (
	opTest    = "test"
	opAdd     = "add"
	opReplace = "replace"
	opRemove  = "remove"
	// maxOperations of a patch: the API server refuses more than 10,000. The few that a last reference
	// and the annotation take fit above it.
	maxOperations = 9_900
)

// Rewrite returns the patch that has every reference for which rename returns a name lead to the
// Service of that name in the namespace of its target; nil when nothing changes. The name is that of
// package mirror, or empty. Rename is not asked about references that are refused, or lead to a wired
// Service of the annotation already. An object with too many references for one patch has the others
// rewritten by the next ones.
func Rewrite(object *unstructured.Unstructured, rename func(Reference) string) []Operation {
	known, err := originalsOf(object)
	if err != nil {
		return nil // every reference is refused
	}
	readings := read(object)
	next := known.namedBy(readings)
	var changes []Operation
	for i := range readings {
		reading := &readings[i]
		if _, wired := known.replacedAt(reading); wired || reading.Refused != "" || len(changes) > maxOperations {
			continue
		}
		wired := types.NamespacedName{Namespace: reading.Target.Key.Namespace, Name: rename(reading.Reference)}
		original := reading.backend()
		if other, has := next[wired]; !original.isWiredBy(wired.Name) || has && other != original {
			continue // what could not be put back
		}
		next[wired] = original
		changes = append(changes, reading.become(backend{name: wired.Name, port: mirror.PoolPort})...)
	}
	if len(changes) == 0 {
		return nil
	}
	return patch(object, append(changes, next.annotate(object)...))
}

// Wired returns the wired Services of which an object's annotation has originals, in no order.
func Wired(object *unstructured.Unstructured) []types.NamespacedName {
	known, _ := originalsOf(object) // of an annotation with an error nothing counts
	return slices.Collect(maps.Keys(known))
}

// Restore returns the patch that puts back every reference that names a wired Service of the
// object's annotation for which keep is false; nil when there is nothing to put back. What the user
// has pointed elsewhere meanwhile stays; a name of a wired Service that the user wrote beside
// rewritten ones is put back with them. The annotation alone says what is restored: of one that cannot
// be read nothing is, and References says so.
func Restore(object *unstructured.Unstructured, keep func(wired types.NamespacedName) bool) []Operation {
	known, err := originalsOf(object)
	if err != nil {
		return nil
	}
	kept := originals{}
	for wired, original := range known {
		if keep(wired) {
			kept[wired] = original
		}
	}
	if len(kept) == len(known) {
		return nil
	}
	var changes []Operation
	readings := read(object)
	for i := range readings {
		key := readings[i].Target.Key
		original, wired := known.replacedAt(&readings[i])
		if _, stays := kept[key]; !wired || stays {
			continue
		}
		if len(changes) > maxOperations {
			kept[key] = original // for the next patch
			continue
		}
		changes = append(changes, readings[i].become(original)...)
	}
	return patch(object, append(changes, kept.annotate(object)...))
}

func patch(object *unstructured.Unstructured, changes []Operation) []Operation {
	return append([]Operation{{opReplace, "/metadata/resourceVersion", object.GetResourceVersion()}}, changes...)
}

// backend is what the reference names now.
func (r *reading) backend() backend {
	named := backend{name: r.Target.Key.Name, pool: r.Target.Pool}
	if named.pool {
		named.port = r.Port.IntVal
	}
	return named
}

// become has the reference name another backend: one word, unless one of the two is a pool.
func (r *reading) become(other backend) []Operation {
	changes := []Operation{r.test(), r.set(other.name+r.suffix, r.name...)}
	switch {
	case other.pool:
		changes = append(changes, r.set(inferencev1.GroupName, "group"), r.set(poolKind, "kind"))
	case r.Target.Pool:
		changes = append(changes, r.set("", "group"), r.set(serviceKind, "kind"))
	default:
		return changes
	}
	if other.port != 0 {
		return append(changes, r.set(int64(other.port), "port"))
	}
	if _, has := r.element["port"]; has {
		changes = append(changes, Operation{Op: opRemove, Path: r.Pointer + "/port"})
	}
	return changes
}

// test is that of the element, or of its name when the element has a null in a list: the comparison of
// the API server panics there (gopkg.in/evanphx/json-patch.v4).
func (r *reading) test() Operation {
	if hasNullItem(r.element) {
		return Operation{opTest, r.pointerTo(r.name), at(r.element, r.name...)}
	}
	return Operation{opTest, r.Pointer, r.element}
}

func hasNullItem(value any) bool {
	switch value := value.(type) {
	case map[string]any:
		for _, field := range value {
			if hasNullItem(field) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(value, func(item any) bool { return item == nil || hasNullItem(item) })
	}
	return false
}

// set writes a field of the element.
func (r *reading) set(value any, path ...string) Operation {
	if at(r.element, path...) == nil {
		return Operation{opAdd, r.pointerTo(path), value}
	}
	return Operation{opReplace, r.pointerTo(path), value}
}

func (r *reading) pointerTo(path []string) string { return r.Pointer + "/" + strings.Join(path, "/") }

// annotate writes the annotation, or removes it with the last original.
func (o originals) annotate(object *unstructured.Unstructured) []Operation {
	annotations := mapAt(object.Object, "metadata", "annotations")
	before, has := annotations[v1alpha1.OriginalBackendsAnnotation]
	text, path := o.text(object.GetNamespace()), "/metadata/annotations/"+escape(v1alpha1.OriginalBackendsAnnotation)
	switch {
	case len(o) == 0 && !has || len(o) > 0 && before == any(text):
		return nil
	case len(o) == 0 && len(annotations) == 1:
		return []Operation{{Op: opRemove, Path: "/metadata/annotations"}}
	case len(o) == 0:
		return []Operation{{Op: opRemove, Path: path}}
	case annotations == nil:
		return []Operation{{opAdd, "/metadata/annotations", map[string]any{v1alpha1.OriginalBackendsAnnotation: text}}}
	}
	return []Operation{{opAdd, path, text}}
}
