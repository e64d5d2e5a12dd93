package e2e

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// planted is a fault of an object: what a client sees of it, and what the command line says.
type planted struct {
	name string
	// objects that have the fault; inside is the namespace that they are planted in.
	objects string
	inside  place
	// gets is the answer to a GET of path at host; 0: no plain request shows the fault.
	gets       int
	host, path string
	// by is the command that names the cause first.
	by command
	// kind of the object at fault, and the one whose line of status is about it, "KIND name"; empty: none is.
	kind, row string
	// asks are the arguments of explain; nil: doctor is asked.
	asks []string
	// link is the first one that does not hold, or where all hold the one that tells; says is part of its evidence.
	link, says string
}

// place is one of the namespaces of the test.
type place int

// Places: where the Gateways are, where they are not, and where there is a quota once the proxy runs.
const (
	home place = iota
	guest
	tight
)

// command in the order in which docs/troubleshoot.md asks.
type command int

const (
	byStatus command = iota + 1
	byExplain
	byDoctor
)

// String names a command.
func (c command) String() string { return [...]string{"none", "status", "explain", "doctor"}[c] }

// toA sends all requests to Service a, which has a ready Pod.
const toA = "backendRefs: [{name: a, port: 80}]"

// routed is an HTTPRoute of its name, with the host of its name.
func routed(name, parent, rule string) string {
	return fmt.Sprintf(`
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: %[1]s}
spec: {parentRefs: [{%[2]s}], hostnames: [%[1]s.example.com], rules: [{%[3]s}]}
`, name, parent, rule)
}

// fineYAML is what nothing is wrong with, and what the faults are about. Gateway secure has a listener that is a fault.
const fineYAML = gatewayYAML + `
  - {name: only, protocol: HTTP, port: 80, hostname: only.example.com}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: secure}
spec:
  gatewayClassName: kedify
  listeners:
  - {name: a, protocol: HTTPS, port: 443, hostname: ` + secureHost + `, tls: {certificateRefs: [{name: secure}]}}
  - {name: b, protocol: HTTPS, port: 443, hostname: "*.example.com", tls: {certificateRefs: [{name: secure}]}}
  - {name: no-secret, protocol: HTTPS, port: 443, hostname: no-secret.example.com, tls: {certificateRefs: [{name: gone}]}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: secure}
spec: {parentRefs: [{name: secure, sectionName: a}], rules: [{` + toA + `}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: wildcard}
spec: {parentRefs: [{name: secure, sectionName: b}], rules: [{` + toA + `}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: good}
spec:
  parentRefs: [{name: web}]
  hostnames: [good.example.com]
  rules: [{name: one, matches: [{path: {value: /cart}, method: GET}], ` + toA + `}]
`

const (
	foreignYAML = `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: foreign}
spec: {gatewayClassName: not-ours, listeners: [{name: http, protocol: HTTP, port: 80}]}
`
	// unreadyYAML is an application whose readiness probe asks for what is not there.
	unreadyYAML = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: unready}
spec:
  selector: {matchLabels: {app: unready}}
  template:
    metadata: {labels: {app: unready}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: echo
        ` + image + `
        env: [{name: POD_NAME, value: a}, {name: NAMESPACE, value: a}]
        readinessProbe: {httpGet: {path: /, port: 3001}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: unready}
spec: {selector: {app: unready}, ports: [{port: 80, targetPort: 3000}]}
`
	noCertificateYAML = `
apiVersion: v1
kind: ConfigMap
metadata: {name: authorities}
data: {ca.crt: this is no certificate}
---
apiVersion: v1
kind: Service
metadata: {name: no-authority}
spec: {selector: {app: a}, ports: [{port: 443, targetPort: 3000}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {name: no-authority}
spec:
  targetRefs: [{group: "", kind: Service, name: no-authority}]
  validation: {hostname: a.example.com, caCertificateRefs: [{group: "", kind: ConfigMap, name: authorities}]}
`
	poolYAML = `
---
apiVersion: inference.networking.k8s.io/v1
kind: InferencePool
metadata: {name: %[1]s}
spec:
  selector: {matchLabels: {app: %[2]s}}
  targetPorts: [{number: 3000}]
  endpointPickerRef: {name: %[3]s, port: {number: 80}, failureMode: %[4]s}
`
	toPool = "backendRefs: [{group: inference.networking.k8s.io, kind: InferencePool, name: %s}]"
)

// pooled is an InferencePool of Pods with a label, and its route. Service a is a picker that never answers as one.
func pooled(name, app, picker, failureMode string) string {
	return fmt.Sprintf(poolYAML, name, app, picker, failureMode) + routed(name, "name: web", fmt.Sprintf(toPool, name))
}

// application is a workload at zero, or with one replica, with its ScaledObject.
func application(t testing.TB, name string, replicas int, change ...string) string {
	t.Helper()
	made := render(t, workloadYAML, workload{Name: name, Replicas: replicas}) + "---" +
		render(t, scaledYAML, scaled{
			Name: name, Host: name + ".example.com", Min: replicas, Max: 1, Metric: "requestRate", Target: 10, More: []string{"holdTimeout: 5s"},
		})
	if len(change) > 0 && !strings.Contains(made, change[0]) {
		t.Fatalf("%s: the fault is not planted: no %q", name, change[0])
	}
	return strings.NewReplacer(change...).Replace(made)
}

const kindScaled = "ScaledObject"

// objectFaults are those of objects and of requests. gateways is the namespace of the Gateways.
func objectFaults(t testing.TB, gateways string) []planted {
	t.Helper()
	all := []planted{
		// 404
		{name: "no-gateway", objects: routed("no-gateway", "name: gone", toA), gets: http.StatusNotFound,
			by: byStatus, link: "gateway", says: "/gone does not exist"},
		{name: "foreign-class", objects: foreignYAML + routed("foreign-class", "name: foreign", toA), gets: http.StatusNotFound,
			by: byExplain, link: "gateway", says: `its class "not-ours" is not of this product`},
		{name: "no-section", objects: routed("no-section", "name: web, sectionName: https", toA), gets: http.StatusNotFound,
			by: byStatus, link: "attached", says: `has no listener with name "https"`},
		{name: "not-allowed", objects: routed("not-allowed", "name: web, namespace: "+gateways, toA), inside: guest, gets: http.StatusNotFound,
			by: byStatus, link: "attached", says: "takes routes of namespace"},
		{name: "other-host", objects: routed("other-host", "name: web, sectionName: only", toA), gets: http.StatusNotFound,
			by: byStatus, link: "attached", says: "none of spec.hostnames matches the hostname of a listener"},
		{name: "bad-regex", gets: http.StatusNotFound,
			objects: routed("bad-regex", "name: web", `matches: [{headers: [{type: RegularExpression, name: x-bad, value: "(["}]}], `+toA),
			by:      byStatus, link: "attached", says: `value "([" is not a regular expression the proxy takes`},
		{name: "typo", gets: http.StatusNotFound, host: "god.example.com", path: "/cart",
			asks: []string{"request", "GET", "http://god.example.com/cart"},
			by:   byExplain, link: "host", says: "good.example.com differs by one letter"},
		// 421
		{name: "misdirected", asks: []string{"request", "GET", "https://" + secureHost, "-H", "Host: b.example.com"},
			by: byExplain, link: "answer", says: "421: the host belongs to another listener than the server name"},
		// 500
		{name: "no-service", objects: routed("no-service", "name: web", "backendRefs: [{name: missing, port: 80}]"),
			gets: http.StatusInternalServerError, by: byStatus, link: "resolved", says: "/missing does not exist"},
		{name: "no-port", objects: routed("no-port", "name: web", "backendRefs: [{name: a, port: 81}]"),
			gets: http.StatusInternalServerError, by: byStatus, link: "resolved", says: "has no TCP port 81"},
		{name: "no-grant", objects: routed("no-grant", "name: web", "backendRefs: [{name: kubernetes, namespace: default, port: 443}]"),
			gets: http.StatusInternalServerError, by: byStatus, link: "resolved", says: "Service default/kubernetes is in another namespace"},
		// 503
		{name: "unready", objects: unreadyYAML + routed("unready", "name: web", "backendRefs: [{name: unready, port: 80}]"),
			gets: http.StatusServiceUnavailable, by: byExplain, link: "endpoints",
			says: "container echo runs and its readiness probe has not passed"},
		{name: "no-authority", gets: http.StatusServiceUnavailable,
			objects: noCertificateYAML + routed("no-authority", "name: web", "backendRefs: [{name: no-authority, port: 443}]"),
			by:      byExplain, link: "policy", says: "ResolvedRefs=False (InvalidCACertificateRef)"},
		{name: "no-picker", objects: pooled("no-picker", "a", "missing", "FailClose"), kind: "InferencePool",
			gets: http.StatusServiceUnavailable, by: byStatus, link: "resolved", says: "/missing does not exist"},
		{name: "empty-pool", objects: pooled("empty-pool", "none", "a", "FailOpen"), kind: "InferencePool",
			gets: http.StatusServiceUnavailable, by: byExplain, link: "endpoints", says: "its selector app=none takes no Pod"},
		{name: "paused", kind: kindScaled, gets: http.StatusServiceUnavailable,
			objects: application(t, "paused", 0, "kind: ScaledObject\nmetadata: {name: paused}",
				`kind: ScaledObject`+"\n"+`metadata: {name: paused, annotations: {autoscaling.keda.sh/paused: "true"}}`),
			by: byStatus, link: "keda", says: `autoscaling.keda.sh/paused: "true"`},
		// 504
		{name: "slow", objects: routed("slow", "name: web", `timeouts: {request: 1s}, `+toA),
			gets: http.StatusGatewayTimeout, path: "/?delay=10s",
			asks: []string{"request", "GET", "http://slow.example.com/"},
			by:   byExplain, link: "timeouts", says: "504 when the answer takes longer than 1s (timeouts.request)"},
		{name: "image", objects: application(t, "image", 0, image, "image: registry.invalid/gone:1"), kind: kindScaled,
			gets: http.StatusGatewayTimeout, by: byStatus, link: "workload", says: "ImagePullBackOff"},
		{name: "quota", objects: application(t, "quota", 0), inside: tight, kind: kindScaled,
			gets: http.StatusGatewayTimeout, by: byStatus, link: "workload", says: "exceeded quota: tight"},
		// No connection
		{name: "no-secret", objects: routed("no-secret", "name: secure, sectionName: no-secret", toA), row: "Gateway secure",
			by: byStatus, link: "listener", says: "/gone does not exist"},
		// It does not scale, it does not go to zero
		{name: "stays", objects: application(t, "stays", 1), kind: kindScaled,
			by: byExplain, link: "bounds", says: "minReplicaCount is 1, so the workload never goes to zero"},
		{name: "twin", objects: application(t, "twin", 0, "hosts: twin.example.com", "hosts: stays.example.com"), kind: kindScaled,
			by: byStatus, link: "parsed", says: "has it already"},
	}
	for i := range all {
		all[i].complete()
	}
	return all
}

// complete fills in what follows from the name of a fault.
func (f *planted) complete() {
	f.host, f.path = cmp.Or(f.host, f.name+".example.com"), cmp.Or(f.path, "/")
	if f.objects == "" {
		return // a request is at fault
	}
	f.kind = cmp.Or(f.kind, "HTTPRoute")
	if f.asks == nil {
		f.asks = []string{strings.ToLower(f.kind), f.name}
	}
	switch {
	case f.row != "":
	case f.kind == kindScaled:
		f.row = "HTTPScaler " + f.name + "-0"
	default:
		f.row = f.kind + " " + f.name
	}
}
