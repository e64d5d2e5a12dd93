package plan

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/wiring/foreign"
)

// cluster is an API server with the controllers of Kubernetes that plans rely on, and carries plans out.
type cluster struct {
	t       *testing.T
	objects map[string]Object // "Kind namespace/name"
	now     time.Time
	path    v1alpha1.WiringPath
	setting Setting
	memory  Memory
	unknown bool
	// proxies are ready.
	proxies bool
	writes  int
	// written is called after each write of a plan, when the endpointslice controller has followed.
	written func()
}

var start = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

func newCluster(t *testing.T, documents string) *cluster {
	t.Helper()
	c := &cluster{
		t: t, objects: map[string]Object{}, now: start, path: v1alpha1.PathProxy, proxies: true,
		setting: DefaultSetting(types.NamespacedName{Namespace: "shop", Name: v1alpha1.ProxyGatewayName}),
	}
	c.setting.Settle = 0 // TestRewritesWaitForConsumers has one
	c.put(documents)
	return c
}

// kinds with a Go type; others are foreign objects.
var kinds = map[string]func() Object{
	"HTTPScaler":       func() Object { return &v1alpha1.HTTPScaler{} },
	"Service":          func() Object { return &corev1.Service{} },
	"EndpointSlice":    func() Object { return &discoveryv1.EndpointSlice{} },
	"Endpoints":        func() Object { return &metav1.PartialObjectMetadata{} },
	"InferencePool":    func() Object { return &inferencev1.InferencePool{} },
	"Pod":              func() Object { return &corev1.Pod{} },
	"Gateway":          func() Object { return &gwv1.Gateway{} },
	"ReferenceGrant":   func() Object { return &gwv1.ReferenceGrant{} },
	"BackendTLSPolicy": func() Object { return &gwv1.BackendTLSPolicy{} },
}

// put stores what a user writes. A document of kind Scope changes the setting.
func (c *cluster) put(documents string) {
	c.t.Helper()
	for _, document := range strings.Split(documents, "\n---\n") {
		head := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(document), &head.Object); err != nil {
			c.t.Fatalf("%v in\n%s", err, document)
		}
		if head.GetKind() == "Scope" {
			c.setting.Proxy.Namespace, _, _ = unstructured.NestedString(head.Object, "proxies")
			if direct, _, _ := unstructured.NestedBool(head.Object, "direct"); direct {
				c.path = v1alpha1.PathDirect
			}
			continue
		}
		var object Object = head
		if newObject, typed := kinds[head.GetKind()]; typed {
			object = newObject()
			if err := yaml.UnmarshalStrict([]byte(document), object); err != nil {
				c.t.Fatalf("%v in\n%s", err, document)
			}
		}
		if object.GetNamespace() == "" {
			object.SetNamespace("shop")
		}
		c.store(head.GetKind(), object)
	}
}

func (c *cluster) store(kind string, object Object) {
	c.writes++
	id := kind + " " + keyText(object)
	object.SetResourceVersion(strconv.Itoa(c.writes))
	if live := c.objects[id]; live != nil {
		object.SetUID(live.GetUID())
	} else if object.GetUID() == "" {
		object.SetUID(types.UID("uid-of-" + object.GetName()))
	}
	c.objects[id] = object
}

func get[T Object](c *cluster, id string) T {
	c.t.Helper()
	object, ok := c.objects[id].(T)
	if !ok {
		c.t.Fatalf("no %s; there are %s", id, slices.Sorted(maps.Keys(c.objects)))
	}
	return object
}

func list[T Object](c *cluster, kind, namespace string) []T {
	var found []T
	for _, id := range slices.Sorted(maps.Keys(c.objects)) {
		if strings.HasPrefix(id, kind+" ") && (namespace == "" || c.objects[id].GetNamespace() == namespace) {
			found = append(found, c.objects[id].(T))
		}
	}
	return found
}

func (c *cluster) world() World {
	w := World{
		Setting: c.setting, Namespace: "shop", Now: c.now, Path: c.path, ForeignUnknown: c.unknown, Find: finder{c}, Memory: c.memory,
		Scalers: list[*v1alpha1.HTTPScaler](c, "HTTPScaler", "shop"), Services: list[*corev1.Service](c, "Service", "shop"),
		Slices: list[*discoveryv1.EndpointSlice](c, "EndpointSlice", "shop"), Pods: list[*corev1.Pod](c, "Pod", "shop"),
		Endpoints:        list[*metav1.PartialObjectMetadata](c, "Endpoints", "shop"),
		Pools:            list[*inferencev1.InferencePool](c, "InferencePool", "shop"),
		Grants:           list[*gwv1.ReferenceGrant](c, "ReferenceGrant", "shop"),
		TLSPolicies:      list[*gwv1.BackendTLSPolicy](c, "BackendTLSPolicy", "shop"),
		DestinationRules: list[*unstructured.Unstructured](c, "DestinationRule", ""),
	}
	if c.proxies {
		w.ProxySlices = []*discoveryv1.EndpointSlice{proxySlice("kedify-proxy-kedify", 8080, 8443, 9002)}
	}
	for _, kind := range foreign.Kinds() {
		w.Foreign = append(w.Foreign, list[*unstructured.Unstructured](c, kind.GVK.Kind, "")...)
	}
	return w
}

type finder struct{ *cluster }

func (f finder) Gateway(key types.NamespacedName) *gwv1.Gateway {
	gateway, _ := f.objects["Gateway "+key.String()].(*gwv1.Gateway)
	return gateway
}

func (f finder) OurClass(name string) bool { return name == v1alpha1.GatewayClassName }

// carry carries out a plan, as a process with the lease does.
func (c *cluster) carry(p Plan) (changed bool) {
	c.t.Helper()
	before := c.writes
	for _, object := range p.Objects {
		if c.apply(object) && c.written != nil {
			c.endpoints()
			c.written()
		}
	}
	for i, patch := range append(slices.Clone(p.Rewrites), p.Restores...) {
		c.patch(patch)
		if i < len(p.Rewrites) {
			c.memory = c.memory.Rewritten(patch.Object, c.now, c.setting.RewritePeriod)
		}
	}
	c.memory.Idle, c.memory.Entered = p.Memory.Idle, p.Memory.Entered
	for _, deletion := range p.Deletions {
		c.delete(deletion.Kind + " " + keyText(deletion.Object))
	}
	for _, status := range p.Statuses {
		scaler := get[*v1alpha1.HTTPScaler](c, "HTTPScaler "+status.Scaler.String())
		after := scaler.DeepCopy()
		after.Status.Wiring = status.Wiring
		meta.RemoveStatusCondition(&after.Status.Conditions, ConditionRewired)
		if status.Rewired != nil {
			after.Status.Conditions = append(after.Status.Conditions, *status.Rewired)
		}
		if !reflect.DeepEqual(after.Status, scaler.Status) {
			c.store("HTTPScaler", after)
		}
	}
	c.endpoints()
	return c.writes != before
}

func (c *cluster) apply(object Object) (changed bool) {
	kind := object.GetObjectKind().GroupVersionKind().Kind
	desired := object.DeepCopyObject().(Object)
	live, exists := c.objects[kind+" "+keyText(object)]
	if exists {
		desired.SetUID(live.GetUID())
		desired.SetResourceVersion(live.GetResourceVersion())
		if reflect.DeepEqual(desired, live) {
			return false
		}
	}
	c.store(kind, desired)
	return true
}

func (c *cluster) patch(patch Patch) {
	c.t.Helper()
	id := describe(patch.Object)
	operations, err := json.Marshal(patch.Operations)
	if err != nil {
		c.t.Fatal(err)
	}
	decoded, err := jsonpatch.DecodePatch(operations)
	if err != nil {
		c.t.Fatal(err)
	}
	before, err := get[*unstructured.Unstructured](c, id).MarshalJSON()
	if err != nil {
		c.t.Fatal(err)
	}
	text, err := decoded.Apply(before)
	if err != nil {
		c.t.Fatalf("patch %s of %s: %v", operations, id, err)
	}
	after := &unstructured.Unstructured{}
	if err := after.UnmarshalJSON(text); err != nil {
		c.t.Fatal(err)
	}
	c.store(after.GetKind(), after)
}

func (c *cluster) delete(id string) {
	object := c.objects[id]
	if object == nil {
		return
	}
	c.writes++
	delete(c.objects, id)
	for other, slice := range c.objects { // the garbage collector
		for _, owner := range slice.GetOwnerReferences() {
			if owner.UID == object.GetUID() && owner.Name == object.GetName() {
				delete(c.objects, other)
			}
		}
	}
	if strings.HasPrefix(id, "Service ") {
		c.delete("EndpointSlice " + keyText(object) + "-of-kubernetes")
	}
}

// endpoints is the endpointslice controller, for Services that select the proxies.
func (c *cluster) endpoints() {
	for _, service := range list[*corev1.Service](c, "Service", "shop") {
		if service.Spec.Selector[gwv1.GatewayNameLabelKey] != v1alpha1.ProxyGatewayName {
			continue
		}
		slice := proxySlice(service.Name+"-of-kubernetes", 0)
		slice.Labels = map[string]string{discoveryv1.LabelServiceName: service.Name, discoveryv1.LabelManagedBy: sliceController}
		slice.Ports = nil
		for _, port := range service.Spec.Ports {
			if port.TargetPort.IntVal != 0 {
				slice.Ports = append(slice.Ports, discoveryv1.EndpointPort{Name: ptr.To(port.Name), Port: ptr.To(port.TargetPort.IntVal)})
			}
		}
		if len(service.Spec.Selector) > 2 {
			slice.Endpoints = nil
		} else {
			slice.Endpoints[0].Conditions.Ready = ptr.To(c.proxies)
		}
		slice.TypeMeta = metav1.TypeMeta{Kind: "EndpointSlice"}
		c.apply(slice)
	}
}

func proxySlice(name string, ports ...int32) *discoveryv1.EndpointSlice {
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}, AddressType: discoveryv1.AddressTypeIPv4,
		Endpoints: []discoveryv1.Endpoint{{Addresses: []string{"10.1.0.1"}, Conditions: discoveryv1.EndpointConditions{Ready: ptr.To(true)}}},
	}
	for _, port := range ports {
		slice.Ports = append(slice.Ports, discoveryv1.EndpointPort{Name: ptr.To(fmt.Sprint(port)), Port: ptr.To(port)})
	}
	return slice
}

// converge looks and carries out until nothing changes. between is called after each plan.
func (c *cluster) converge(between ...func(Plan)) Plan {
	c.t.Helper()
	c.endpoints()
	for range 12 {
		plan := Make(c.world())
		for _, look := range between {
			look(plan)
		}
		if !c.carry(plan) {
			if len(plan.Rewrites)+len(plan.Restores)+len(plan.Deletions)+len(plan.Events) > 0 {
				c.t.Errorf("nothing changes, and there is still something to do: %s", summary(c.t, plan))
			}
			return plan
		}
	}
	c.t.Fatal("no end of changes")
	return Plan{}
}
