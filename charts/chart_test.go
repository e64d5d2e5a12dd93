// Package charts_test renders the chart with the Helm that installs it, and holds it against
// the code.
package charts_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers"
)

var helm string

// TestMain builds the pinned Helm: seconds from the build cache, two minutes without.
func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	directory, err := os.MkdirTemp("", "helm")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(directory)
	helm = filepath.Join(directory, "helm")
	build := exec.Command("go", "build", "-modfile=../hack/helm/go.mod", "-o", helm, "helm.sh/helm/v4/cmd/helm")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // also under the race detector: as bin/install builds it, compiled once for both
	if out, err := build.CombinedOutput(); err != nil {
		panic(string(out))
	}
	return m.Run()
}

func template(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	arguments = append([]string{"template", "kedify-gateway", "kedify-gateway", "--namespace", "kedify-system"}, arguments...)
	command := exec.Command(helm, arguments...)
	var problems bytes.Buffer
	command.Stderr = &problems
	out, err := command.Output()
	if err != nil {
		return "", errors.New(problems.String())
	}
	return string(out), nil
}

// decoder is strict: a field that Kubernetes does not know fails the test.
var decoder = sync.OnceValues(func() (runtime.Decoder, error) {
	scheme := controllers.NewScheme()
	err := errors.Join(apiextensionsv1.AddToScheme(scheme), monitoringv1.AddToScheme(scheme))
	return serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer(), err
})

// decode reads the objects strictly.
func decode(t *testing.T, text string) []runtime.Object {
	t.Helper()
	decoder, err := decoder()
	if err != nil {
		t.Fatal(err)
	}
	documents := yaml.NewDocumentDecoder(io.NopCloser(strings.NewReader(text)))
	buffer := make([]byte, 1<<20)
	var objects []runtime.Object
	for {
		n, err := documents.Read(buffer)
		if errors.Is(err, io.EOF) {
			return objects
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(bytes.TrimSpace(buffer[:n])) == 0 {
			continue
		}
		object, _, err := decoder.Decode(buffer[:n], nil, nil)
		if err != nil {
			t.Fatalf("%v in\n%s", err, buffer[:n])
		}
		objects = append(objects, object)
	}
}

func find[T runtime.Object](t *testing.T, objects []runtime.Object) T {
	t.Helper()
	for _, object := range objects {
		if found, ok := object.(T); ok {
			return found
		}
	}
	var none T
	t.Fatalf("the chart has no %T", none)
	return none
}

func rendered(t *testing.T, arguments ...string) []runtime.Object {
	t.Helper()
	text, err := template(t, arguments...)
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, text)
}

func TestLint(t *testing.T) {
	definitions, err := definitions()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(helm, "lint", "--strict", "kedify-gateway", definitions).CombinedOutput(); err != nil {
		t.Errorf("%s", out)
	}
}

// What the controller is told is what the chart installs.
func TestControllerFindsItsService(t *testing.T) {
	objects := rendered(t, "--set", "nameOverride=custom,image.repository=registry.example/gw,image.tag=v9")
	service := find[*corev1.Service](t, objects)
	deployment := find[*appsv1.Deployment](t, objects)
	container := deployment.Spec.Template.Spec.Containers[0]
	for _, want := range []string{
		"--xds-address=" + service.Name + "." + service.Namespace + ".svc:18000",
		"--product-image=" + container.Image,
		"--envoy-image=docker.io/envoyproxy/envoy:distroless-v1.40.0",
	} {
		if !slices.Contains(container.Args, want) {
			t.Errorf("%s is missing in %q", want, container.Args)
		}
	}
	if container.Image != "registry.example/gw:v9" {
		t.Errorf("image %q", container.Image)
	}
	for _, port := range service.Spec.Ports {
		if !slices.ContainsFunc(container.Ports, func(p corev1.ContainerPort) bool { return p.Name == port.TargetPort.StrVal }) {
			t.Errorf("port %s of the Service has no target", port.Name)
		}
	}
	for name, value := range service.Spec.Selector {
		if deployment.Spec.Template.Labels[name] != value || deployment.Spec.Selector.MatchLabels[name] != value {
			t.Errorf("label %s differs between Service, Deployment and pods", name)
		}
	}
}

func TestGatewayClass(t *testing.T) {
	class := find[*gwv1.GatewayClass](t, rendered(t, "--set", "gatewayClass.parametersRef.namespace=a,gatewayClass.parametersRef.name=b"))
	if class.Name != v1alpha1.GatewayClassName || class.Spec.ControllerName != v1alpha1.ControllerName {
		t.Errorf("class %s of controller %s", class.Name, class.Spec.ControllerName)
	}
	if ref := class.Spec.ParametersRef; ref == nil || string(ref.Group) != v1alpha1.GroupName || ref.Name != "b" || *ref.Namespace != "a" {
		t.Errorf("parametersRef %+v", ref)
	}
	objects := rendered(t, "--set", "gatewayClass.parameters.envoy.resources.requests.cpu=10m")
	parameters := find[*v1alpha1.GatewayParameters](t, objects)
	ref := find[*gwv1.GatewayClass](t, objects).Spec.ParametersRef
	if ref == nil || ref.Name != parameters.Name || ref.Namespace == nil || string(*ref.Namespace) != parameters.Namespace {
		t.Errorf("parametersRef %+v does not point to %s/%s", ref, parameters.Namespace, parameters.Name)
	}
	if parameters.Spec.Envoy == nil || parameters.Spec.Envoy.Resources == nil {
		t.Errorf("parameters got lost: %+v", parameters.Spec)
	}
	if text, err := template(t, "--set", "gatewayClass.create=false"); err != nil || strings.Contains(text, "kind: GatewayClass") {
		t.Errorf("create=false: %v", err)
	}
}

// Every optional value renders to something that Kubernetes accepts.
func TestEveryValue(t *testing.T) {
	values := filepath.Join(t.TempDir(), "values.yaml")
	err := os.WriteFile(values, []byte(`
imagePullSecrets: [{name: a}]
resources: {limits: {memory: 1Gi}, requests: {cpu: 1}}
serviceAccount: {annotations: {a: b}}
podLabels: {a: b}
podAnnotations: {a: b}
nodeSelector: {a: b}
tolerations: [{operator: Exists}]
affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: []}}
priorityClassName: high
log: {format: console, level: debug}
`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	spec := find[*appsv1.Deployment](t, rendered(t, "--values", values)).Spec.Template.Spec
	if !slices.ContainsFunc(spec.Containers[0].Env, func(e corev1.EnvVar) bool { return e.Name == "GOMEMLIMIT" }) {
		t.Error("a memory limit that the garbage collector does not know")
	}
	if spec.PriorityClassName != "high" || len(spec.Tolerations) != 1 || spec.Affinity == nil || spec.NodeSelector["a"] != "b" {
		t.Errorf("a value got lost: %+v", spec)
	}
}

func TestSchemaRefusesMistakes(t *testing.T) {
	for _, set := range []string{
		"replica=3", "replicas=0", "image.pullpolicy=Always", "image.pullPolicy=Sometimes", "log.level=loud",
		"gatewayClass.parametersRef.name=b", "nameOverride=Upper", "keda.scalerAddress=noport", "keda.scaleraddress=a:1",
		"admission.enabled=maybe", "clusterDomain=Upper", "keda.tls.enabled=maybe", "keda.tls.namespace=",
		"keda.tls.namespace=Upper", "keda.tls.enable=true",
		"autowire.enabled=maybe", "autowire.replicas=0", "autowire.recoveryPeriod=soon", "autowire.healthcheckDebouncer=5s",
		"watchNamespaces=shop", "watchNamespaces={shop,Upper}", "watchNamespaces={shop,shop}",
	} {
		if _, err := template(t, "--set", set); err == nil {
			t.Errorf("%s is accepted", set)
		}
	}
}

// productCRDs are those in the folder crds of the chart, by their files.
func productCRDs(t *testing.T) map[string]*apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	files, err := filepath.Glob("kedify-gateway/crds/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no CRDs: %v", err)
	}
	read := map[string]*apiextensionsv1.CustomResourceDefinition{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		read[file] = find[*apiextensionsv1.CustomResourceDefinition](t, decode(t, string(text)))
	}
	return read
}

func TestCRDs(t *testing.T) {
	for file, crd := range productCRDs(t) {
		if crd.Spec.Group != v1alpha1.GroupName {
			t.Errorf("%s is of group %s", file, crd.Spec.Group)
		}
	}
}
