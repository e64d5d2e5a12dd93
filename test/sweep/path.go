package sweep

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
)

// Path is where a value stands in an object: names of fields (string) and indexes of lists (int).
type Path []any

func (p Path) String() string {
	var text strings.Builder
	for _, part := range p {
		switch part := part.(type) {
		case int:
			fmt.Fprintf(&text, "[%d]", part)
		default:
			if text.Len() > 0 {
				text.WriteByte('.')
			}
			fmt.Fprint(&text, part)
		}
	}
	return text.String()
}

// Field is the path without the indexes of lists: the field of the schema.
func (p Path) Field() string {
	names := make([]string, 0, len(p))
	for _, part := range p {
		if name, is := part.(string); is {
			names = append(names, name)
		}
	}
	return strings.Join(names, ".")
}

// child is a longer path; it shares nothing with p.
func (p Path) child(part any) Path {
	return append(append(make(Path, 0, len(p)+1), p...), part)
}

// within reports whether p is the other path or leads into it.
func (p Path) within(other Path) bool {
	if len(p) < len(other) {
		return false
	}
	for i := range other {
		if p[i] != other[i] {
			return false
		}
	}
	return true
}

// absent is the value of a field that is not there.
type absent struct{}

// put returns the value with another one at the path. It changes the value in place; what leads to the
// path is made where it is missing.
func put(value any, path Path, what any) any {
	if len(path) == 0 {
		return what
	}
	_, remove := what.(absent)
	switch part := path[0].(type) {
	case string:
		fields, is := value.(map[string]any)
		if !is {
			fields = map[string]any{}
		}
		if remove && len(path) == 1 {
			delete(fields, part)
		} else {
			fields[part] = put(fields[part], path[1:], what)
		}
		return fields
	default:
		at := part.(int)
		items, _ := value.([]any)
		if at >= len(items) {
			at = len(items)
			items = append(items, nil)
		}
		if remove && len(path) == 1 {
			return append(items[:at:at], items[at+1:]...)
		}
		items[at] = put(items[at], path[1:], what)
		return items
	}
}

// copied is a deep copy of a value of an object.
func copied(value any) any {
	if _, is := value.(absent); is {
		return value
	}
	return runtime.DeepCopyJSONValue(value)
}

// keysOf are the keys of a map in their order.
func keysOf[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
