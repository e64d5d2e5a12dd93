package access

import (
	"slices"
	"testing"
)

// FuzzAudiences: a token with any content is reviewed for this audience or for that of the API server.
func FuzzAudiences(f *testing.F) {
	for _, text := range []string{"", "opaque", "a.b.c", token(Audience), token("x"), "e30.eyJhdWQiOiJrZWRpZnktZ2F0ZXdheSJ9.", "e30.W10.",
		"e30.eyJhdWQiOnt9fQ."} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if found := audiences(text); found != nil && !slices.Equal(found, []string{Audience}) {
			t.Fatalf("%q: %q", text, found)
		}
	})
}
