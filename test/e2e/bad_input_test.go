package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
	"github.com/kedify/inference-gateway/test/e2e/internal/load"
)

// badYAML is a Gateway's worth of mistakes, each of them on a hostname of its own and next to a
// good rule where one route can hold both.
const badYAML = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: good}
spec:
  parentRefs: [{name: web}]
  hostnames: [good.example.com]
  rules:
  - backendRefs: [{name: a, port: 80}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: no-service}
spec:
  parentRefs: [{name: web}]
  hostnames: [no-service.example.com]
  rules:
  - matches: [{path: {type: PathPrefix, value: /bad}}]
    backendRefs: [{name: nobody, port: 80}]
  - backendRefs: [{name: a, port: 80}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: no-port}
spec:
  parentRefs: [{name: web}]
  hostnames: [no-port.example.com]
  rules:
  - matches: [{path: {type: PathPrefix, value: /bad}}]
    backendRefs: [{name: a, port: 81}]
  - backendRefs: [{name: a, port: 80}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: no-grant}
spec:
  parentRefs: [{name: web}]
  hostnames: [no-grant.example.com]
  rules:
  - matches: [{path: {type: PathPrefix, value: /bad}}]
    backendRefs: [{name: kubernetes, namespace: default, port: 443}]
  - backendRefs: [{name: a, port: 80}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: no-kind}
spec:
  parentRefs: [{name: web}]
  hostnames: [no-kind.example.com]
  rules:
  - matches: [{path: {type: PathPrefix, value: /bad}}]
    backendRefs: [{group: example.com, kind: Bucket, name: a, port: 80}]
  - backendRefs: [{name: a, port: 80}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: no-pool}
spec:
  parentRefs: [{name: web}]
  hostnames: [no-pool.example.com]
  rules:
  - matches: [{path: {type: PathPrefix, value: /bad}}]
    backendRefs: [{group: inference.networking.k8s.io, kind: InferencePool, name: nobody}]
  - backendRefs: [{name: a, port: 80}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: bad-regex}
spec:
  parentRefs: [{name: web}]
  hostnames: [bad-regex.example.com]
  rules:
  - matches: [{headers: [{type: RegularExpression, name: x-bad, value: "(["}]}]
    backendRefs: [{name: a, port: 80}]
`

// unreadableYAML has a quantity that the CRD admits and its Go type does not parse.
const unreadableYAML = `
apiVersion: gateway.kedify.io/v1alpha1
kind: GatewayParameters
metadata: {name: unreadable}
spec: {replicas: 1, envoy: {resources: {limits: {memory: "1e1.5"}}}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: unreadable}
spec:
  gatewayClassName: kedify
  infrastructure: {parametersRef: {group: gateway.kedify.io, kind: GatewayParameters, name: unreadable}}
  listeners: [{name: http, protocol: HTTP, port: 80}]
`

// invalid is what the status says of a rule that points nowhere.
func invalid(reason string) cluster.Condition {
	return cluster.Condition{Type: "ResolvedRefs", Status: metav1.ConditionFalse, Reason: reason}
}

// TestBadInputHurtsNoOther adds mistakes to a Gateway under traffic. Each object gets the
// condition and the reason of the specification and a message that names the culprit; a rule
// that points nowhere answers 500; no other rule, of the same route or of others, notices.
func TestBadInputHurtsNoOther(t *testing.T) {
	c := cluster.Connect(t)
	namespace := c.Namespace(t)
	c.Apply(t, namespace, gatewayYAML)
	c.Apply(t, namespace, render(t, echoYAML, echo{Name: "a", Replicas: 1}))
	good, _, _ := strings.Cut(badYAML, "---")
	c.Apply(t, namespace, good)
	c.DeploymentsReady(t, namespace)
	address := c.GatewayReady(t, namespace, "web")
	probe(t, address, "good.example.com", "/")
	traffic := load.Start(t, load.Options{
		Address: address + ":80", Workers: 4, Pause: 2 * time.Millisecond,
		Requests: []load.Request{{Host: "good.example.com", Path: "/"}},
	})
	c.Apply(t, namespace, badYAML)
	for _, one := range []struct {
		route, reason, names string
	}{
		{"no-service", "BackendNotFound", "nobody"},
		{"no-port", "BackendNotFound", "81"},
		{"no-grant", "RefNotPermitted", "kubernetes"},
		{"no-kind", "InvalidKind", "Bucket"},
		{"no-pool", "BackendNotFound", "nobody"},
	} {
		t.Run(one.route, func(t *testing.T) {
			c.RouteHas(t, namespace, one.route, cluster.Accepted, invalid(one.reason))
			if message := c.Message(t, namespace, one.route, "ResolvedRefs"); !strings.Contains(message, one.names) {
				t.Errorf("the message does not name %q: %s", one.names, message)
			}
			host := one.route + ".example.com"
			becomes(t, address, host, "/bad", 500)
			becomes(t, address, host, "/", 200)
		})
	}
	t.Run("bad-regex", func(t *testing.T) {
		c.RouteHas(t, namespace, "bad-regex", cluster.Condition{Type: "Accepted", Status: metav1.ConditionFalse, Reason: "UnsupportedValue"})
		if message := c.Message(t, namespace, "bad-regex", "Accepted"); !strings.Contains(message, "x-bad") && !strings.Contains(message, "([") {
			t.Errorf("the message names neither the header nor the expression: %s", message)
		}
	})
	t.Run("unreadable", func(t *testing.T) {
		c.Apply(t, namespace, unreadableYAML)
		poison := types.NamespacedName{Namespace: namespace, Name: "unreadable"}
		gatewaySays(t, c, poison, metav1.ConditionFalse, fmt.Sprintf("GatewayParameters %s does not exist", poison))
		// Objects of its kind, and of others, that come later are read.
		c.Apply(t, namespace, strings.NewReplacer("unreadable", "later", "1e1.5", "1Gi").Replace(unreadableYAML))
		gatewaySays(t, c, types.NamespacedName{Namespace: namespace, Name: "later"}, metav1.ConditionTrue, "")
		c.Apply(t, namespace, strings.ReplaceAll(good, "good", "later"))
		becomes(t, address, "later.example.com", "/", 200)
	})
	t.Run("TheGatewayStays", func(t *testing.T) {
		c.GatewayReady(t, namespace, "web")
		traffic.MustBeClean(t, 50)
	})
}

// gatewaySays waits until a Gateway is accepted, or is not, with the text in the message.
func gatewaySays(t *testing.T, c *cluster.Cluster, key types.NamespacedName, accepted metav1.ConditionStatus, text string) {
	t.Helper()
	cluster.Eventually(t, time.Minute, func() error {
		gateway := cluster.Get(t, c, key.Namespace, key.Name, &gwv1.Gateway{})
		found := meta.FindStatusCondition(gateway.Status.Conditions, string(gwv1.GatewayConditionAccepted))
		if found == nil || found.Status != accepted || !strings.Contains(found.Message, text) {
			return fmt.Errorf("gateway %s: %+v, want Accepted=%s, %q", key, found, accepted, text)
		}
		return nil
	})
}
