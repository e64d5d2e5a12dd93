package check_test

import (
	"strings"
	"testing"

	"github.com/kedify/inference-gateway/xds/ir/check"
)

func TestRegex(t *testing.T) {
	for expression, valid := range map[string]bool{
		`/v[0-9]+/.*`:                  true,
		`(?i)abc`:                      true,
		`\pL+`:                         true,
		``:                             true,
		`[a-`:                          false,
		`(?=look)ahead`:                false,
		`(a)\1`:                        false,
		`a{1001}`:                      false,
		`a\C`:                          false,
		"\xff":                         false,
		strings.Repeat("[^a]{200}", 9): true,
		strings.Repeat(`\pL{999}`, 40): false,
	} {
		if err := check.Regex(expression); (err == nil) != valid {
			t.Errorf("Regex(%.30q) = %v, want valid %v", expression, err, valid)
		}
	}
}

func TestHeader(t *testing.T) {
	for _, c := range []struct {
		name, value string
		valid       bool
	}{
		{"X-Team", "a b", true},
		{"x_under", "", true},
		{"x-percent", "100%", true},
		{"x-umlaut", "grün", true},
		{"", "a", false},
		{":path", "/", false},
		{"Host", "a", false},
		{"x y", "a", false},
		{"x-a", "a\r\nb", false},
		{"x-a", "a\x00", false},
		{"x-a", strings.Repeat("a", 16385), false},
	} {
		if err := check.Header(c.name, c.value); (err == nil) != c.valid {
			t.Errorf("Header(%q, %.20q) = %v, want valid %v", c.name, c.value, err, c.valid)
		}
	}
}

func TestPath(t *testing.T) {
	for path, valid := range map[string]bool{
		"/": true, "/a/b": true, "/a%20b": true, "": false, "a": false, "/a?b": false, "/a#b": false, "/a\n": false,
	} {
		if err := check.Path(path); (err == nil) != valid {
			t.Errorf("Path(%q) = %v, want valid %v", path, err, valid)
		}
	}
}
