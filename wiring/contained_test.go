package wiring_test

import (
	"context"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// poisoned is a cache whose informers hand over something else than the objects that are called poison, as a decoder
// with a fault would.
type poisoned struct {
	cache.Cache
	poison func(object any) any
}

type poisonedInformer struct {
	cache.Informer
	poison func(object any) any
}

func (p poisoned) GetInformer(ctx context.Context, object client.Object, options ...cache.InformerGetOption) (cache.Informer, error) {
	informer, err := p.Cache.GetInformer(ctx, object, options...)
	return poisonedInformer{informer, p.poison}, err
}

func (p poisonedInformer) AddEventHandler(handler toolscache.ResourceEventHandler) (toolscache.ResourceEventHandlerRegistration, error) {
	return p.Informer.AddEventHandler(toolscache.ResourceEventHandlerDetailedFuncs{
		AddFunc:    func(object any, initial bool) { handler.OnAdd(p.poison(object), initial) },
		UpdateFunc: func(before, after any) { handler.OnUpdate(p.poison(before), p.poison(after)) },
		DeleteFunc: func(object any) { handler.OnDelete(p.poison(object)) },
	})
}

// breakingHandler has the handler of Ingresses panic, which asks where an object leads.
func breakingHandler(object any) any {
	content, is := object.(*unstructured.Unstructured)
	if !is || content.GetName() != "poison" || content.GetKind() != "Ingress" {
		return object
	}
	return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: content.GetNamespace(), Name: content.GetName()}}
}

// breakingPlan has a plan panic that looks for the Gateway of a route.
func breakingPlan(object any) any {
	if gateway, is := object.(*gwv1.Gateway); is && gateway.Name == "poison" {
		return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: gateway.Namespace, Name: gateway.Name}}
	}
	return object
}

const poisonYAML = `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {namespace: shop, name: poison}
spec: {gatewayClassName: other, listeners: [{name: http, port: 80, protocol: HTTP}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {namespace: shop, name: poison}
spec:
  parentRefs: [{name: poison}]
  hostnames: [shop.example.com]
  rules: [{backendRefs: [{name: web, port: 80}]}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {namespace: shop, name: poison}
spec:
  rules:
  - host: shop.example.com
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
`

// TestX10PanicOfAForeignObject: a foreign object at which the handler of its informer panics, or a plan, stays as it is. The
// others of its namespace are wired, and their requests reach safety when proxies are ill.
func TestX10PanicOfAForeignObject(t *testing.T) {
	for name, c := range map[string]struct {
		poison func(object any) any
		says   string
	}{
		"informer event": {breakingHandler, "True/Rewired"}, // it is not known
		"plan":           {breakingPlan, "False/InternalError: The wiring failed at HTTPRoute shop/poison"},
	} {
		t.Run(name, func(t *testing.T) {
			documents := strings.SplitN(poisonYAML, "\n---\n", 3)
			more := []string{documents[0], documents[1]}
			if name == "informer event" {
				more = []string{documents[2]}
			}
			r := newRig(newCluster(t, append([]string{webYAML, ingressYAML}, more...)...))
			r.poison = c.poison
			r.leader()
			r.Eventually(r.backends).Should(Equal([]string{"web-kedify", "files"}))
			r.Eventually(r.path).Should(Equal(throughProxies))
			r.Eventually(r.rewired).Should(HavePrefix(c.says))
			r.other()
			r.Eventually(func() bool { return r.leadsToWired("other") }).Should(BeTrue(), "a later Ingress of the namespace")
			r.proxies(false)
			r.Eventually(r.path).Should(Equal(directly))
			r.proxies(true)
			r.Eventually(r.path).Should(Equal(throughProxies))
			for _, write := range r.written() {
				if strings.HasSuffix(write, " poison") {
					t.Errorf("%s: what nothing is known about was written", write)
				}
			}
		})
	}
}

// leadsToWired reports whether an Ingress leads to the wired Service of its name.
func (r *rig) leadsToWired(name string) bool {
	rules, _, _ := nested(r.untyped("Ingress", name).Object, "spec", "rules")
	path := rules[0].(map[string]any)["http"].(map[string]any)["paths"].([]any)[0].(map[string]any)
	return path["backend"].(map[string]any)["service"].(map[string]any)["name"] == name+"-kedify"
}
