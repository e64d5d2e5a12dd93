package trigger

import (
	"regexp"
	"strings"
	"testing"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// TestHeadersRules: the list is strict and bounded.
func TestHeadersRules(t *testing.T) {
	wantRules(t, []rule{
		{changes{"headers": "a: b"}, []string{
			`trigger 0: headers is wrong: "a: b" is no list; write a list like [{name: x-team, value: red}]`,
		}},
		{changes{"headers": "{"}, []string{
			`trigger 0: headers is wrong: "{" is no YAML; write a list like [{name: x-team, value: red}]`,
		}},
		{changes{"headers": "# nothing"}, []string{
			`trigger 0: headers is wrong: "# nothing" is no YAML; write a list like [{name: x-team, value: red}]`,
		}},
		{changes{"headers": "[]"}, []string{
			`trigger 0: headers "[]" is an empty list; add an item, or leave the key out`,
		}},
		{changes{"headers": "- name: a\n---\n- name: b"}, []string{
			`trigger 0: headers is wrong: it has more than one YAML document; write a list like [{name: x-team, value: red}]`,
		}},
		{changes{"headers": "- a"}, []string{
			`trigger 0: headers item 1: it is no mapping; begin it with the field name`,
		}},
		{changes{"headers": "- name: x-a\n  values: b"}, []string{
			`trigger 0: headers item 1: field "values" is not known; use name, value, valueWildcard or valueRegex`,
		}},
		{changes{"headers": "- value: b"}, []string{
			`trigger 0: headers item 1: name is missing; add the name of the header`,
		}},
		{changes{"headers": "- name: x a"}, []string{
			`trigger 0: headers item 1: name "x a" is not the name of a header; use letters, digits and dashes`,
		}},
		{changes{"headers": "- name:"}, []string{
			`trigger 0: headers item 1: name "" is not the name of a header; use letters, digits and dashes`,
		}},
		{changes{"headers": "- name: Host\n  value: a"}, []string{
			`trigger 0: headers item 1: name "Host" is not compared as a header; use hosts`,
		}},
		{changes{"headers": "- name: X-Envoy-Attempt-Count\n  value: a"}, []string{
			`trigger 0: headers item 1: name "X-Envoy-Attempt-Count" is that of a header which the proxy removes before it compares requests; ` +
				`match another one`,
		}},
		{changes{"headers": "- name: transfer-encoding"}, []string{
			`trigger 0: headers item 1: name "transfer-encoding" is that of a header which the proxy removes before it compares requests; ` +
				`match another one`,
		}},
		{changes{"headers": "- name: Connection\n  value: close"}, []string{
			`trigger 0: headers item 1: value "close" is removed from the header "Connection" before the proxy compares requests; match another one`,
		}},
		{changes{"headers": "- name: :path\n  value: /"}, []string{
			`trigger 0: headers item 1: name ":path" is not the name of a header; use letters, digits and dashes`,
		}},
		{changes{"headers": "- name: x-a\n  value:"}, []string{
			`trigger 0: headers item 1: value is empty; leave it out if the header must only be there`,
		}},
		{changes{"headers": "- name: x-a\n  value: \"\""}, []string{
			`trigger 0: headers item 1: value is empty; leave it out if the header must only be there`,
		}},
		{changes{"headers": "- name: x-a\n  value: [b]"}, []string{
			`trigger 0: headers item 1: field value is no text; put one value in quotes`,
		}},
		{changes{"headers": "- name: x-a\n  value: a\n- name: X-A\n  value: b"}, []string{
			`trigger 0: headers has "x-a" twice and all items must match; make one trigger for each value`,
		}},
		{changes{"headers": "- name: x-a\n  value: a\n  valueRegex: b"}, []string{
			`trigger 0: headers item 1: more than one of value, valueWildcard and valueRegex; keep one`,
		}},
		{changes{"headers": "- name: x-a\n  name: x-b"}, []string{
			`trigger 0: headers item 1: field name is there twice; keep one`,
		}},
		{changes{"headers": "- name: x-a\n  valueRegex: (b"}, []string{
			`trigger 0: headers item 1: valueRegex "(b" cannot be used as an RE2 expression (a group does not end); correct it`,
		}},
		{changes{"headers": "- name: x-a\n  valueRegex: a)(b"}, []string{
			`trigger 0: headers item 1: valueRegex "a)(b" cannot be used as an RE2 expression (a group ends that did not begin); correct it`,
		}},
		{changes{"headers": "- name: x-a\n  valueRegex: '" + strings.Repeat(`\w{999}`, 40) + "'"}, []string{
			`trigger 0: headers item 1: valueRegex "` + strings.Repeat(`\\w{999}`, 11) + `\\w{` + `"... cannot be used as an RE2 expression ` +
				`(its repetitions make more than 10000 instructions of it); correct it`,
		}},
		{changes{"headers": "- name: x-a\n  valueRegex: " + strings.Repeat("a", 513)}, []string{
			`trigger 0: headers item 1: valueRegex "` + strings.Repeat("a", 80) + `"... is too long; use at most 512 bytes`,
		}},
		{changes{"headers": "- name: x-a\n  value: 'a  b'"}, []string{
			`trigger 0: headers item 1: value "a  b" has a character that is not compared; use visible ASCII with single spaces in between`,
		}},
		{changes{"headers": "- name: x-a\n  valueWildcard: ü*"}, []string{
			`trigger 0: headers item 1: valueWildcard "ü*" has a character that is not compared; use visible ASCII with single spaces in between`,
		}},
		{changes{"headers": "- name: x-a\n  value: " + strings.Repeat("a", 2001)}, []string{
			`trigger 0: headers item 1: value "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"... ` +
				`is too long; use at most 2000 bytes`,
		}},
		{changes{"headers": "- name: " + strings.Repeat("a", 257)}, []string{
			`trigger 0: headers item 1: name "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"... ` +
				`is longer than 256 bytes; shorten it`,
		}},
		{changes{"headers": "[" + strings.Repeat("{name: a},", 17) + "]"}, []string{
			`trigger 0: headers has 17 items and a route takes 16; match fewer`,
		}},
		{changes{"headers": "[" + strings.Repeat(" ", 8192) + "]"}, []string{
			`trigger 0: headers is wrong: it is longer than 8192 bytes; write a list like [{name: x-team, value: red}]`,
		}},
		{changes{"headers": "- &x {name: a}\n- *x"}, []string{
			`trigger 0: headers item 2: it is no mapping; begin it with the field name`,
		}},
		{changes{"headers": "- [a]: b"}, []string{
			`trigger 0: headers item 1: field "" is not known; use name, value, valueWildcard or valueRegex`,
		}},
		{changes{"headers": "- name: x a\n- name: x-b\n  value: []"}, []string{
			`trigger 0: headers item 1: name "x a" is not the name of a header; use letters, digits and dashes`,
			`trigger 0: headers item 2: field value is no text; put one value in quotes`,
		}},
	})
}

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
