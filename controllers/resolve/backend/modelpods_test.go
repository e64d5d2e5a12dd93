package backend

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
	"github.com/kedify/inference-gateway/scaler"
)

// modelPod is a Pod as kubelets write it.
func modelPod(name, namespace, ip, extra, ready string) string {
	return fmt.Sprintf("kind: Pod\nmetadata: {name: %s, namespace: %s, uid: u-%s, labels: {app: vllm}%s}\n"+
		"status: {podIP: %q, podIPs: [{ip: %q}], conditions: [{type: Ready, status: %q}]}\n", name, namespace, name, extra, ip, ip, ready)
}

// asking is a trigger with queueDepth for a backend; more is of the way its Pods are read.
func asking(backend, more string) string {
	return "kind: HTTPScaler\nmetadata: {name: chat-0, namespace: app}\n" +
		"spec: {type: kedify-http, backend: {" + backend + "}, metric: {type: queueDepth, target: 3, " +
		"queueDepth: {pods: {engine: auto, path: /metrics" + more + "}}}}\n"
}

func podWords(of *scaler.ModelPods) string {
	if of == nil {
		return "nothing"
	}
	var words []string
	for _, pod := range of.Pods {
		words = append(words, pod.ID+"@"+pod.Address.String())
	}
	if of.Foreign > 0 {
		words = append(words, fmt.Sprint(of.Foreign, " foreign"))
	}
	if of.Missing != "" {
		words = append(words, of.Missing)
	}
	return strings.Join(words, ", ")
}

// modelPodsCase is a trigger and what is there, and what is read of it.
type modelPodsCase struct {
	name, trigger string
	documents     []string
	want          string
}

func (c modelPodsCase) run(t *testing.T) {
	documents := c.documents
	if c.trigger != "" {
		documents = append(documents, c.trigger)
	}
	got := ModelPods(fixture.Store(t, documents...).View(nil), types.NamespacedName{Namespace: "app", Name: "chat-0"})
	if podWords(got) != c.want {
		t.Errorf("got %s\nwant %s", podWords(got), c.want)
	}
}

// Which addresses the control plane connects to for a trigger of a pool: those that kubelets wrote into ready Pods of the selector.
func TestModelPodsOfAPool(t *testing.T) {
	pooled, ninth := asking("inferencePool: chat", ""), asking("inferencePool: chat", ", port: 9000")
	twoPorts := strings.Replace(fixture.ChatPool, "{number: 8000}", "{number: 8000}, {number: 8001}", 1)
	one := modelPod("one", "app", "10.0.1.1", "", "True")
	for _, c := range []modelPodsCase{
		{"no trigger", "", []string{fixture.ChatPool, one}, "nothing"},
		{"all", pooled, []string{fixture.ChatPool, one, modelPod("two", "app", "10.0.1.2", "", "True")},
			"u-one@10.0.1.1:8000, u-two@10.0.1.2:8000"},
		{"no Pods", pooled, []string{fixture.ChatPool}, ""},
		{"not ready", pooled, []string{fixture.ChatPool, modelPod("a", "app", "10.0.1.1", "", "False")}, ""},
		{"terminates", pooled, []string{fixture.ChatPool,
			modelPod("b", "app", "10.0.1.2", ", deletionTimestamp: \"2026-01-01T00:00:00Z\", finalizers: [x]", "True")}, ""},
		{"without an address", pooled, []string{fixture.ChatPool, modelPod("c", "app", "", "", "True")}, ""},
		{"of another namespace", pooled, []string{fixture.ChatPool, modelPod("d", "other", "10.0.1.4", "", "True")}, ""},
		{"without the label", pooled, []string{fixture.ChatPool, strings.Replace(one, "vllm", "web", 1)}, ""},
		{"several ports", pooled, []string{twoPorts, one}, "u-one@10.0.1.1:8000, u-one@10.0.1.1:8001"},
		{"several ports and metricsPort", ninth, []string{twoPorts, one}, "u-one@10.0.1.1:9000"},
		{"no pool", pooled, []string{one}, "InferencePool app/chat does not exist; create it or correct the name"},
		{"the metadata service", pooled, []string{fixture.ChatPool, modelPod("a", "app", "169.254.169.254", "", "True")}, "1 foreign"},
		{"the Pod that reads", pooled, []string{fixture.ChatPool, modelPod("a", "app", "::ffff:127.0.0.1", "", "True")}, "1 foreign"},
		{"no address", pooled, []string{fixture.ChatPool, modelPod("a", "app", "none", "", "True")}, "1 foreign"},
		{"IPv6", pooled, []string{fixture.ChatPool, modelPod("a", "app", "fd00::1", "", "True")}, "u-a@[fd00::1]:8000"},
	} {
		t.Run(c.name, c.run)
	}
}

// The same of a Service, of which endpoints may be hand-made: they select among the ready Pods of the namespace, and lead nowhere else.
func TestModelPodsOfAService(t *testing.T) {
	const (
		plain     = "{name: plain, port: 8080}"
		requests  = "metric: {type: requestRate, target: 3, requestRate: {window: 1m, granularity: 1s}}"
		theOne    = "u-one@10.0.1.1:8080"
		toProxies = "labels: {endpointslice.kubernetes.io/managed-by: kedify-gateway, "
	)
	asked := asking("service: web, port: 80", "")
	one := modelPod("one", "app", "10.0.1.1", "", "True")
	slice := func(endpoint string) string { return fixture.EndpointSlice("a", "IPv4", plain, endpoint) }
	of := func(name, address, more string) string {
		ref := "{kind: Pod, name: " + name + ", namespace: app, uid: u-" + name + "}"
		return slice("{addresses: [" + address + "], targetRef: " + ref + more + "}")
	}
	real := of("one", "10.0.1.1", "")
	before, metric, _ := strings.Cut(asked, "metric: ")
	second := before + requests + ", moreMetrics: [" + strings.TrimSuffix(metric, "}\n") + "]}\n"
	for _, c := range []modelPodsCase{
		{"another metric", before + requests + "}\n", []string{fixture.WebService, real, one}, "nothing"},
		{"a second metric", second, []string{fixture.WebService, real, one}, theOne},
		{"by number", asked, []string{fixture.WebService, real, one}, theOne},
		{"by name", asking("service: web, portName: plain", ""), []string{fixture.WebService, real, one}, theOne},
		{"metricsPort", asking("service: web, port: 80", ", port: 8002"), []string{fixture.WebService, real, one}, "u-one@10.0.1.1:8002"},
		{"in two slices", asked, []string{fixture.WebService, real, strings.Replace(real, "name: a", "name: b", 1), one}, theOne},
		{"no service", asked, []string{one}, "Service app/web does not exist; create it or correct the name"},
		{"no such port", asking("service: web, port: 83", ""), []string{fixture.WebService},
			"Service app/web has no TCP port 83; it has 443, 53/UDP, 80, 81, 82, 90"},
		{"ExternalName", asked, []string{strings.Replace(fixture.ExternalService, "external", "web", 1)},
			"Service app/web has type ExternalName, which leads to no Pods; use a Service with a selector"},
		{"the API server", asked, []string{fixture.WebService, slice("{addresses: [10.96.0.1]}"), one}, "1 foreign"},
		{"a Pod's name on another address", asked, []string{fixture.WebService, of("one", "10.96.0.1", ""), one}, "1 foreign"},
		{"an address more than the Pod has", asked, []string{fixture.WebService, of("one", "10.96.0.1, 10.0.1.1", ""), one}, "1 foreign"},
		{"a Pod of another namespace", asked, []string{fixture.WebService, modelPod("one", "other", "10.0.1.1", "", "True"),
			strings.Replace(real, "name: one, namespace: app", "name: one, namespace: other", 1)}, "1 foreign"},
		{"a Pod that was made anew", asked, []string{fixture.WebService, strings.Replace(real, "u-one", "before", 1), one}, "1 foreign"},
		{"a node", asked, []string{fixture.WebService, strings.Replace(real, "kind: Pod", "kind: Node", 1), one}, "1 foreign"},
		{"the Pod is not ready", asked, []string{fixture.WebService, real, modelPod("one", "app", "10.0.1.1", "", "False")}, ""},
		{"the endpoint is not ready", asked, []string{fixture.WebService, of("one", "10.0.1.1", ", conditions: {ready: false}"), one}, ""},
		{"weighted", asking("service: gone, port: 80, weighted: [{service: web, weight: 100}, {service: web, weight: 0}]", ""),
			[]string{fixture.WebService, real, one}, theOne},
		{"the proxies of the product", asked, []string{fixture.WebService, strings.Replace(real, "labels: {", toProxies, 1), one},
			"Service app/web leads to proxies of this product and not to Pods of the model"},
		{"the Service behind them",
			strings.Replace(asking("service: proxies, fallbackService: web, port: 80", ""), "metric: {", "autowire: [service], metric: {", 1),
			[]string{fixture.WebService, real, one}, theOne},
	} {
		t.Run(c.name, c.run)
	}
}
