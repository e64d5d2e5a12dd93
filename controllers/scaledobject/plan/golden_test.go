package plan

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/internal/golden"
)

// TestGolden shows what the objects of a case become, and that a second look, with all of it
// in place, wants the same and tells nothing new.
func TestGolden(t *testing.T) {
	golden.Run(t, "testdata", func(t *testing.T, c *golden.Case) []golden.Section {
		world := load(t, c.Input)
		made := Make(world)
		again := Make(world.with(made))
		if diff := cmp.Diff(objectsText(t, made), objectsText(t, again)); diff != "" && !strings.Contains(diff, "kind: Service") {
			t.Errorf("a second look wants something else (- first, + second):\n%s", diff)
		}
		if diff := cmp.Diff(statusesText(t, made), statusesText(t, again)); diff != "" {
			t.Errorf("a second look says something else (- first, + second):\n%s", diff)
		}
		for _, event := range again.Events {
			if !event.Once {
				t.Errorf("a second look tells again: %s", event.Note)
			}
		}
		for _, status := range made.Statuses {
			for _, condition := range status.Value.Conditions {
				if !Owns(condition) {
					t.Errorf("condition %s is not owned: it would stay when its reason is gone", condition.Type)
				}
			}
		}
		return []golden.Section{
			{Name: "Objects", Body: objectsText(t, made)},
			{Name: "Status", Body: statusesText(t, made)},
			{Name: "Events", Body: eventsText(t, made)},
		}
	})
}

// memory is a World's Finder over objects of a case.
type memory map[string]client.Object

func id(kind string, key types.NamespacedName) string { return kind + " " + key.String() }

func found[T client.Object](m memory, kind string, key types.NamespacedName) T {
	object, _ := m[id(kind, key)].(T)
	return object
}

func (m memory) Service(key types.NamespacedName) *corev1.Service {
	return found[*corev1.Service](m, "Service", key)
}
func (m memory) Secret(key types.NamespacedName) *corev1.Secret {
	return found[*corev1.Secret](m, "Secret", key)
}
func (m memory) ConfigMap(key types.NamespacedName) *corev1.ConfigMap {
	return found[*corev1.ConfigMap](m, "ConfigMap", key)
}
func (m memory) InferencePool(key types.NamespacedName) *inferencev1.InferencePool {
	return found[*inferencev1.InferencePool](m, "InferencePool", key)
}
func (m memory) Rollout(key types.NamespacedName) *unstructured.Unstructured {
	return found[*unstructured.Unstructured](m, "Rollout", key)
}
func (m memory) Gateway(key types.NamespacedName) *gwv1.Gateway {
	return found[*gwv1.Gateway](m, "Gateway", key)
}
func (m memory) GatewayParameters(key types.NamespacedName) *v1alpha1.GatewayParameters {
	return found[*v1alpha1.GatewayParameters](m, "GatewayParameters", key)
}
func (m memory) OurClass(name string) bool { return name == v1alpha1.GatewayClassName }

// requested marks an HTTPScaler of the memory whose requests came through a proxy.
const requested = "Requested"

func (m memory) Requested(key types.NamespacedName) bool {
	_, came := m[id(requested, key)]
	return came
}

// kinds that a case may have. Rollouts have no Go type.
var kinds = map[string]func() client.Object{
	"ScaledObject":      func() client.Object { return &kedav1alpha1.ScaledObject{} },
	"HTTPScaler":        func() client.Object { return &v1alpha1.HTTPScaler{} },
	"HTTPRoute":         func() client.Object { return &gwv1.HTTPRoute{} },
	"GRPCRoute":         func() client.Object { return &gwv1.GRPCRoute{} },
	"TLSRoute":          func() client.Object { return &gwv1.TLSRoute{} },
	"Gateway":           func() client.Object { return &gwv1.Gateway{} },
	"GatewayParameters": func() client.Object { return &v1alpha1.GatewayParameters{} },
	"ListenerSet":       func() client.Object { return &gwv1.ListenerSet{} },
	"ReferenceGrant":    func() client.Object { return &gwv1.ReferenceGrant{} },
	"Service":           func() client.Object { return &corev1.Service{} },
	"Secret":            func() client.Object { return &corev1.Secret{} },
	"ConfigMap":         func() client.Object { return &corev1.ConfigMap{} },
	"InferencePool":     func() client.Object { return &inferencev1.InferencePool{} },
	"Rollout":           func() client.Object { return &unstructured.Unstructured{} },
	"Ingress":           func() client.Object { return &unstructured.Unstructured{} },
	"VirtualService":    func() client.Object { return &unstructured.Unstructured{} },
	"Route":             func() client.Object { return &unstructured.Unstructured{} },
	requested:           func() client.Object { return &unstructured.Unstructured{} },
}

// load reads a case. A document of kind Setting changes the Setting, one of kind Requested says that
// requests of the HTTPScaler of its name came through a proxy.
func load(t testing.TB, input []byte) World {
	t.Helper()
	w := World{Find: memory{}, Setting: Setting{
		Proxy:         types.NamespacedName{Namespace: "shop", Name: v1alpha1.ProxyGatewayName},
		ClassName:     v1alpha1.GatewayClassName,
		CountsOthers:  true,
		ScalerAddress: "kedify-gateway.kedify-system.svc.cluster.local:9090",
	}}
	for _, document := range strings.Split(string(input), "\n---\n") {
		var head struct {
			Kind             string `json:"kind"`
			Shared, Autowire bool
			Values           string
			CountsOthers     *bool
		}
		if err := yaml.Unmarshal([]byte(document), &head); err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		if head.Kind == "Setting" {
			w.Shared, w.Autowire = head.Shared, head.Autowire
			if head.Shared {
				w.Proxy.Namespace = "kedify-system"
			}
			w.CountsOthers = ptr.Deref(head.CountsOthers, true)
			if head.Values != "" {
				w.Values = types.NamespacedName{Namespace: "kedify-system", Name: head.Values}
			}
			continue
		}
		newObject, known := kinds[head.Kind]
		if !known {
			t.Fatalf("kind %q in\n%s", head.Kind, document)
		}
		object := newObject()
		if err := yaml.UnmarshalStrict([]byte(document), object); err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		if object.GetNamespace() == "" {
			object.SetNamespace("shop")
		}
		if object.GetUID() == "" {
			object.SetUID(types.UID("uid-of-" + object.GetName()))
		}
		w.put(head.Kind, store.Trim(object)) // as the cache has it
	}
	w.Attachments = w.Find.(memory).attachments()
	return w
}

// put adds an object, or replaces the one of its name.
func (w *World) put(kind string, object client.Object) {
	w.Find.(memory)[id(kind, types.NamespacedName{Namespace: object.GetNamespace(), Name: object.GetName()})] = object
	switch object := object.(type) {
	case *kedav1alpha1.ScaledObject:
		w.ScaledObjects = append(w.ScaledObjects, object)
	case *v1alpha1.HTTPScaler:
		w.Scalers = replace(w.Scalers, object)
	case *gwv1.HTTPRoute:
		w.HTTPRoutes = replace(w.HTTPRoutes, object)
	case *gwv1.GRPCRoute:
		w.GRPCRoutes = replace(w.GRPCRoutes, object)
	case *gwv1.TLSRoute:
		w.TLSRoutes = replace(w.TLSRoutes, object)
	case *unstructured.Unstructured:
		if kind != "Rollout" && kind != requested {
			w.Foreign = append(w.Foreign, object)
		}
	}
}

func replace[T client.Object](objects []T, object T) []T {
	var kept []T
	for _, o := range objects {
		if o.GetNamespace() != object.GetNamespace() || o.GetName() != object.GetName() {
			kept = append(kept, o)
		}
	}
	return append(kept, object)
}

// with returns the World as it is when the Plan was carried out.
func (w World) with(p Plan) World {
	after := w
	after.Find = memory{}
	for key, object := range w.Find.(memory) {
		after.Find.(memory)[key] = object
	}
	for _, object := range p.Objects {
		made := object.DeepCopyObject().(client.Object)
		if scaler, ok := made.(*v1alpha1.HTTPScaler); ok {
			for _, status := range p.Statuses {
				if status.Scaler.Namespace == scaler.Namespace && status.Scaler.Name == scaler.Name {
					scaler.Status = status.Value
				}
			}
		}
		for _, route := range w.HTTPRoutes { // it has its status still
			if made, ok := made.(*gwv1.HTTPRoute); ok && store.KeyOf(made) == store.KeyOf(route) {
				made.Status = route.Status
			}
		}
		after.put(made.GetObjectKind().GroupVersionKind().Kind, made)
	}
	after.Attachments = after.Find.(memory).attachments()
	return after
}

// objectsText shows the objects as a user would write them.
func objectsText(t testing.TB, p Plan) string {
	t.Helper()
	var out bytes.Buffer
	for _, object := range p.Objects {
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
		if err != nil {
			t.Fatal(err)
		}
		delete(content, "status")
		prune(content)
		unstructured.RemoveNestedField(content, "metadata", "creationTimestamp")
		if text, err := yaml.Marshal(content); err != nil {
			t.Fatal(err)
		} else {
			out.WriteString("---\n" + string(text))
		}
	}
	return strings.TrimPrefix(out.String(), "---\n")
}

// prune removes what says nothing: empty structs, which Go's encoder writes.
func prune(content map[string]any) {
	for name, value := range content {
		inner, ok := value.(map[string]any)
		if !ok {
			continue
		}
		if prune(inner); len(inner) == 0 {
			delete(content, name)
		}
	}
}

func statusesText(t testing.TB, p Plan) string {
	t.Helper()
	statuses := map[string]any{}
	for _, status := range p.Statuses {
		conditions := map[string]string{}
		for _, c := range status.Value.Conditions {
			conditions[fmt.Sprintf("%s=%s/%s", c.Type, c.Status, c.Reason)] = c.Message
		}
		outline := map[string]any{"conditions": conditions}
		if status.Value.Route != "" {
			outline["route"] = status.Value.Gateway + " <- " + status.Value.Route
		}
		statuses["HTTPScaler "+status.Scaler.String()] = outline
	}
	return yamlOf(t, statuses)
}

func eventsText(t testing.TB, p Plan) string {
	t.Helper()
	lines := []string{}
	for _, event := range p.Events {
		line := fmt.Sprintf("%s %s %s/%s: %s", event.Type, event.Reason, event.About.GetNamespace(), event.About.GetName(), event.Note)
		if event.Once {
			line += " (once)"
		}
		lines = append(lines, line)
	}
	return yamlOf(t, lines)
}

func yamlOf(t testing.TB, value any) string {
	t.Helper()
	text, err := yaml.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
