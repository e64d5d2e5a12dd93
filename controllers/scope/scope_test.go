package scope_test

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/scope"
)

func TestScope(t *testing.T) {
	for _, c := range []struct {
		namespaces []string
		want       []string
		watched    map[string]bool
	}{
		{nil, nil, map[string]bool{"": true, "system": true, "a": true}},
		{[]string{"b", "a", "b"}, []string{"a", "b", "system"},
			map[string]bool{"": true, "system": true, "a": true, "b": true, "c": false, "ab": false}},
		{[]string{"system"}, []string{"system"}, map[string]bool{"": true, "system": true, "a": false}},
	} {
		s := scope.Of("system", c.namespaces)
		if !slices.Equal(s.Namespaces(), c.want) || s.All() != (len(c.namespaces) == 0) {
			t.Errorf("%q: %q, all %v", c.namespaces, s.Namespaces(), s.All())
		}
		for namespace, want := range c.watched {
			said := s.Outside("Secret", types.NamespacedName{Namespace: namespace, Name: "x"})
			if s.Has(namespace) != want || (said == "") != want {
				t.Errorf("%q has %q: %v, says %q", c.namespaces, namespace, s.Has(namespace), said)
			}
			words := "Secret " + namespace + "/x is in namespace " + namespace + ", which this installation does not watch"
			if !want && !strings.HasPrefix(said, words) {
				t.Error(said)
			}
		}
	}
}
