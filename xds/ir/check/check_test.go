package check_test

import (
	"strings"
	"testing"

	"github.com/kedify/inference-gateway/xds/ir/check"
)

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
