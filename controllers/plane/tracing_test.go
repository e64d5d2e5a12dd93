package plane_test

import (
	"testing"

	. "github.com/onsi/gomega"
	gwxv1 "sigs.k8s.io/gateway-api/apisx/v1alpha1"
)

func telemetryPolicyYAML(name, tracing string) string {
	return `
apiVersion: gateway.networking.x-k8s.io/v1alpha1
kind: XTelemetryPolicy
metadata: {namespace: infra, name: ` + name + `}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: gw}]
  tracing: ` + tracing + "\n"
}

// TestTelemetryPolicy: its status says whether it is in force for its Gateway and whether the collector may be called and is there.
func TestTelemetryPolicy(t *testing.T) {
	c := newCluster(t, gatewayYAML,
		telemetryPolicyYAML("traces", "{mode: Enabled, provider: {backendRef: {name: a, namespace: apps, port: 80}}}"))
	c.leader("127.0.0.1")
	policy, other := &gwxv1.XTelemetryPolicy{}, &gwxv1.XTelemetryPolicy{}
	policy.Namespace, policy.Name, other.Namespace, other.Name = "infra", "traces", "infra", "zz"
	c.Eventually(c.condition(policy, "ResolvedRefs")).Should(Equal("False/RefNotPermitted"))
	c.Expect(c.condition(policy, "Accepted")()).To(Equal("True/Accepted"))
	c.set(`
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {namespace: apps, name: traces}
spec:
  from: [{group: gateway.networking.x-k8s.io, kind: XTelemetryPolicy, namespace: infra}]
  to: [{group: "", kind: Service, name: a}]
`)
	c.Eventually(c.condition(policy, "ResolvedRefs")).Should(Equal("False/BackendNotFound"))
	c.set(serviceYAML("a", "10.0.0.1"))
	c.Eventually(c.condition(policy, "ResolvedRefs")).Should(Equal("True/ResolvedRefs"))
	c.set(telemetryPolicyYAML("zz", "{mode: Disabled}"))
	c.Eventually(c.condition(other, "Accepted")).Should(Equal("False/Conflicted"))
	c.Expect(c.find(other, "Accepted").Message).To(ContainSubstring("XTelemetryPolicy infra/traces has Gateway"))
}
