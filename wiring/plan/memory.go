package plan

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Memory is what no object remembers. A process that starts has an empty one.
type Memory struct {
	// Idle says since when nothing points at a wired Service, by its name.
	Idle map[string]time.Time
	// Entered says since when a wired Service has a ready endpoint of a proxy, by its name.
	Entered map[string]time.Time
	// Rewrites are the times at which an object was rewritten.
	Rewrites map[Identity][]time.Time
}

// Identity of an object, which one of the same name that is made later does not share.
type Identity string

// IdentityOf returns the identity of a foreign object.
func IdentityOf(object *unstructured.Unstructured) Identity {
	return Identity(fmt.Sprintf("%s %s/%s %s", object.GetKind(), object.GetNamespace(), object.GetName(), object.GetUID()))
}

// Rewritten returns a Memory that knows of a rewrite more, and has forgotten those that no limit
// counts any more.
func (m Memory) Rewritten(object *unstructured.Unstructured, at time.Time, period time.Duration) Memory {
	rewrites := map[Identity][]time.Time{}
	for id, times := range m.Rewrites {
		if recent := since(times, at.Add(-period)); len(recent) > 0 {
			rewrites[id] = recent
		}
	}
	id := IdentityOf(object)
	rewrites[id] = append(rewrites[id], at)
	m.Rewrites = rewrites
	return m
}

// since returns the times after another.
func since(times []time.Time, start time.Time) []time.Time {
	return slices.DeleteFunc(slices.Clone(times), func(t time.Time) bool { return !t.After(start) })
}
