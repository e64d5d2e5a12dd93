package plan

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
)

// readyWorld is a trigger with its route and its Gateway as they are in the cluster, with conditions.
const readyWorld = `
kind: ScaledObject
metadata: {namespace: shop, name: web, uid: u1}
spec:
  scaleTargetRef: {name: web}
  triggers:
  - type: kedify-http
    metadata: {hosts: web.test, service: %[1]s, port: "8080", scalingMetric: requestRate, trafficAutowire: "false"}
---
kind: Service
metadata: {namespace: shop, name: web}
spec: {ports: [{port: 8080}]}
---
kind: HTTPScaler
metadata:
  namespace: shop
  name: web-0
  labels: {app.kubernetes.io/managed-by: kedify-gateway}
  ownerReferences: [{apiVersion: keda.sh/v1alpha1, kind: ScaledObject, name: web, uid: u1, controller: true}]
status: {conditions: [%[2]s]}
---
kind: HTTPRoute
metadata:
  namespace: shop
  name: web-0
  labels: {app.kubernetes.io/managed-by: kedify-gateway}
  ownerReferences: [{apiVersion: keda.sh/v1alpha1, kind: ScaledObject, name: web, uid: u1, controller: true}]
spec: {parentRefs: [{name: kedify-proxy}]}
status: {parents: [%[3]s]}
---
kind: Gateway
metadata: {namespace: shop, name: kedify-proxy, labels: {app.kubernetes.io/managed-by: kedify-gateway}}
spec: {gatewayClassName: kedify}
status: {conditions: [%[4]s]}
`

// Ready is True when everything that it sums up is known and good, False with the reason of what is not, and Unknown while it is
// not known.
func TestReady(t *testing.T) {
	const (
		conditions = `conditions: [{type: Accepted, status: "True", reason: Accepted}]}`
		accepted   = `{parentRef: {name: kedify-proxy}, controllerName: kedify.io/gateway-controller, ` + conditions
		foreign    = `{parentRef: {name: kedify-proxy}, controllerName: example.com/other, ` + conditions
		programmed = `{type: Programmed, status: "True", reason: Programmed}`
		waits      = `{type: Programmed, status: "False", reason: Pending, message: "No proxy is connected yet. Its image cannot be pulled."}`
		unserved   = `{type: Served, status: "False", reason: NoEndpoints, message: "1 of 1 replicas ready, none selected."}`
		served     = `{type: Served, status: "True", reason: Served}`
		untried    = `{type: Served, status: "Unknown", reason: NoRequestSince}`
	)
	for name, c := range map[string]struct {
		service, scaler, route, gateway string
		want, message                   string
	}{
		"all is well":            {"web", served, accepted, programmed, "True/Ready", "in force"},
		"no request ever waited": {"web", "", accepted, programmed, "True/Ready", ""},
		"none was tried since":   {"web", untried, accepted, programmed, "True/Ready", ""},
		"requests wait in vain":  {"web", unserved, accepted, programmed, "False/NoEndpoints", "none selected"},
		"its Service is missing": {"gone", unserved, accepted, programmed, "False/BackendNotFound", "gone"},
		"the Gateway waits": {"web", "", accepted, waits, "False/GatewayNotProgrammed",
			"Gateway shop/kedify-proxy is not programmed (Pending): No proxy is connected yet. Its image cannot be pulled."},
		"the Gateway is new":     {"web", "", accepted, "", "Unknown/Pending", "Gateway shop/kedify-proxy has no status yet."},
		"the route is new":       {"web", "", "", programmed, "Unknown/Pending", "HTTPRoute web-0 has no status of this controller yet."},
		"the route is another's": {"web", "", foreign, programmed, "Unknown/Pending", "HTTPRoute web-0"},
	} {
		t.Run(name, func(t *testing.T) {
			made := Make(load(t, fmt.Appendf(nil, readyWorld, c.service, c.scaler, c.route, c.gateway)))
			if len(made.Statuses) != 1 {
				t.Fatalf("%d statuses", len(made.Statuses))
			}
			ready := meta.FindStatusCondition(made.Statuses[0].Value.Conditions, ConditionReady)
			if got := string(ready.Status) + "/" + ready.Reason; got != c.want || !strings.Contains(ready.Message, c.message) {
				t.Errorf("%s: %s\nwant %s: %s", got, ready.Message, c.want, c.message)
			}
		})
	}
}
