package store

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/controllers/scope"
)

// Dep is something a computation can read and a change can touch: an ObjectDep, an IndexDep, or
// a comparable type of a package that computes something which others read.
type Dep any

// ObjectDep is one object, there or not.
type ObjectDep struct {
	Kind Kind
	Key  types.NamespacedName
}

// IndexDep is the objects under one value of an index.
type IndexDep struct {
	Kind  Kind
	Index Index
	Value string
}

// ServedDep is whether the API server serves a kind.
type ServedDep struct{ Kind Kind }

// Store holds the objects by kind. The zero value is not usable; see New.
type Store struct {
	tables map[Kind]*table
	scope  scope.Scope
}

type table struct {
	row Row
	// missing: the API server does not serve the kind.
	missing bool
	objects map[types.NamespacedName]client.Object
	indexes map[Index]map[string][]types.NamespacedName // values hold few keys: sorted slices
}

// New returns an empty store that knows the kinds of Rows, of all namespaces.
func New() *Store { return NewWithin(scope.Scope{}) }

// NewWithin returns an empty store that gets objects of these namespaces alone.
func NewWithin(watched scope.Scope) *Store {
	s := &Store{scope: watched, tables: make(map[Kind]*table, len(Rows))}
	for _, row := range Rows {
		t := &table{row: row, objects: map[types.NamespacedName]client.Object{}, indexes: map[Index]map[string][]types.NamespacedName{}}
		for index := range row.Indexes {
			t.indexes[index] = map[string][]types.NamespacedName{}
		}
		s.tables[row.Kind] = t
	}
	return s
}

// KeyOf returns the key of an object.
func KeyOf(object client.Object) types.NamespacedName {
	return types.NamespacedName{Namespace: object.GetNamespace(), Name: object.GetName()}
}

// Set stores an object and returns what the change touches.
func (s *Store) Set(kind Kind, object client.Object) []Dep {
	t := s.table(kind)
	key := KeyOf(object)
	touched := t.unindex(key, t.objects[key])
	t.objects[key] = object
	for index, values := range t.row.Indexes {
		for _, value := range values(object) {
			t.add(index, value, key)
			touched = appendNew(touched, IndexDep{Kind: kind, Index: index, Value: value})
		}
	}
	return append(touched, ObjectDep{Kind: kind, Key: key})
}

// Delete removes an object and returns what the change touches.
func (s *Store) Delete(kind Kind, key types.NamespacedName) []Dep {
	t := s.table(kind)
	object, ok := t.objects[key]
	if !ok {
		return nil
	}
	touched := t.unindex(key, object)
	delete(t.objects, key)
	return append(touched, ObjectDep{Kind: kind, Key: key})
}

// Serve takes whether the API server serves a kind, and returns what the change touches. Without it, it does.
func (s *Store) Serve(kind Kind, served bool) []Dep {
	t := s.table(kind)
	if t.missing == !served {
		return nil
	}
	t.missing = !served
	return []Dep{ServedDep{kind}}
}

// Object returns one object, nil when there is none.
func (s *Store) Object(kind Kind, key types.NamespacedName) client.Object {
	return s.table(kind).objects[key]
}

// Replace swaps in a version of an object that means the same (Same): nothing is touched,
// but the older version need not be kept in memory.
func (s *Store) Replace(kind Kind, object client.Object) {
	s.table(kind).objects[KeyOf(object)] = object
}

// Keys returns the keys of a kind, sorted.
func (s *Store) Keys(kind Kind) []types.NamespacedName {
	t := s.table(kind)
	keys := make([]types.NamespacedName, 0, len(t.objects))
	for key := range t.objects {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, CompareKeys)
	return keys
}

// Len returns the number of objects of a kind.
func (s *Store) Len(kind Kind) int { return len(s.table(kind).objects) }

func (s *Store) table(kind Kind) *table {
	t, ok := s.tables[kind]
	if !ok {
		panic(fmt.Sprintf("store: kind %q has no row", kind))
	}
	return t
}

func (t *table) unindex(key types.NamespacedName, object client.Object) []Dep {
	if object == nil {
		return nil
	}
	var touched []Dep
	for index, values := range t.row.Indexes {
		for _, value := range values(object) {
			t.remove(index, value, key)
			touched = append(touched, IndexDep{Kind: t.row.Kind, Index: index, Value: value})
		}
	}
	return touched
}

func (t *table) add(index Index, value string, key types.NamespacedName) {
	keys := t.indexes[index][value]
	if at, found := slices.BinarySearchFunc(keys, key, CompareKeys); !found {
		t.indexes[index][value] = slices.Insert(keys, at, key)
	}
}

func (t *table) remove(index Index, value string, key types.NamespacedName) {
	keys := t.indexes[index][value]
	at, found := slices.BinarySearchFunc(keys, key, CompareKeys)
	if !found {
		return
	}
	if keys = slices.Delete(keys, at, at+1); len(keys) == 0 {
		delete(t.indexes[index], value)
		return
	}
	t.indexes[index][value] = keys
}

func appendNew(deps []Dep, dep Dep) []Dep {
	if slices.Contains(deps, dep) {
		return deps
	}
	return append(deps, dep)
}

// CompareKeys orders keys as the texts "namespace/name", which is how Gateway API ranks objects of the
// same age: "team-a/x" stands before "team/x".
func CompareKeys(a, b types.NamespacedName) int {
	if a.Namespace == b.Namespace {
		return strings.Compare(a.Name, b.Name)
	}
	same := min(len(a.Namespace), len(b.Namespace))
	return cmp.Or(
		strings.Compare(a.Namespace[:same], b.Namespace[:same]),
		cmp.Compare(letterOrSlash(a.Namespace, same), letterOrSlash(b.Namespace, same)),
	)
}

// letterOrSlash is what stands at i in "namespace/name", up to the slash.
func letterOrSlash(namespace string, i int) byte {
	if i < len(namespace) {
		return namespace[i]
	}
	return '/'
}

// CompareAge orders objects by precedence: the older first, then by CompareKeys.
func CompareAge[O client.Object](a, b O) int {
	return cmp.Or(
		a.GetCreationTimestamp().Compare(b.GetCreationTimestamp().Time),
		CompareKeys(KeyOf(a), KeyOf(b)),
	)
}
