// Package e2e keeps the promises of the product as tests, each named after its promise, on a
// real cluster with the chart installed.
//
// Job: apply what a user applies, under traffic, and see what a user sees.
// Inputs: the cluster of KUBECONFIG; -root, the clone with the examples; -long, for more of the
// same.
// Outputs: test results; the traffic's own numbers in the log of each test.
// Ownership: each test has a namespace of its own; tests run one after the other, because what
// they promise is about time and two cores are few.
package e2e

import (
	"flag"
	"os"
	"testing"
	"text/template"

	"bytes"

	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
)

var (
	root = flag.String("root", "../..", "the clone, for its examples")
	long = flag.Bool("long", false, "run the long form of tests that have one")
)

// controllers is where the chart is installed.
const controllers = "kedify-system"

func TestMain(m *testing.M) {
	flag.Parse()
	log.SetLogger(zap.New(zap.WriteTo(os.Stderr)))
	os.Exit(m.Run())
}

// render fills a template; an error is a mistake in the test.
func render(t testing.TB, text string, values any) string {
	t.Helper()
	var out bytes.Buffer
	if err := template.Must(template.New("yaml").Option("missingkey=error").Parse(text)).Execute(&out, values); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// gatewayYAML is a Gateway with one HTTP listener on port 80.
const gatewayYAML = `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web}
spec:
  gatewayClassName: kedify
  listeners:
  - {name: http, protocol: HTTP, port: 80}
`

// echo is an echo backend with its Service on port 80.
type echo struct {
	Name     string
	Replicas int
	// Unprobed: ready while it runs, however late the kubelet of a busy machine is.
	Unprobed bool
}

const echoYAML = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{.Name}}}
spec:
  replicas: {{.Replicas}}
  selector: {matchLabels: {app: {{.Name}}}}
  template:
    metadata: {labels: {app: {{.Name}}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: echo
        image: registry.k8s.io/gateway-api/echo-basic:v1.5.1
        env:
        - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
        - {name: NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
        ports: [{containerPort: 3000}]
        {{- if not .Unprobed}}
        readinessProbe: {httpGet: {path: /, port: 3000}, periodSeconds: 1}
        {{- end}}
---
apiVersion: v1
kind: Service
metadata: {name: {{.Name}}}
spec:
  selector: {app: {{.Name}}}
  ports: [{port: 80, targetPort: 3000}]
`
