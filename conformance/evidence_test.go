package conformance

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	"sigs.k8s.io/gateway-api/conformance/utils/suite"
	"sigs.k8s.io/yaml"
)

// controllerLabels select the pods of the control plane.
const controllerLabels = "app.kubernetes.io/name=kedify-gateway,app.kubernetes.io/component=controller"

// kept are the kinds of objects that explain a failure. No Secrets.
var kept = []schema.GroupVersionResource{
	{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "gatewayclasses"},
	{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "gateways"},
	{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "httproutes"},
	{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "grpcroutes"},
	{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "listenersets"},
	{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "backendtlspolicies"},
	{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "tlsroutes"},
	{Group: "inference.networking.k8s.io", Version: "v1", Resource: "inferencepools"},
	{Version: "v1", Resource: "services"},
	{Version: "v1", Resource: "pods"},
	{Version: "v1", Resource: "events"},
	{Group: "apps", Version: "v1", Resource: "deployments"},
	{Group: "discovery.k8s.io", Version: "v1", Resource: "endpointslices"},
}

// evidence writes what explains a failed test into a folder of its own.
type evidence struct {
	folder      string
	controllers string
}

// observe has every test call keep when it ends. ConformanceOptions.Hook comes too late for
// that: it runs after the cleanups of the test, when its objects are deleted. The tests
// themselves stay as they are.
func (e evidence) observe(tests []suite.ConformanceTest) {
	for i := range tests {
		test := tests[i]
		tests[i].Test = func(t *testing.T, run *suite.ConformanceTestSuite) {
			defer e.keep(t, test, run)
			test.Test(t, run)
		}
	}
}

func (e evidence) keep(t *testing.T, test suite.ConformanceTest, run *suite.ConformanceTestSuite) {
	if !t.Failed() {
		return
	}
	folder := filepath.Join(e.folder, test.ShortName)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Logf("evidence: %v", err)
		return
	}
	// The test's own context may be over by now.
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client, err := dynamic.NewForConfig(run.RestConfig)
	if err != nil {
		t.Logf("evidence: %v", err)
		return
	}
	for _, kind := range kept {
		list, err := client.Resource(kind).List(ctx, metav1.ListOptions{})
		write(t, filepath.Join(folder, kind.Resource+".yaml"), encode(list), err)
	}
	e.keepControllers(ctx, t, folder, run)
	t.Logf("evidence of %s: %s", test.ShortName, folder)
}

func encode(list *unstructured.UnstructuredList) []byte {
	if list == nil {
		return nil
	}
	var text bytes.Buffer
	for _, item := range list.Items {
		item.SetManagedFields(nil)
		raw, err := yaml.Marshal(item.Object)
		if err != nil {
			raw = []byte("# " + err.Error() + "\n")
		}
		text.WriteString("---\n")
		text.Write(raw)
	}
	return text.Bytes()
}

func write(t *testing.T, path string, content []byte, err error) {
	if err != nil {
		content = append(content, []byte("\n# "+err.Error()+"\n")...)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Logf("evidence: %v", err)
	}
}

// keepControllers writes the log of every controller, and what each told its Envoys.
func (e evidence) keepControllers(ctx context.Context, t *testing.T, folder string, run *suite.ConformanceTestSuite) {
	pods, err := run.Clientset.CoreV1().Pods(e.controllers).List(ctx, metav1.ListOptions{LabelSelector: controllerLabels})
	if err != nil {
		t.Logf("evidence: %v", err)
		return
	}
	for _, pod := range pods.Items {
		for _, container := range pod.Spec.Containers {
			lines := int64(5000)
			text, err := run.Clientset.CoreV1().Pods(pod.Namespace).
				GetLogs(pod.Name, &corev1.PodLogOptions{Container: container.Name, TailLines: &lines}).DoRaw(ctx)
			write(t, filepath.Join(folder, pod.Name+"."+container.Name+".log"), text, err)
		}
		text, err := execute(ctx, run.Clientset, run.RestConfig, pod, "/kedify-gateway", "xds", "--output", "json")
		write(t, filepath.Join(folder, pod.Name+".xds.json"), text, err)
	}
}

// execute runs a command in the first container of a pod.
func execute(ctx context.Context, clients kubernetes.Interface, config *rest.Config, pod corev1.Pod, command ...string) ([]byte, error) {
	request := clients.CoreV1().RESTClient().Post().Resource("pods").Namespace(pod.Namespace).Name(pod.Name).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{
			Container: pod.Spec.Containers[0].Name, Command: command, Stdout: true, Stderr: true,
		}, scheme.ParameterCodec)
	executor, err := remotecommand.NewSPDYExecutor(config, "POST", request.URL())
	if err != nil {
		return nil, err
	}
	var stdout, stderr bytes.Buffer
	err = executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: &stdout, Stderr: &stderr})
	if err != nil {
		err = fmt.Errorf("%s in %s: %w: %s", strings.Join(command, " "), pod.Name, err, stderr.String())
	}
	return stdout.Bytes(), err
}
