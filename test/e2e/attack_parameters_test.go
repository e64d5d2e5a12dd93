package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
)

// privilegedYAML is written by a tenant with the right to write gateways and gatewayparameters alone, who wants the node.
const privilegedYAML = `
apiVersion: gateway.kedify.io/v1alpha1
kind: GatewayParameters
metadata: {name: mine}
spec:
  podTemplate:
    spec:
      hostPID: true
      volumes: [{name: node, hostPath: {path: /}}]
      initContainers:
      - name: envoy
        securityContext: {privileged: true, runAsUser: 0, runAsNonRoot: false}
        volumeMounts: [{name: node, mountPath: /node}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: mine}
spec:
  gatewayClassName: kedify
  infrastructure:
    parametersRef: {group: gateway.kedify.io, kind: GatewayParameters, name: mine}
  listeners:
  - {name: http, protocol: HTTP, port: 80}
`

// TestX3GatewayParametersGiveNoPod: a Gateway whose parameters ask for a privileged Pod is not accepted, says why, and
// gets no Pod.
func TestX3GatewayParametersGiveNoPod(t *testing.T) {
	c := cluster.Connect(t)
	namespace := c.Namespace(t)
	c.Apply(t, namespace, privilegedYAML)
	cluster.Eventually(t, time.Minute, func() error {
		gateway := cluster.Get(t, c, namespace, "mine", &gwv1.Gateway{})
		accepted := meta.FindStatusCondition(gateway.Status.Conditions, string(gwv1.GatewayConditionAccepted))
		if accepted == nil || accepted.Reason != string(gwv1.GatewayReasonInvalidParameters) ||
			!strings.Contains(accepted.Message, "spec.podTemplate") {
			return fmt.Errorf("condition %+v", accepted)
		}
		return nil
	})
	var pods corev1.PodList
	if err := c.List(t.Context(), &pods, client.InNamespace(namespace)); err != nil || len(pods.Items) > 0 {
		t.Errorf("%d pods, %v", len(pods.Items), err)
	}
}
