package hostname

import (
	"slices"
	"strings"
	"testing"
)

// matches is the definition of Gateway API Hostname: a wildcard stands for one label or more.
func matches(hostname, name string) bool {
	if hostname == "" || hostname == Every {
		return true
	}
	if suffix, wildcard := strings.CutPrefix(hostname, "*."); wildcard {
		head, found := strings.CutSuffix(name, "."+suffix)
		return found && head != ""
	}
	return hostname == name
}

func TestHostnameProblem(t *testing.T) {
	for hostname, good := range map[string]bool{
		"example.com": true, "*.example.com": true, "a": true, "a-b.c": true, "1.example": true,
		"": false, "*": false, "*.": false, "*example.com": false, "a.*.com": false, "*.*.com": false,
		"-a.com": false, "a-.com": false, "a..com": false, ".com": false, "com.": false, "A.com": false,
		"192.0.2.1": false, "a:80": false, "a/b": false, "ä.com": false, "a_b.com": false,
		strings.Repeat("a.", 126) + "a": true, strings.Repeat("a.", 126) + "aa": false,
	} {
		if problem := Problem(hostname); (problem == "") != good {
			t.Errorf("%q: problem %q", hostname, problem)
		}
	}
}

func TestMoreSpecific(t *testing.T) {
	order := []string{"a.b.example.com", "example.com", "*.b.example.com", "*.example.com", "*.longer", "*.com", ""}
	shuffled := slices.Clone(order)
	slices.Sort(shuffled)
	slices.SortFunc(shuffled, func(a, b string) int {
		switch {
		case MoreSpecific(a, b):
			return -1
		case MoreSpecific(b, a):
			return 1
		}
		return 0
	})
	if !slices.Equal(shuffled, order) {
		t.Errorf("order %q, want %q", shuffled, order)
	}
}

// FuzzHostnames checks the relations between hostnames against what they match.
func FuzzHostnames(f *testing.F) {
	for _, seed := range [][3]string{
		{"*.example.com", "a.example.com", "a.b.example.com"}, {"", "*.com", "example.com"},
		{"*.a.com", "*.b.a.com", "b.a.com"}, {"*.com", "xcom", "x.com"}, {"a.com", "a.com", "a.com"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, a, b, name string) {
		for _, hostname := range []string{a, b} {
			if hostname != "" && Problem(hostname) != "" {
				return
			}
		}
		if Problem(name) != "" || strings.HasPrefix(name, "*") {
			return
		}
		if matches(a, name) != Covers(a, name) {
			t.Fatalf("%q matches %q is %v, covers says %v", a, name, matches(a, name), Covers(a, name))
		}
		if Covers(a, b) && matches(b, name) && !matches(a, name) {
			t.Fatalf("%q covers %q but not its %q", a, b, name)
		}
		if matches(a, name) && matches(b, name) && !Overlap(a, b) {
			t.Fatalf("%q and %q both match %q and do not overlap", a, b, name)
		}
		if Overlap(a, b) != Overlap(b, a) {
			t.Fatalf("overlap of %q and %q depends on the order", a, b)
		}
		if a != b && Covers(a, b) && !MoreSpecific(b, a) {
			t.Fatalf("%q covers %q, which is not more specific", a, b)
		}
		if MoreSpecific(a, b) && MoreSpecific(b, a) {
			t.Fatalf("%q and %q are each more specific", a, b)
		}
	})
}
