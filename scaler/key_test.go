package scaler_test

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler"
)

// Two names, and nothing else, make a demand key.
func FuzzParseKey(f *testing.F) {
	for _, text := range []string{"", "/", "a/b", "a/b/c", "a/", "/b", "ns/web-0"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		key, ok := scaler.ParseKey(text)
		parts := strings.Split(text, "/")
		valid := len(parts) == 2 && parts[0] != "" && parts[1] != ""
		if ok != valid || valid != (key != types.NamespacedName{}) || valid && key.String() != text {
			t.Errorf("%q is %v, %t", text, key, ok)
		}
	})
}
