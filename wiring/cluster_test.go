package wiring_test

import (
	"encoding/json"
	"flag"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"go.uber.org/goleak"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/apitest"
	"github.com/kedify/inference-gateway/wiring/foreign"
)

// atOnce is how many of the tests that say so run at once: they wait for periods of the process, and cost little meanwhile.
const atOnce = "4"

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", atOnce); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

const (
	installation = "kedify-system"
	// patience of everything that is waited for. Others use the processors as well.
	patience = time.Minute
)

// cluster is an API server with the objects of a user.
type cluster struct {
	*WithT
	t      *testing.T
	api    *apitest.Server
	client client.Client
}

func newCluster(t *testing.T, texts ...string) *cluster {
	t.Helper()
	withStatus := []client.Object{&corev1.Service{}, &v1alpha1.HTTPScaler{}, &gwv1.Gateway{}, &gwv1.HTTPRoute{}}
	api := apitest.New(t, withStatus,
		schema.GroupVersionKind{Group: "networking.istio.io", Version: "v1", Kind: "VirtualService"},
		schema.GroupVersionKind{Group: "networking.istio.io", Version: "v1", Kind: "DestinationRule"},
		schema.GroupVersionKind{Group: "route.openshift.io", Version: "v1", Kind: "Route"})
	c := &cluster{WithT: NewWithT(t), t: t, api: api, client: api.Client}
	c.SetDefaultEventuallyTimeout(patience)
	c.SetDefaultEventuallyPollingInterval(5 * time.Millisecond)
	c.set(texts...)
	return c
}

// set writes objects as kubectl apply does with files.
func (c *cluster) set(texts ...string) {
	c.t.Helper()
	for _, text := range texts {
		for _, document := range strings.Split(text, "\n---\n") {
			object := &unstructured.Unstructured{}
			c.Expect(yaml.Unmarshal([]byte(document), &object.Object)).To(Succeed())
			c.write(object)
		}
	}
}

// write creates an object or replaces all of it but its status.
func (c *cluster) write(object *unstructured.Unstructured) {
	c.t.Helper()
	c.Expect(retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		desired, live := object.DeepCopy(), object.DeepCopy()
		err := c.client.Get(c.t.Context(), client.ObjectKeyFromObject(object), live)
		if client.IgnoreNotFound(err) != nil {
			return err
		}
		if err != nil {
			return c.client.Create(c.t.Context(), desired)
		}
		desired.SetResourceVersion(live.GetResourceVersion())
		return c.client.Update(c.t.Context(), desired)
	})).To(Succeed())
}

// untyped reads a foreign object of namespace shop.
func (c *cluster) untyped(kind, name string) *unstructured.Unstructured {
	c.t.Helper()
	object := &unstructured.Unstructured{}
	for _, known := range foreign.Kinds() {
		if known.GVK.Kind == kind {
			object.SetGroupVersionKind(known.GVK)
		}
	}
	c.Expect(c.client.Get(c.t.Context(), client.ObjectKey{Namespace: "shop", Name: name}, object)).To(Succeed())
	return object
}

func (c *cluster) patch(object *unstructured.Unstructured, operations []foreign.Operation) {
	c.t.Helper()
	text, err := json.Marshal(operations)
	c.Expect(err).NotTo(HaveOccurred())
	c.Expect(c.client.Patch(c.t.Context(), object, client.RawPatch(types.JSONPatchType, text),
		client.FieldOwner("kedify-gateway-wiring"))).To(Succeed())
}

// edit changes an HTTPScaler, whose status others write meanwhile.
func (c *cluster) edit(name string, change func(*v1alpha1.HTTPScaler)) {
	c.t.Helper()
	c.Expect(retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		scaler := c.scaler(name)
		change(scaler)
		return c.client.Update(c.t.Context(), scaler)
	})).To(Succeed())
}

func (c *cluster) scaler(name string) *v1alpha1.HTTPScaler {
	c.t.Helper()
	scaler := &v1alpha1.HTTPScaler{}
	c.Expect(c.client.Get(c.t.Context(), client.ObjectKey{Namespace: "shop", Name: name}, scaler)).To(Succeed())
	return scaler
}

// setWiring gives an HTTPScaler the status that the process writes, beside a condition of others.
func (c *cluster) setWiring(name string, path v1alpha1.WiringPath) {
	c.t.Helper()
	scaler := c.scaler(name)
	scaler.Status.Wiring = &v1alpha1.HTTPScalerWiring{Path: path, Since: metav1.NewTime(time.Unix(1e9, 0)), Services: []string{"web-kedify"}}
	for kind, reason := range map[string]string{"Accepted": "Accepted", "Rewired": "Rewired"} {
		meta.SetStatusCondition(&scaler.Status.Conditions, metav1.Condition{Type: kind, Status: metav1.ConditionTrue, Reason: reason})
	}
	c.Expect(c.client.Status().Update(c.t.Context(), scaler)).To(Succeed())
}

const webYAML = `
apiVersion: v1
kind: Service
metadata: {namespace: shop, name: web, annotations: {team.example/cost: "7"}}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 3000}]}
`

const ingressYAML = `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {namespace: shop, name: web, annotations: {nginx.ingress.kubernetes.io/proxy-body-size: 8m}}
spec:
  ingressClassName: nginx
  rules:
  - host: shop.example.com
    http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: web, port: {name: http}}}}
      - {path: /static, pathType: Prefix, backend: {service: {name: files, port: {number: 80}}}}
`

const routeYAML = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {namespace: shop, name: web}
spec:
  parentRefs: [{name: edge}]
  hostnames: [shop.example.com]
  rules:
  - backendRefs:
    - {name: web, port: 80, weight: 9}
`
