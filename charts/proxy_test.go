package charts_test

import (
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
)

// TestT61ClusterWideProxy: kedifyProxy.clusterWide and its former name say the same, and a
// contradiction is an error that names both.
func TestT61ClusterWideProxy(t *testing.T) {
	for _, c := range []struct {
		set     string
		shared  bool
		problem string
	}{
		{"", false, ""},
		{"kedifyProxy.clusterWide=true", true, ""},
		{"kedifyProxy.clusterWide=false", false, ""},
		{"sharedProxy=true", true, ""},
		{"sharedProxy=false", false, ""},
		{"kedifyProxy.clusterWide=true,sharedProxy=true", true, ""},
		{"kedifyProxy.clusterWide=false,sharedProxy=false", false, ""},
		{"kedifyProxy.clusterWide=true,sharedProxy=false", false, "kedifyProxy.clusterWide is true and sharedProxy"},
		{"kedifyProxy.clusterWide=false,sharedProxy=true", false, "kedifyProxy.clusterWide is false and sharedProxy"},
		{"kedifyProxy.clusterWide=maybe", false, "clusterWide"},
		{"kedifyProxy.clusterwide=true", false, "clusterwide"},
	} {
		t.Run(c.set, func(t *testing.T) {
			text, err := template(t, "--set", c.set)
			if c.problem != "" {
				if err == nil || !strings.Contains(err.Error(), c.problem) {
					t.Fatalf("error %v does not contain %q", err, c.problem)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			arguments := find[*appsv1.Deployment](t, decode(t, text)).Spec.Template.Spec.Containers[0].Args
			if slices.Contains(arguments, "--shared-proxy") != c.shared {
				t.Errorf("arguments %q", arguments)
			}
		})
	}
}
