package docs_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/scaledobject/plan"
	"github.com/kedify/inference-gateway/scaler/trigger"
	"github.com/kedify/inference-gateway/wiring/foreign"
	wiringplan "github.com/kedify/inference-gateway/wiring/plan"
)

// scalerAddress is the one that the examples with the native spelling name.
const scalerAddress = "kedify-gateway.kedify-system:9090"

// The triggers of every example are accepted, and nothing is said against them.
func TestTriggersOfExamplesAreAccepted(t *testing.T) {
	folders := exampleFolders(t, "*")
	found := 0
	for _, folder := range folders {
		for _, object := range readExample(t, folder) {
			if object.GetKind() != "ScaledObject" {
				continue
			}
			found++
			parsed := trigger.Parse(plan.ObjectOf(typed[kedav1alpha1.ScaledObject](t, object)), scalerAddress)
			if len(parsed.Triggers) == 0 {
				t.Errorf("%s: %s has no trigger of the product", folder, object.GetName())
			}
			for _, problem := range parsed.Problems {
				t.Errorf("%s: %s: %s", folder, object.GetName(), problem.Message)
			}
		}
	}
	if found < 15 {
		t.Errorf("%d ScaledObjects in %d examples: are they still found?", found, len(folders))
	}
}

var yamlBlock = regexp.MustCompile("(?s)\n```yaml\n(.*?)```")

// So are those on pages.
func TestTriggersOnPagesAreAccepted(t *testing.T) {
	for _, page := range []string{autowirePage, "inference-scaling.md"} {
		t.Run(page, func(t *testing.T) { triggersAreAccepted(t, page) })
	}
}

func triggersAreAccepted(t *testing.T, page string) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, block := range yamlBlock.FindAllSubmatch(text, -1) {
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(block[1], &object.Object); err != nil {
			t.Errorf("%v in\n%s", err, block[1])
		}
		if object.GetKind() != "ScaledObject" {
			continue
		}
		found++
		parsed := trigger.Parse(plan.ObjectOf(typed[kedav1alpha1.ScaledObject](t, object)), scalerAddress)
		if len(parsed.Triggers) != 1 || len(parsed.Problems) > 0 {
			t.Errorf("%+v: %v", parsed.Triggers, parsed.Problems)
		}
	}
	if found == 0 {
		t.Error("the page has no ScaledObject")
	}
}

// Each example of autowiring is wired as soon as a proxy is ready: nothing of it is refused.
func TestExamplesOfAutowiringAreWired(t *testing.T) {
	for _, folder := range append(exampleFolders(t, "autowire-*"), exampleFolders(t, "wired-*")...) {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			made := wiringplan.Make(worldOf(t, folder))
			if len(made.Statuses) != 1 || made.Statuses[0].Rewired == nil {
				t.Fatalf("the wiring says %+v", made.Statuses)
			}
			said := made.Statuses[0].Rewired
			// Named by hand, an object leads to the proxies without any change.
			if said.Reason != wiringplan.ReasonWaiting && said.Reason != wiringplan.ReasonRewired {
				t.Errorf("%s: %s", said.Reason, said.Message)
			}
			if len(made.Objects) == 0 {
				t.Error("there is no wired Service, and no slice")
			}
		})
	}
}

// worldOf is an example as the wiring sees it, once the controllers accepted its trigger.
func worldOf(t *testing.T, folder string) wiringplan.World {
	t.Helper()
	namespace := filepath.Base(folder)
	world := wiringplan.World{
		Setting:   wiringplan.DefaultSetting(types.NamespacedName{Namespace: namespace, Name: v1alpha1.ProxyGatewayName}),
		Namespace: namespace, Now: time.Now(), Path: v1alpha1.PathProxy, Find: otherGateways{},
	}
	for _, object := range readExample(t, folder) {
		if object.GetKind() != "Namespace" && object.GetNamespace() != namespace {
			t.Errorf("%s %s is in namespace %q", object.GetKind(), object.GetName(), object.GetNamespace())
		}
		switch kind := object.GetKind(); {
		case kind == "ScaledObject":
			parsed := trigger.Parse(plan.ObjectOf(typed[kedav1alpha1.ScaledObject](t, object)), scalerAddress)
			world.Scalers = append(world.Scalers, acceptedScaler(namespace, parsed.Triggers[0]))
		case kind == "Service":
			world.Services = append(world.Services, typed[corev1.Service](t, object))
		case len(foreign.References(object)) > 0:
			world.Foreign = append(world.Foreign, object)
		}
	}
	return world
}

func acceptedScaler(namespace string, parsed trigger.Parsed) *v1alpha1.HTTPScaler {
	return &v1alpha1.HTTPScaler{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: parsed.Name}, Spec: parsed.Spec,
		Status: v1alpha1.HTTPScalerStatus{
			Gateway:    v1alpha1.ProxyGatewayName,
			Conditions: []metav1.Condition{{Type: "Accepted", Status: metav1.ConditionTrue, Reason: "Accepted"}},
		},
	}
}

// otherGateways has every Gateway with a class of another controller.
type otherGateways struct{}

func (otherGateways) Gateway(types.NamespacedName) *gwv1.Gateway {
	return &gwv1.Gateway{Spec: gwv1.GatewaySpec{GatewayClassName: "other"}}
}

func (otherGateways) OurClass(name string) bool { return name == v1alpha1.GatewayClassName }

// exampleFolders are the examples whose names match.
func exampleFolders(t *testing.T, name string) []string {
	t.Helper()
	folders, err := filepath.Glob(filepath.Join(root, "examples", name))
	if err != nil || len(folders) == 0 {
		t.Fatalf("there is no example %s: %v", name, err)
	}
	return folders
}

// readExample returns the objects of all manifests of a folder.
func readExample(t *testing.T, folder string) []*unstructured.Unstructured {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has no manifests: %v", folder, err)
	}
	var objects []*unstructured.Unstructured
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
		for {
			object := &unstructured.Unstructured{}
			err := decoder.Decode(object)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			objects = append(objects, object)
		}
	}
	return objects
}

// typed converts an object and refuses fields that its type does not have.
func typed[T any](t *testing.T, object *unstructured.Unstructured) *T {
	t.Helper()
	var converted T
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, &converted, true); err != nil {
		t.Fatalf("%s %s: %v", object.GetKind(), object.GetName(), err)
	}
	return &converted
}
