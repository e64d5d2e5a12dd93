package trigger

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// TestModelRules: names are exact or end with an asterisk, and go with what a route takes.
func TestModelRules(t *testing.T) {
	many := func(n int, format string) string {
		var items []string
		for i := range n {
			items = append(items, fmt.Sprintf(format, i))
		}
		return strings.Join(items, ",")
	}
	var headers []string
	for i := range 16 {
		headers = append(headers, fmt.Sprintf("{name: h%d}", i))
	}
	wantRules(t, []rule{
		{changes{"model": "red, blue-*"}, nil},
		{changes{"model": "a*b"}, []string{
			`trigger 0: model item "a*b" has an asterisk before its end, which stands for nothing there; write one at the end, for all names that begin so`,
		}},
		{changes{"model": "**"}, []string{
			`trigger 0: model item "**" has an asterisk before its end, which stands for nothing there; write one at the end, for all names that begin so`,
		}},
		{changes{"model": "red,,blue"}, []string{
			`trigger 0: model "red,,blue" has an empty item; remove the comma that is too many`,
		}},
		{changes{"model": "grün"}, []string{
			`trigger 0: model item "grün" has a character that is not printable ASCII; correct it`,
		}},
		{changes{"model": "red *"}, []string{
			`trigger 0: model item "red *" begins or ends with a space; correct it`,
		}},
		{changes{"model": "*,red"}, []string{
			`trigger 0: model has "*" beside other names, which it includes; keep one or the other`,
		}},
		{changes{"model": many(17, "m%d")}, []string{
			`trigger 0: model has 17 items and the limit is 16; write fewer, or make several triggers`,
		}},
		{changes{"model": many(13, "m%d"), "pathPrefixes": many(5, "/p%d")}, []string{
			`trigger 0: model with 13 items and pathPrefixes with 5 make 65 pairs and the limit is 64; write fewer, or make several triggers`,
		}},
		{changes{"model": "red", "headers": "[{name: X-Gateway-Model-Name, value: red}]"}, []string{
			`trigger 0: headers has "x-gateway-model-name", which stands for the model, beside the key model; keep one of them`,
		}},
		{changes{"model": "red", "headers": "[" + strings.Join(headers, ",") + "]"}, []string{
			`trigger 0: headers has 16 items, and with the key model a route takes 15; match fewer`,
		}},
	})
}

func TestModelPattern(t *testing.T) {
	for name, want := range map[string]string{"gpt-4.1": "", "gpt-4.1*": "gpt-4\\.1.*", "*": ".*"} {
		if got := ModelPattern(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if !regexp.MustCompile("^(?:" + ModelPattern("a+b*") + ")$").MatchString("a+b/8") {
		t.Error("a name with characters of expressions does not match itself")
	}
}
