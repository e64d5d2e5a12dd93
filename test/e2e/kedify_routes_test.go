package e2e

import (
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
)

// routesYAML are four applications whose triggers share hosts. They are applied one after the
// other: on one.test the shorter path is the older object, on two.test the longer one.
var routesYAML = []struct{ name, triggers string }{
	{"ash", `
  - {type: kedify-http, name: root, metadata: {hosts: one.test, service: ash, port: "80", scalingMetric: requestRate}}
  - {type: kedify-http, name: both, metadata: {hosts: "a.test, b.test", service: ash, port: "80", scalingMetric: requestRate}}
  - {type: kedify-http, name: foo, metadata: {hosts: header.test, headers: "[{name: app, value: foo}]", service: ash, port: "80",
      scalingMetric: requestRate}}
`},
	{"birch", `
  - {type: kedify-http, name: foo, metadata: {hosts: one.test, pathPrefixes: /foo, service: birch, port: "80", scalingMetric: requestRate}}
  - {type: kedify-http, name: exact, metadata: {hosts: a.x.test, service: birch, portName: http, scalingMetric: requestRate}}
  - {type: kedify-http, name: bar, metadata: {hosts: header.test, headers: "[{name: app, value: bar}]", service: birch, port: "80",
      scalingMetric: requestRate}}
`},
	{"cedar", `
  - {type: kedify-http, name: foo, metadata: {hosts: two.test, pathPrefixes: /foo, service: cedar, port: "80", scalingMetric: requestRate}}
  - {type: kedify-http, name: rest, metadata: {hosts: header.test, service: cedar, port: "80", scalingMetric: requestRate}}
`},
	{"oak", `
  - {type: kedify-http, name: root, metadata: {hosts: two.test, service: oak, port: "80", scalingMetric: requestRate}}
  - {type: kedify-http, name: wild, metadata: {hosts: "*.x.test", service: oak, port: "80", scalingMetric: requestRate}}
  - {type: kedify-http, name: only, metadata: {hosts: only.test, headers: "[{name: app, value: foo}]", service: oak, port: "80",
      scalingMetric: requestRate}}
`},
}

const routedYAML = `
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: %[1]s}
spec:
  scaleTargetRef: {name: %[1]s}
  minReplicaCount: 1
  triggers: %[2]s
`

// TestKedifyHTTPRoutes sends requests through the proxy of a namespace in which triggers share
// hosts, paths and headers. The longest path and the most headers win, in any order of
// creation; a request that no trigger matches gets 404 and not the application of another trigger.
func TestKedifyHTTPRoutes(t *testing.T) {
	c := cluster.Connect(t)
	namespace := c.Namespace(t)
	for _, one := range routesYAML {
		c.Apply(t, namespace, render(t, workloadYAML, workload{Name: one.name, Replicas: 1}))
		c.Apply(t, namespace, fmt.Sprintf(routedYAML, one.name, one.triggers))
		time.Sleep(time.Second) // the age of an object is told in seconds
	}
	c.DeploymentsReady(t, namespace)
	address := proxied(t, c, namespace, "ash-root", "ash-both", "ash-foo", "birch-foo", "birch-exact", "birch-bar", "cedar-foo", "cedar-rest",
		"oak-root", "oak-wild", "oak-only")
	for _, one := range []struct {
		name, host, path string
		headers          []string
		want             string // a Deployment; empty: 404
	}{
		{"T04 first host", "a.test", "/", nil, "ash"},
		{"T04 second host", "b.test", "/any", nil, "ash"},
		{"T05 with a port", "a.test:8080", "/", nil, "ash"},
		{"T06 wildcard", "b.x.test", "/", nil, "oak"},
		{"T06 exact wins", "a.x.test", "/", nil, "birch"},
		{"T07 longer path younger", "one.test", "/foo/1", nil, "birch"},
		{"T07 the path itself", "one.test", "/foo", nil, "birch"},
		{"T07 whole segments", "one.test", "/foobar", nil, "ash"},
		{"T07 longer path older", "two.test", "/foo/1", nil, "cedar"},
		{"T07 whole segments, older", "two.test", "/foobar", nil, "oak"},
		{"T08 foo", "header.test", "/", []string{"App", "foo"}, "ash"},
		{"T08 bar, any case", "header.test", "/", []string{"APP", "bar"}, "birch"},
		{"T08 another value", "header.test", "/", []string{"app", "baz"}, "cedar"},
		{"T08 none", "header.test", "/", nil, "cedar"},
		{"T09 matches", "only.test", "/", []string{"app", "foo"}, "oak"},
		{"T09 matches nothing", "only.test", "/", nil, ""},
		{"another host", "nobody.test", "/", nil, ""},
	} {
		t.Run(one.name, func(t *testing.T) {
			cluster.Eventually(t, 20*time.Second, func() error { // the last route may still be on its way
				got, err := ask(address, one.host, one.path, "", one.headers...)
				switch {
				case err != nil:
					return err
				case one.want == "" && got.status == http.StatusNotFound:
					return nil
				case one.want == "" || got.status != http.StatusOK:
					return fmt.Errorf("%d: %.200s", got.status, got.body)
				}
				if served := deployment(t, got.body); served != one.want {
					return fmt.Errorf("served by %s, want %s", served, one.want)
				}
				return nil
			})
		})
	}
	t.Run("T18 weights", func(t *testing.T) { weights(t, c, namespace, address) })
}

// stays asks over a connection that stays.
func stays(address, host string) (answer, error) {
	request, err := http.NewRequest(http.MethodGet, "http://"+address+"/", nil)
	if err != nil {
		return answer{}, err
	}
	request.Host = host
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return answer{status: response.StatusCode, header: response.Header, body: string(text)}, err
}

// weights shares the requests of an application 80 to 20 with another one, and takes that back.
func weights(t *testing.T, c *cluster.Cluster, namespace, address string) {
	t.Helper()
	const annotation, requests = "http.kedify.io/weighted-backends", 1000
	object := &kedav1alpha1.ScaledObject{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "oak"}}
	cluster.Edit(t, c, object, func(s *kedav1alpha1.ScaledObject) {
		s.Annotations = map[string]string{annotation: "- service: oak\n  weight: 80\n- service: cedar\n  weight: 20\n"}
	})
	share := func(n int) (canary int) {
		t.Helper()
		for range n {
			got, err := stays(address, "two.test")
			if err != nil || got.status != http.StatusOK {
				t.Fatalf("%v %d: %.200s", err, got.status, got.body)
			}
			if deployment(t, got.body) == "cedar" {
				canary++
			}
		}
		return canary
	}
	cluster.Eventually(t, 20*time.Second, func() error {
		if share(20) == 0 {
			return fmt.Errorf("nothing of 20 requests at 20 %%")
		}
		return nil
	})
	canary := share(requests)
	t.Logf("%d of %d requests at weight 20", canary, requests)
	if canary < requests*15/100 || canary > requests*25/100 {
		t.Errorf("%d of %d requests, want 15 to 25 %%", canary, requests)
	}
	cluster.Edit(t, c, object, func(s *kedav1alpha1.ScaledObject) { delete(s.Annotations, annotation) })
	cluster.Eventually(t, 20*time.Second, func() error {
		if n := share(50); n > 0 {
			return fmt.Errorf("%d of 50 requests still elsewhere", n)
		}
		return nil
	})
}
