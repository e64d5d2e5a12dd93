package wiring

import (
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// A namespace full of objects that lead to an application of another one makes the plan of that one neither slow nor
// blind to what third namespaces have, and what is made later displaces nothing.
func TestObjectsOfOtherNamespacesAreBounded(t *testing.T) {
	made := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
	object := func(namespace string, i int) *unstructured.Unstructured {
		o := &unstructured.Unstructured{}
		o.SetNamespace(namespace)
		o.SetName(fmt.Sprintf("o-%05d", i))
		o.SetCreationTimestamp(metav1.NewTime(made.Add(time.Duration(i) * time.Second)))
		return o
	}
	var all []*unstructured.Unstructured
	for i := range 3 * maxAbroad {
		all = append(all, object("flood", 3*maxAbroad-1-i), object("shop", i))
	}
	all = append(all, object("third", 9999))
	found := map[string]int{}
	for _, o := range nearest("shop", all) {
		found[o.GetNamespace()]++
		if made := o.GetCreationTimestamp().Sub(made); o.GetNamespace() == "flood" && made >= maxAbroad*time.Second {
			t.Errorf("%s, which is younger than %d others, is read", o.GetName(), maxAbroad)
		}
	}
	if found["shop"] != 3*maxAbroad || found["flood"] != maxAbroad || found["third"] != 1 {
		t.Errorf("objects by namespace: %v", found)
	}
}
