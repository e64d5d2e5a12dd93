package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
)

const (
	// proxyName is the Gateway that the first ScaledObject of a namespace brings along.
	proxyName = "kedify-proxy"
	// coldStart is in every answer to a request that was asked about while nothing was ready.
	coldStart = "X-KEDA-HTTP-Cold-Start"
)

// workload is an echo backend with a Service on port 80, as an application that scales should
// be: it takes no new requests a moment before it stops.
type workload struct {
	Name     string
	Replicas int
	// Delay of the readiness after the start, in seconds: what a real application needs.
	Delay int
	// Nowhere: no node takes its pods, so nothing ever becomes ready.
	Nowhere bool
}

const workloadYAML = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{.Name}}}
spec:
  replicas: {{.Replicas}}
  selector: {matchLabels: {app: {{.Name}}}}
  template:
    metadata: {labels: {app: {{.Name}}}}
    spec:
      terminationGracePeriodSeconds: 5
      {{- if .Nowhere}}
      nodeSelector: {example.com/node: nowhere}
      {{- end}}
      containers:
      - name: echo
        image: registry.k8s.io/gateway-api/echo-basic:v1.5.1
        env:
        - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
        - {name: NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
        ports: [{containerPort: 3000}]
        readinessProbe: {httpGet: {path: /health, port: 3000}, initialDelaySeconds: {{.Delay}}, periodSeconds: 1}
        lifecycle: {preStop: {sleep: {seconds: 2}}}
        resources: {requests: {cpu: 5m}}
---
apiVersion: v1
kind: Service
metadata: {name: {{.Name}}}
spec:
  selector: {app: {{.Name}}}
  ports: [{name: http, port: 80, targetPort: 3000}]
`

// scaled is a ScaledObject with one kedify-http trigger for the workload of its name. Its times
// are short: what is proved with them is independent of their length.
type scaled struct {
	Name     string
	Min, Max int
	Host     string
	Metric   string
	Target   int
	// More metadata, "key: value" each, with the value as YAML.
	More []string
}

const scaledYAML = `
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: {{.Name}}}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: {{.Name}}}
  pollingInterval: 5
  cooldownPeriod: 5
  minReplicaCount: {{.Min}}
  maxReplicaCount: {{.Max}}
  advanced: {horizontalPodAutoscalerConfig: {behavior: {scaleDown: {stabilizationWindowSeconds: 5}}}}
  triggers:
  - type: kedify-http
    metadata:
      hosts: {{.Host}}
      service: {{.Name}}
      port: "80"
      scalingMetric: {{.Metric}}
      targetValue: "{{.Target}}"
      healthcheckPath: /alive
      healthcheckResponse: static
      {{- range .More}}
      {{.}}
      {{- end}}
`

// deploy applies a workload with its ScaledObject, waits until KEDA and the proxy are ready for
// it, and returns the proxy's address with the port for HTTP. That the route is in Envoy shows
// in its health check, which wakes nothing.
func deploy(t testing.TB, c *cluster.Cluster, namespace string, w workload, s scaled) (address string) {
	t.Helper()
	s.Name = w.Name
	c.Apply(t, namespace, render(t, workloadYAML, w))
	c.Apply(t, namespace, render(t, scaledYAML, s))
	address = proxied(t, c, namespace, w.Name+"-0")
	probe(t, address, s.Host, "/alive")
	return address
}

// proxied waits for the proxy of a namespace and for the routes of triggers, and returns the
// address with the port for HTTP.
func proxied(t testing.TB, c *cluster.Cluster, namespace string, triggers ...string) (address string) {
	t.Helper()
	for _, name := range triggers {
		scaler := c.ScalerHas(t, namespace, name, cluster.Accepted, cluster.ResolvedRefs)
		c.ScaledObjectReady(t, namespace, scaler.Spec.ScaledObject)
	}
	address = c.GatewayReady(t, namespace, proxyName) + ":8080"
	for _, name := range triggers {
		c.RouteHas(t, namespace, name, cluster.Accepted, cluster.ResolvedRefs)
	}
	cluster.Eventually(t, 30*time.Second, func() error { // the cluster's network may be a moment behind
		connection, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			err = connection.Close()
		}
		return err
	})
	return address
}

// patient is a client that waits for a cold start, with a connection per request.
var patient = &http.Client{
	Timeout:       4 * time.Minute,
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// wait sends one request and waits for its answer however long that takes. Headers are pairs of
// name and value.
func wait(ctx context.Context, address, host, body string, headers ...string) (answer, error) {
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://"+address+"/", strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	request.Host = host
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	if body != "" {
		// The backend parses a form to its end, so that an answer proves that the body arrived.
		request.Header.Set("content-type", "application/x-www-form-urlencoded")
	}
	response, err := patient.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return answer{status: response.StatusCode, header: response.Header, body: string(text)}, err
}

// crowd is requests under way at once.
type crowd struct {
	waiting sync.WaitGroup
	cancel  context.CancelFunc

	mu      sync.Mutex
	answers []answer
	errs    []error
	took    []time.Duration
}

// gather sends n requests at once. body makes the body of each, nil: none.
func gather(t testing.TB, n int, address, host string, body func(n int) string) *crowd {
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	all := &crowd{cancel: cancel}
	for i := range n {
		text := ""
		if body != nil {
			text = body(i)
		}
		all.waiting.Go(func() {
			begun := time.Now()
			got, err := wait(ctx, address, host, text)
			all.mu.Lock()
			defer all.mu.Unlock()
			all.answers, all.errs, all.took = append(all.answers, got), append(all.errs, err), append(all.took, time.Since(begun))
		})
	}
	return all
}

// done waits for all answers and fails the test when one is not as wanted.
func (c *crowd) done(t testing.TB, check func(answer) error) {
	t.Helper()
	c.waiting.Wait()
	wrong := 0
	var slowest time.Duration
	for i, got := range c.answers {
		slowest = max(slowest, c.took[i])
		err := c.errs[i]
		if err == nil {
			err = check(got)
		}
		if err != nil {
			if wrong++; wrong <= 5 {
				t.Errorf("after %s: %v", c.took[i].Round(time.Millisecond), err)
			}
		}
	}
	t.Logf("%d requests, %d unexpected answers, the slowest after %s", len(c.answers), wrong, slowest.Round(time.Millisecond))
}

// ok wants 200.
func ok(got answer) error {
	if got.status != http.StatusOK {
		return fmt.Errorf("%d: %.200s", got.status, got.body)
	}
	return nil
}

// cold wants 200 and the header of a request that waited.
func cold(got answer) error {
	if err := ok(got); err != nil {
		return err
	}
	if waited := got.header.Get(coldStart); waited != "true" {
		return fmt.Errorf("%s is %q", coldStart, waited)
	}
	return nil
}
