package charts_test

import (
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
)

// TestTracing: the endpoint reaches the flag of the controllers, there is no flag without one, and what no controller takes is refused.
func TestTracing(t *testing.T) {
	for _, c := range []struct{ set, want string }{
		{"replicas=2", ""}, {"tracing=null", ""}, {"tracing.endpoint=", ""},
		{"tracing.endpoint=http://collector.monitoring:4317", "--tracing-endpoint=http://collector.monitoring:4317"},
		{"tracing.endpoint=https://[2001:db8::1]:443", "--tracing-endpoint=https://[2001:db8::1]:443"},
	} {
		args := named[*appsv1.Deployment](t, rendered(t, "--set", c.set), "kedify-gateway").Spec.Template.Spec.Containers[0].Args
		at := slices.IndexFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "--tracing-endpoint") })
		if got := at >= 0; got != (c.want != "") || got && args[at] != c.want {
			t.Errorf("%s: %q", c.set, args)
		}
	}
	for _, bad := range []string{
		"tracing.endpoint=collector:4317", "tracing.endpoint=http://collector", "tracing.endpoint=http://collector:4317/v1/traces",
		"tracing.endpoint=grpc://collector:4317", "tracing.insecure=true",
	} {
		if _, err := template(t, "--set", bad); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}
