package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
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

// unreadableYAML has a number that the CRD admits and the Go type of the field does not hold (Gateway API v1.6).
const unreadableYAML = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: unreadable}
spec:
  parentRefs: [{name: web}]
  hostnames: [unreadable.example.com]
  rules:
  - filters:
    - type: ExternalAuth
      externalAuth: {protocol: HTTP, http: {path: /}, backendRef: {name: a, port: 80}, forwardBody: {maxSize: 70000}}
    backendRefs: [{name: a, port: 80}]
`

// invalid is what the status says of a rule that points nowhere.
func invalid(reason string) cluster.Condition {
	return cluster.Condition{Type: "ResolvedRefs", Status: metav1.ConditionFalse, Reason: reason}
}

// TestBadInputHurtsNobody adds mistakes to a Gateway under traffic. Each object gets the
// condition and the reason of the specification and a message that names the culprit; a rule
// that points nowhere answers 500; no other rule, of the same route or of others, notices.
func TestBadInputHurtsNobody(t *testing.T) {
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
		refusedByName(t, c, namespace, "unreadable", "forwardBody.maxSize")
		c.Apply(t, namespace, strings.ReplaceAll(good, "good", "later"))
		becomes(t, address, "later.example.com", "/", 200)
	})
	t.Run("TheGatewayStays", func(t *testing.T) {
		c.GatewayReady(t, namespace, "web")
		traffic.MustBeClean(t, 50)
	})
}

// refusedByName waits until a route that cannot be read with its Go type is refused with the field.
func refusedByName(t *testing.T, c *cluster.Cluster, namespace, name, field string) {
	t.Helper()
	cluster.Eventually(t, time.Minute, func() error {
		route := cluster.Get(t, c, namespace, name, untypedRoute())
		text, err := json.Marshal(route.Object["status"])
		if err != nil {
			return err
		}
		var status gwv1.HTTPRouteStatus
		if err := json.Unmarshal(text, &status); err != nil {
			return err
		}
		for _, parent := range status.Parents {
			accepted := meta.FindStatusCondition(parent.Conditions, string(gwv1.RouteConditionAccepted))
			if accepted != nil && accepted.Status == metav1.ConditionFalse && accepted.Reason == string(gwv1.RouteReasonUnsupportedValue) &&
				strings.Contains(accepted.Message, field) {
				return nil
			}
		}
		return fmt.Errorf("the status does not refuse %s: %s", field, text)
	})
}

func untypedRoute() *unstructured.Unstructured {
	route := &unstructured.Unstructured{}
	route.SetGroupVersionKind(gwv1.SchemeGroupVersion.WithKind("HTTPRoute"))
	return route
}
