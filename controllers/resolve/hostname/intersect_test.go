package hostname

import (
	"strings"
	"testing"
)

func TestIntersectHostnames(t *testing.T) {
	for _, tt := range []struct{ listener, route, want string }{
		{"", "", "*<*"},
		{"", "a.x *.y", "*.y<*.y a.x<a.x"},
		{"a.x", "", "a.x<*"},
		{"*.x", "", "*.x<*"},
		{"a.x", "a.x b.x", "a.x<a.x"},
		{"a.x", "*.x", "a.x<*.x"},
		{"a.x", "*.x a.x", "a.x<a.x"},
		{"a.b.x", "*.x *.b.x", "a.b.x<*.b.x"},
		{"*.x", "a.x b.a.x x *.x *.y y", "*.x<*.x a.x<a.x b.a.x<b.a.x"},
		{"*.x", "*.a.x", "*.a.x<*.a.x"},
		{"*.a.x", "*.x", "*.a.x<*.x"},
		{"*.a.x", "a.x", ""},
		{"*.ax", "b.a.x", ""},
		{"a.x", "aa.x", ""},
	} {
		var shared []string
		for _, name := range Intersect(tt.listener, strings.Fields(tt.route)) {
			shared = append(shared, name.Name+"<"+name.Route)
		}
		if got := strings.Join(shared, " "); got != tt.want {
			t.Errorf("%q with %q: got %q, want %q", tt.listener, tt.route, got, tt.want)
		}
	}
}

func TestWiderPatterns(t *testing.T) {
	for hostname, want := range map[string]string{
		"a.b.c": "a.b.c *.b.c *.c *", "*.b.c": "*.b.c *.c *", "*.c": "*.c *", "c": "c *", "*": "*",
	} {
		if got := strings.Join(Wider(hostname), " "); got != want {
			t.Errorf("%s: got %s, want %s", hostname, got, want)
		}
	}
}

// FuzzIntersectHostnames holds the intersection to its definition: a name meets it exactly
// when it meets both sides.
func FuzzIntersectHostnames(f *testing.F) {
	f.Add("*.x", "a.x", "b.a.x")
	f.Add("", "*.x", "x")
	f.Add("*.a.x", "*.x", "b.a.x")
	f.Add("a.x", "*.x", "a.x")
	f.Fuzz(func(t *testing.T, listener, route, name string) {
		for _, hostname := range []string{listener, route} {
			if hostname != "" && Problem(hostname) != "" {
				t.Skip()
			}
		}
		if strings.HasPrefix(name, "*") || Problem(name) != "" {
			t.Skip()
		}
		shared := Intersect(listener, []string{route})
		if len(shared) > 1 {
			t.Fatalf("%q with %q: %q", listener, route, shared)
		}
		both := matches(listener, name) && matches(route, name)
		if meets := len(shared) == 1 && matches(shared[0].Name, name); meets != both {
			t.Errorf("%q with %q is %q: %q meets both %v, the intersection %v", listener, route, shared, name, both, meets)
		}
		// Every wider pattern covers the name, and no other pattern of the tree does.
		for _, pattern := range Wider(name) {
			if !matches(pattern, name) {
				t.Errorf("%q does not cover %q", pattern, name)
			}
		}
	})
}
