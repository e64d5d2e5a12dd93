package wiring

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// TestWorldReplace: what a write returned replaces the object that it was made from, and nothing that an informer
// has brought since: that may be the answer of another writer.
func TestWorldReplace(t *testing.T) {
	version := func(number string) *corev1.Service {
		service := &corev1.Service{}
		service.Namespace, service.Name, service.ResourceVersion = "shop", "web", number
		return service
	}
	live := func(w *world) string { return objectsOf[*corev1.Service](w, kindService, "shop")[0].ResourceVersion }
	w, places, first := newWorld(), []string{"shop"}, version("1")
	w.set(kindService, first, nil, places)
	w.replace(kindService, first, version("2"), places, places)
	if got := live(w); got != "2" {
		t.Errorf("version %s after a write", got)
	}
	w.set(kindService, version("3"), places, places)
	w.replace(kindService, first, version("2"), places, places)
	if got := live(w); got != "3" {
		t.Errorf("version %s: a write hides what an informer brought after it", got)
	}
}
