package infra

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kedify/inference-gateway/internal/names"
)

func TestName(t *testing.T) {
	long := strings.Repeat("a", 63)
	tests := map[string]struct{ gateway, want string }{
		"short":           {"web", "web-kedify"},
		"longest as is":   {strings.Repeat("a", 56), strings.Repeat("a", 56) + "-kedify"},
		"one more":        {strings.Repeat("a", 57), ""},
		"63 characters":   {long, ""},
		"253 characters":  {strings.Repeat("a.", 126) + "a", ""},
		"dots":            {"web.example", ""},
		"starts with 1":   {"1web", ""},
		"cut at a dash":   {strings.Repeat("a", 46) + "-" + strings.Repeat("b", 20), ""},
		"one character":   {"a", "a-kedify"},
		"dash after dots": {"a.-.b", ""},
	}
	seen := map[string]string{}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := Name(types.NamespacedName{Namespace: "shop", Name: test.gateway})
			if problems := validation.IsDNS1035Label(got); len(problems) > 0 {
				t.Errorf("%q is no Service name: %v", got, problems)
			}
			if test.want != "" && got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if other, ok := seen[got]; ok {
				t.Errorf("%q is the name for %q and %q", got, other, test.gateway)
			}
			seen[got] = test.gateway
			if label := names.LabelValue(test.gateway); len(validation.IsValidLabelValue(label)) > 0 {
				t.Errorf("%q is no label value", label)
			}
		})
	}
}

// TestClusterServiceName: a Service name for any name of a Gateway and any address, unlike that of another address, and unlike
// the objects of any Gateway.
func TestClusterServiceName(t *testing.T) {
	seen := map[string]string{}
	for _, gateway := range []string{"web", strings.Repeat("a", 63), strings.Repeat("a.", 126) + "a", "1web", "web-kedify-cluster"} {
		for _, ip := range []string{"", "10.96.0.50", "10.96.0.5", "fd00::1", "fd00::10", "2001:db8:1111:2222:3333:4444:5555:6666"} {
			got := ClusterServiceName(types.NamespacedName{Namespace: "shop", Name: gateway}, ip)
			if problems := validation.IsDNS1035Label(got); len(problems) > 0 {
				t.Errorf("%q is no Service name: %v", got, problems)
			}
			if other, taken := seen[got]; taken {
				t.Errorf("%q is the name for %q and %q", got, other, gateway+" "+ip)
			}
			seen[got] = gateway + " " + ip
			if !clusterName.MatchString(got) || strings.HasSuffix(got, nameSuffix) {
				t.Errorf("%q is not known as the name of such a Service", got)
			}
		}
	}
	if got := ClusterServiceName(types.NamespacedName{Name: "web"}, ""); got != "web-kedify-cluster" {
		t.Error(got)
	}
}

// Gateways whose names differ only in what a Service name cannot carry, or only behind the
// cut, do not share objects.
func TestNameIsUnique(t *testing.T) {
	stem := strings.Repeat("a", 70)
	for _, pair := range [][2]string{{"a.b", "a-b"}, {stem + "1", stem + "2"}, {"1a", "g-1a"}, {"a..b", "a.b"}} {
		first, second := Name(types.NamespacedName{Name: pair[0]}), Name(types.NamespacedName{Name: pair[1]})
		if first == second {
			t.Errorf("%q and %q are both %q", pair[0], pair[1], first)
		}
		if names.LabelValue(pair[0]) == names.LabelValue(pair[1]) {
			t.Errorf("%q and %q have the same label", pair[0], pair[1])
		}
	}
}
