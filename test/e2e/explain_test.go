package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client/config"

	product "github.com/kedify/inference-gateway/controllers"
	"github.com/kedify/inference-gateway/controllers/offline"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/internal/cli/chain"
	"github.com/kedify/inference-gateway/internal/cli/checkup"
	"github.com/kedify/inference-gateway/internal/cli/facts"
	"github.com/kedify/inference-gateway/internal/cli/reach"
	"github.com/kedify/inference-gateway/internal/cli/request"
	"github.com/kedify/inference-gateway/internal/cli/summary"
	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
)

// explainYAML has one object for each planted fault, next to a route to which nothing is wrong.
const explainYAML = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: good}
spec: {parentRefs: [{name: web}], hostnames: [good.example.com], rules: [{name: one, matches: [{path: {value: /cart}, method: GET}], backendRefs: [{name: a, port: 80}]}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: no-gateway}
spec: {parentRefs: [{name: gone}], rules: [{backendRefs: [{name: a, port: 80}]}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: foreign}
spec: {gatewayClassName: not-ours, listeners: [{name: http, protocol: HTTP, port: 80}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: foreign-class}
spec: {parentRefs: [{name: foreign}], rules: [{backendRefs: [{name: a, port: 80}]}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: no-listener}
spec: {parentRefs: [{name: web, sectionName: https}], rules: [{backendRefs: [{name: a, port: 80}]}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: no-service}
spec: {parentRefs: [{name: web}], hostnames: [no-service.example.com], rules: [{backendRefs: [{name: missing, port: 80}]}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: no-port}
spec: {parentRefs: [{name: web}], hostnames: [no-port.example.com], rules: [{backendRefs: [{name: a, port: 81}]}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: no-grant}
spec: {parentRefs: [{name: web}], hostnames: [no-grant.example.com], rules: [{backendRefs: [{name: kubernetes, namespace: default, port: 443}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: selects-nothing}
spec: {selector: {app: other}, ports: [{port: 80, targetPort: 3000}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: no-pods}
spec: {parentRefs: [{name: web}], hostnames: [no-pods.example.com], rules: [{backendRefs: [{name: selects-nothing, port: 80}]}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: no-image}
spec:
  selector: {matchLabels: {app: no-image}}
  template:
    metadata: {labels: {app: no-image}}
    spec: {containers: [{name: app, image: "registry.invalid/none:1"}]}
---
apiVersion: v1
kind: Service
metadata: {name: no-image}
spec: {selector: {app: no-image}, ports: [{port: 80, targetPort: 3000}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: no-image}
spec: {parentRefs: [{name: web}], hostnames: [no-image.example.com], rules: [{backendRefs: [{name: no-image, port: 80}]}]}
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: scaled-no-service}
spec:
  scaleTargetRef: {name: a}
  minReplicaCount: 1
  triggers: [{type: kedify-http, metadata: {hosts: one.example.com, service: missing, port: "80", scalingMetric: requestRate, trafficAutowire: "false"}}]
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: scaled-paused, annotations: {autoscaling.keda.sh/paused: "true"}}
spec:
  scaleTargetRef: {name: b}
  minReplicaCount: 1
  triggers: [{type: kedify-http, metadata: {hosts: two.example.com, service: b, port: "80", scalingMetric: requestRate, trafficAutowire: "false"}}]
---
apiVersion: inference.networking.k8s.io/v1
kind: InferencePool
metadata: {name: no-picker}
spec: {selector: {matchLabels: {app: a}}, targetPorts: [{number: 3000}], endpointPickerRef: {name: missing, port: {number: 9002}}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: to-the-pool}
spec:
  parentRefs: [{name: web}]
  hostnames: [pool.example.com]
  rules: [{backendRefs: [{group: inference.networking.k8s.io, kind: InferencePool, name: no-picker}]}]
`

// explained are what is planted, and what the cause has to name, by one question.
var explained = []struct{ kind, name, names string }{
	{"HTTPRoute", "no-gateway", "gone does not exist"},
	{"HTTPRoute", "foreign-class", `class "not-ours"`},
	{"HTTPRoute", "no-listener", "https"},
	{"HTTPRoute", "no-service", "missing"},
	{"HTTPRoute", "no-port", "81"},
	{"HTTPRoute", "no-grant", "kubernetes"},
	{"HTTPRoute", "no-pods", "selector app=other takes no Pod"},
	{"HTTPRoute", "no-image", "registry.invalid/none:1"},
	{"HTTPRoute", "missing-altogether", "does not exist"},
	{"ScaledObject", "scaled-no-service", "missing"},
	{"ScaledObject", "scaled-paused", "paused"},
	{"InferencePool", "no-picker", "missing"},
}

// desk is the command line with the rights of the test.
type desk struct {
	*facts.Source
	cluster *reach.Cluster
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	rest, err := config.GetConfig()
	if err != nil {
		t.Fatal(err)
	}
	found, err := reach.New(rest, controllers)
	if err != nil {
		t.Fatal(err)
	}
	return &desk{cluster: found, Source: &facts.Source{
		Reader: found.Client, Views: found.Views, Now: time.Now(), ScalerAddress: "kedify-gateway." + controllers + ".svc.cluster.local:9090",
	}}
}

func (a *desk) explain(t *testing.T, kind string, key types.NamespacedName) chain.Checklist {
	switch kind {
	case "HTTPRoute":
		return chain.OfRoute(a.Route(t.Context(), store.HTTPRoute, key))
	case "ScaledObject":
		return chain.OfScaledObject(a.ScaledObject(t.Context(), key))
	default:
		return chain.OfPool(a.Pool(t.Context(), key))
	}
}

// TestExplain plants faults on a cluster. One question about the object names the cause of each; status says that it is not ready;
// and to the route without a fault nothing is said to be wrong.
func TestExplain(t *testing.T) {
	c, a := cluster.Connect(t), newDesk(t)
	namespace := c.Namespace(t)
	c.Apply(t, namespace, gatewayYAML)
	for _, name := range []string{"a", "b"} {
		c.Apply(t, namespace, render(t, echoYAML, echo{Name: name, Replicas: 1}))
	}
	c.Apply(t, namespace, explainYAML)
	address := c.GatewayReady(t, namespace, "web")
	becomes(t, address, "good.example.com", "/cart", 200)
	key := func(name string) types.NamespacedName { return types.NamespacedName{Namespace: namespace, Name: name} }
	t.Run("good", func(t *testing.T) {
		cluster.Eventually(t, 20*time.Second, func() error {
			if list := a.explain(t, "HTTPRoute", key("good")); !list.Served {
				return errors.New(list.Cause)
			}
			return nil
		})
	})
	for _, fault := range explained {
		t.Run(fault.name, func(t *testing.T) {
			cluster.Eventually(t, 30*time.Second, func() error {
				list := a.explain(t, fault.kind, key(fault.name))
				if !strings.Contains(list.Cause, fault.names) {
					return fmt.Errorf("the cause is %q and does not name %q", list.Cause, fault.names)
				}
				return nil
			})
		})
	}
	t.Run("status", func(t *testing.T) { statusNames(t, a, namespace) })
	t.Run("request", func(t *testing.T) { requestIsExplained(t, a, key("web")) })
	t.Run("doctor", func(t *testing.T) { doctorKnows(t, a) })
	t.Run("proxy", func(t *testing.T) { proxyAnswers(t, c, a, namespace) })
}

// statusNames: the faults that a status can show are not ready, and what is fine is.
func statusNames(t *testing.T, a *desk, namespace string) {
	rows, err := a.Rows(t.Context(), namespace)
	if err != nil {
		t.Fatal(err)
	}
	ready := map[string]summary.Ready{}
	for _, row := range rows {
		ready[row.Kind+" "+row.Name] = row.Ready
	}
	for _, name := range []string{"no-gateway", "no-listener", "no-service", "no-port", "no-grant"} {
		if got := ready["HTTPRoute "+name]; got != summary.False {
			t.Errorf("%s: ready %s", name, got)
		}
	}
	if ready["HTTPRoute good"] != summary.True || ready["Gateway web"] != summary.True || ready["InferencePool no-picker"] != summary.False {
		t.Errorf("%v", ready)
	}
}

// requestIsExplained: the answer for the cluster is that of the Envoy.
func requestIsExplained(t *testing.T, a *desk, gateway types.NamespacedName) {
	scheme := product.NewScheme()
	objects, unread, err := a.World(t.Context(), scheme)
	if err != nil || len(unread) > 0 {
		t.Fatalf("%v %v", unread, err)
	}
	result, err := offline.Translate(scheme, offline.Objects{Watched: objects}, offline.Setting{Programmed: true})
	if err != nil {
		t.Fatal(err)
	}
	world := request.World{Gateways: result.Gateways, Pods: facts.PodsByAddress(objects)}
	for url, names := range map[string]string{
		"http://good.example.com/cart":  "Service " + gateway.Namespace + "/a:80",
		"http://good.exmple.com/cart":   "good.example.com differs by one letter",
		"http://good.example.com/cars":  `path is "/cars"`,
		"http://no-service.example.com": "500",
	} {
		asked, err := request.Parse("GET", url, nil)
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		for _, list := range world.Explain(asked, gateway) {
			if err := list.Write(&out); err != nil {
				t.Fatal(err)
			}
		}
		if !strings.Contains(out.String(), names) {
			t.Errorf("%s: %q is not in\n%s", url, names, out.String())
		}
	}
}

// doctorKnows: the checks of the installation hold. (An Ingress around the proxies is not planted: the wiring leads it through
// them within seconds.)
func doctorKnows(t *testing.T, a *desk) {
	list := checkup.Of(a.Installation(t.Context(), controllers, a.cluster.Core.Discovery()))
	wanted := map[string]bool{"kubernetes": true, "crds": true, "replicas": true, "leader": true, "webhooks": true}
	for _, link := range list.Links {
		if wanted[link.Name] && link.State == chain.Failed {
			t.Errorf("%+v", link)
		}
		delete(wanted, link.Name)
	}
	if len(wanted) > 0 {
		t.Errorf("no checks of %v in %+v", wanted, list.Links)
	}
}

// proxyAnswers: Envoy's admin interface answers what it may be asked through its Pod, and nothing else.
func proxyAnswers(t *testing.T, c *cluster.Cluster, a *desk, namespace string) {
	pods := c.Pods(t, namespace, "gateway.networking.k8s.io/gateway-name=web")
	if len(pods) == 0 {
		t.Fatal("the Gateway has no Pod")
	}
	pod := types.NamespacedName{Namespace: namespace, Name: pods[0].Name}
	body, err := a.cluster.Exec(t.Context(), pod, reach.ContainerShutdown, []string{"/kedify-gateway", "admin", "GET", "/clusters?format=json"}, 1<<24)
	if err != nil || !strings.Contains(string(body), "service/"+namespace+"/a/80") {
		t.Errorf("%.500s %v", body, err)
	}
	_, err = a.cluster.Exec(t.Context(), pod, reach.ContainerShutdown, []string{"/kedify-gateway", "admin", "POST", "/quitquitquit"}, 1<<20)
	if err == nil || !strings.Contains(err.Error(), "not among what is let through") {
		t.Errorf("%v", err)
	}
}
