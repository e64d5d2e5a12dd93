// Package scope says which namespaces the control plane watches.
//
// Job: one set of namespaces for everything that reads or names an object of one. Inputs: the flag
// --watch-namespaces. Outputs: answers, and the words for a reference that leads out. Ownership: values, never changed.
package scope

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/types"
)

// Scope is the namespaces that are watched. The zero value is all of them.
type Scope struct{ namespaces []string }

// Of returns the scope of an installation in the namespace own. No namespaces: all are watched; otherwise these and own.
func Of(own string, namespaces []string) Scope {
	if len(namespaces) == 0 {
		return Scope{}
	}
	all := append(slices.Clone(namespaces), own)
	slices.Sort(all)
	return Scope{slices.Compact(all)}
}

// All reports whether every namespace is watched.
func (s Scope) All() bool { return len(s.namespaces) == 0 }

// Namespaces are those that are watched, sorted; none: all are.
func (s Scope) Namespaces() []string { return s.namespaces }

// Has reports whether a namespace is watched. Objects of the cluster, whose namespace is empty, are.
func (s Scope) Has(namespace string) bool {
	return s.All() || namespace == "" || slices.Contains(s.namespaces, namespace)
}

// Outside says that an object is in a namespace that is not watched, without a full stop; empty: its namespace is. Whether the
// object exists is unknown.
func (s Scope) Outside(kind string, key types.NamespacedName) string {
	if s.Has(key.Namespace) {
		return ""
	}
	return fmt.Sprintf("%s %s is in namespace %s, which this installation does not watch (--watch-namespaces); "+
		"add the namespace to watchNamespaces of its chart, or use a %s of a namespace that is watched", kind, key, key.Namespace, kind)
}
