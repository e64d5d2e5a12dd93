package engine

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/store"
)

// fragmentKey is one hostname of one listener.
type fragmentKey struct {
	gateway  types.NamespacedName
	listener resolve.ListenerID
	hostname string
}

type listenerKey struct {
	gateway  types.NamespacedName
	listener resolve.ListenerID
}

// fragmentIndex finds the contributions of routes by listener and hostname.
type fragmentIndex struct {
	at       map[fragmentKey][]owned[resolve.Fragment]
	forwards map[listenerKey][]owned[resolve.ForwardFragment]
	patterns map[listenerKey][]string // sorted wildcard hostnames with fragments
	exact    map[types.NamespacedName]map[fragmentKey]struct{}
	attached map[types.NamespacedName]map[resolve.ListenerID]int32
}

type owned[F any] struct {
	owner    resolve.Object
	fragment F
}

func newFragmentIndex() *fragmentIndex {
	return &fragmentIndex{
		at:       map[fragmentKey][]owned[resolve.Fragment]{},
		forwards: map[listenerKey][]owned[resolve.ForwardFragment]{},
		patterns: map[listenerKey][]string{},
		exact:    map[types.NamespacedName]map[fragmentKey]struct{}{},
		attached: map[types.NamespacedName]map[resolve.ListenerID]int32{},
	}
}

func isWildcard(hostname string) bool { return strings.HasPrefix(hostname, "*") }

// keyOf returns where a fragment is found.
func keyOf(f resolve.Fragment) fragmentKey {
	return fragmentKey{gateway: f.Gateway, listener: f.Listener, hostname: f.Hostname}
}

// add puts the fragments of a route into the index and returns what it touched.
func (x *fragmentIndex) add(result *resolve.RouteResult) (touched []store.Dep) {
	for _, fragment := range result.Fragments {
		key := keyOf(fragment)
		first := len(x.at[key]) == 0
		x.at[key] = append(x.at[key], owned[resolve.Fragment]{owner: result.Object, fragment: fragment})
		touched = append(touched, fragmentsDep{key})
		if first {
			touched = append(touched, x.appear(key)...)
		}
	}
	for _, forward := range result.Forwards {
		key := listenerKey{forward.Gateway, forward.Listener}
		x.forwards[key] = append(x.forwards[key], owned[resolve.ForwardFragment]{owner: result.Object, fragment: forward})
		touched = append(touched, forwardsDep{listenerKey{key.gateway, key.listener}})
	}
	return append(touched, x.count(result, 1)...)
}

// remove takes the fragments of a route out of the index and returns what it touched.
func (x *fragmentIndex) remove(result *resolve.RouteResult) (touched []store.Dep) {
	for _, fragment := range result.Fragments {
		key := keyOf(fragment)
		x.at[key] = withoutOwner(x.at[key], result.Object)
		touched = append(touched, fragmentsDep{key})
		if len(x.at[key]) == 0 {
			delete(x.at, key)
			touched = append(touched, x.vanish(key)...)
		}
	}
	for _, forward := range result.Forwards {
		key := listenerKey{forward.Gateway, forward.Listener}
		if x.forwards[key] = withoutOwner(x.forwards[key], result.Object); len(x.forwards[key]) == 0 {
			delete(x.forwards, key)
		}
		touched = append(touched, forwardsDep{listenerKey{key.gateway, key.listener}})
	}
	return append(touched, x.count(result, -1)...)
}

func withoutOwner[F any](all []owned[F], owner resolve.Object) []owned[F] {
	return slices.DeleteFunc(all, func(o owned[F]) bool { return o.owner == owner })
}

func (x *fragmentIndex) appear(key fragmentKey) []store.Dep {
	if !isWildcard(key.hostname) {
		if x.exact[key.gateway] == nil {
			x.exact[key.gateway] = map[fragmentKey]struct{}{}
		}
		x.exact[key.gateway][key] = struct{}{}
		return nil
	}
	listener := listenerKey{key.gateway, key.listener}
	at, _ := slices.BinarySearch(x.patterns[listener], key.hostname)
	x.patterns[listener] = slices.Insert(slices.Clone(x.patterns[listener]), at, key.hostname)
	return []store.Dep{patternsDep{listenerKey{key.gateway, key.listener}}}
}

func (x *fragmentIndex) vanish(key fragmentKey) []store.Dep {
	if !isWildcard(key.hostname) {
		if delete(x.exact[key.gateway], key); len(x.exact[key.gateway]) == 0 {
			delete(x.exact, key.gateway)
		}
		return nil
	}
	listener := listenerKey{key.gateway, key.listener}
	x.patterns[listener] = slices.DeleteFunc(slices.Clone(x.patterns[listener]), func(p string) bool { return p == key.hostname })
	if len(x.patterns[listener]) == 0 {
		delete(x.patterns, listener)
	}
	return []store.Dep{patternsDep{listenerKey{key.gateway, key.listener}}}
}

// count adjusts how many routes are attached to each listener. A route with several parents
// on one listener counts once.
func (x *fragmentIndex) count(result *resolve.RouteResult, by int32) (touched []store.Dep) {
	seen := map[listenerKey]bool{}
	for _, parent := range result.Parents {
		for _, listener := range parent.Attached {
			key := listenerKey{parent.Gateway, listener}
			if seen[key] {
				continue
			}
			seen[key] = true
			if x.attached[key.gateway] == nil {
				x.attached[key.gateway] = map[resolve.ListenerID]int32{}
			}
			if x.attached[key.gateway][listener] += by; x.attached[key.gateway][listener] == 0 {
				delete(x.attached[key.gateway], listener)
			}
			if len(x.attached[key.gateway]) == 0 {
				delete(x.attached, key.gateway)
			}
			touched = append(touched, attachedDep{key.gateway})
		}
	}
	return touched
}

// reader returns the function through which resolve.Host and resolve.Wildcards read.
func (x *fragmentIndex) reader(gateway types.NamespacedName, record func(store.Dep)) func(resolve.ListenerID, string) []resolve.Fragment {
	return func(listener resolve.ListenerID, hostname string) []resolve.Fragment {
		key := fragmentKey{gateway, listener, hostname}
		record(fragmentsDep{key})
		fragments := make([]resolve.Fragment, 0, len(x.at[key]))
		for _, o := range x.at[key] {
			fragments = append(fragments, o.fragment)
		}
		return fragments
	}
}
