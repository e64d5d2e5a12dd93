package trigger

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation"
)

func TestScalerName(t *testing.T) {
	long := strings.Repeat("a", 60)
	for _, c := range []struct{ object, trigger, want string }{
		{"shop", "", "shop-0"},
		{"shop", "alpha", "shop-alpha"},
		{"shop.v2", "alpha", "shop.v2-alpha"},
		{"shop", "blue-green", "shop-blue-green-" + hashOf(t, "shop", "blue-green")},
		{"shop", "Alpha", "shop-alpha-" + hashOf(t, "shop", "Alpha")},
		{"shop", "a_b c", "shop-a-b-c-" + hashOf(t, "shop", "a_b c")},
		{"shop", "ü", "shop-" + hashOf(t, "shop", "ü")},
		{long, "ab", long + "-ab"},
		{long, "abc", long[:52] + "-" + hashOf(t, long, "abc")},
		{long[:51] + ".b", "abcdefghijkl", long[:51] + "-" + hashOf(t, long[:51]+".b", "abcdefghijkl")},
	} {
		if got := ScalerName(c.object, c.trigger); got != c.want {
			t.Errorf("ScalerName(%q, %q) = %q, want %q", c.object, c.trigger, got, c.want)
		}
	}
}

// hashOf is the hash that a name ends with; the test above says where it is, the one below
// that it differs.
func hashOf(t *testing.T, object, trigger string) string {
	t.Helper()
	name := ScalerName(object, trigger)
	if len(name) < hashDigits {
		t.Fatalf("name %q has no hash", name)
	}
	return name[len(name)-hashDigits:]
}

// TestNamesDiffer: no two triggers of a namespace share a name.
func TestNamesDiffer(t *testing.T) {
	long := strings.Repeat("a", 253)
	of := map[string][2]string{}
	for _, object := range []string{"a", "a-b", "a-b-c", "a.b", "b", "a-0", "a0", long, long[:252] + "b"} {
		for _, trigger := range []string{"", "a", "b", "c", "b-c", "b_c", "B-C", "B_C", "-", "_", "0-0", "A", "ä", "ö", "a.b", long, long + "b"} {
			name := ScalerName(object, trigger)
			if other, found := of[name]; found {
				t.Errorf("%q is the name of %q and %q", name, other, [2]string{object, trigger})
			}
			of[name] = [2]string{object, trigger}
		}
	}
}

// FuzzScalerName: every name is one that objects and labels may have.
func FuzzScalerName(f *testing.F) {
	f.Add("shop", "")
	f.Add("", "")
	f.Add("shop.v2", "blue-green")
	f.Add(strings.Repeat("a.", 40), strings.Repeat("Ä", 40))
	f.Fuzz(func(t *testing.T, object, trigger string) {
		name := ScalerName(object, trigger)
		if len(validation.IsDNS1123Subdomain(name)) > 0 || len(validation.IsValidLabelValue(name)) > 0 {
			t.Errorf("ScalerName(%q, %q) = %q", object, trigger, name)
		}
		if again := ScalerName(object, trigger); again != name {
			t.Errorf("%q and %q", name, again)
		}
	})
}
