package turns

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"
)

// The order of turns: one of each namespace, from the one after the last.
func TestOf(t *testing.T) {
	keys := func(texts ...string) (all []types.NamespacedName) {
		for _, text := range texts {
			namespace, name, _ := strings.Cut(text, "/")
			all = append(all, types.NamespacedName{Namespace: namespace, Name: name})
		}
		return all
	}
	all := keys("a/1", "a/2", "a/3", "b/1", "c/1", "c/2")
	for last, want := range map[string][]types.NamespacedName{
		"":  keys("a/1", "b/1", "c/1", "a/2", "c/2", "a/3"),
		"a": keys("b/1", "c/1", "a/1", "c/2", "a/2", "a/3"),
		"b": keys("c/1", "a/1", "b/1", "c/2", "a/2", "a/3"),
		"x": keys("a/1", "b/1", "c/1", "a/2", "c/2", "a/3"),
	} {
		if got := Of(all, last); !slices.Equal(got, want) {
			t.Errorf("after %q: %v, want %v", last, got, want)
		}
	}
	if got := Of(nil, "a"); len(got) != 0 {
		t.Errorf("of none: %v", got)
	}
}
