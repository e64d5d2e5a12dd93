package charts_test

import (
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
)

// TestHoldLimits: the values reach the flags, and values that no controller takes are refused.
func TestHoldLimits(t *testing.T) {
	for _, c := range []struct {
		set  []string
		args []string
	}{
		{nil, []string{"--hold-timeout=55s", "--hold-max-pending=1000", "--hold-max-total=10000"}},
		{
			[]string{"--set", "hold.timeout=10m,hold.maxPending=20,hold.maxTotal=200"},
			[]string{"--hold-timeout=10m", "--hold-max-pending=20", "--hold-max-total=200"},
		},
	} {
		args := []string{}
		for _, object := range rendered(t, c.set...) {
			if deployment, is := object.(*appsv1.Deployment); is {
				args = append(args, deployment.Spec.Template.Spec.Containers[0].Args...)
			}
		}
		for _, want := range c.args {
			if !slices.Contains(args, want) {
				t.Errorf("%v: no %s among %q", c.set, want, args)
			}
		}
	}
	for _, bad := range []string{"hold.timeout=soon", "hold.maxPending=0", "hold.maxTotal=-1", "hold.maximum=1"} {
		if _, err := template(t, "--set", bad); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}
