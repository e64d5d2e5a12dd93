package trigger

import (
	"regexp"
	"testing"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// TestHeaderPattern: the whole value is compared, patterns in any case.
func TestHeaderPattern(t *testing.T) {
	regex := func(s string) v1alpha1.HTTPScalerHeader { return v1alpha1.HTTPScalerHeader{Name: "a", ValueRegex: &s} }
	wildcard := func(s string) v1alpha1.HTTPScalerHeader {
		return v1alpha1.HTTPScalerHeader{Name: "a", ValueWildcard: &s}
	}
	for _, c := range []struct {
		header v1alpha1.HTTPScalerHeader
		yes    []string
		no     []string
	}{
		{v1alpha1.HTTPScalerHeader{Name: "a"}, []string{"", "x", "a b"}, nil},
		{regex(`Go/[0-9]+(\.[0-9]+)*`), []string{"Go/1", "gO/1.22.0"}, []string{"Go/1.22.0-extra", "Go/", ""}},
		{regex(`a|b`), []string{"a", "B"}, []string{"ab", "xa"}},
		{wildcard("Python*"), []string{"Python", "pYtHoN/3.12"}, []string{"xPython", "Pytho"}},
		{wildcard("rel.v?-*stable"), []string{"REL.V2-ALPHA.STABLE"}, []string{"relxv2-alpha.stable", "rel.v-stable"}},
		{wildcard("*"), []string{"", "x"}, nil},
		{wildcard(`\*`), []string{`\`, `\x`}, []string{"*", "x"}},
		{wildcard("(a|b)"), []string{"(A|b)"}, []string{"a"}},
	} {
		pattern := HeaderPattern(c.header)
		whole := regexp.MustCompile("^(?:" + pattern + ")$")
		for _, value := range c.yes {
			if !whole.MatchString(value) {
				t.Errorf("%s does not match %q", pattern, value)
			}
		}
		for _, value := range c.no {
			if whole.MatchString(value) {
				t.Errorf("%s matches %q", pattern, value)
			}
		}
	}
	if pattern := HeaderPattern(v1alpha1.HTTPScalerHeader{Name: "a", Value: ptr("b")}); pattern != "" {
		t.Errorf("an exact value has the pattern %q", pattern)
	}
}
