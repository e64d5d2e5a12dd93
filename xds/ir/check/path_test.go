package check_test

import (
	"testing"

	"github.com/kedify/inference-gateway/xds/ir/check"
)

func TestNormalPath(t *testing.T) {
	for path, want := range map[string]string{
		"/": "/", "/a/b": "/a/b", "/%7Ejoe": "/~joe", "/%7ejoe": "/~joe", "/a%2Db": "/a-b", "/x%2Ey": "/x.y", "/%41bc": "/Abc",
		"/%2e%2E/a": "/../a", "/%30%5f": "/0_", "/caf%c3%a9": "/caf%C3%A9", "/a%20b": "/a%20b", "/a%2fb": "/a%2Fb", "/100%25": "/100%25",
		"/%": "/%", "/%4": "/%4", "/%4g": "/%4g", "/%%41": "/%A", "/%2541": "/%2541", "/a%2": "/a%2", "": "",
	} {
		if got := check.NormalPath(path); got != want {
			t.Errorf("NormalPath(%q) = %q, want %q", path, got, want)
		}
		if again := check.NormalPath(want); again != want && path != "/%%41" {
			t.Errorf("NormalPath(%q) = %q: the form of a form", want, again)
		}
	}
	for path, want := range map[string]bool{"/a": false, "/a%20b": false, "/caf%C3%A9": true, "/a%2Fb": true, "/a%FF": true,
		"/%F": false, "%": false} {
		if got := check.TwoSpellings(path); got != want {
			t.Errorf("TwoSpellings(%q) = %v", path, got)
		}
	}
}
