package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	"golang.org/x/net/websocket"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/emptypb"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
	"github.com/kedify/inference-gateway/test/e2e/internal/load"
)

// scalingExamples are the folders that TestKedifyHTTPExamples executes.
var scalingExamples = map[string]func(*testing.T){
	"http-scale-from-zero":  exampleFromZero,
	"inference-autoscale":   exampleAutoscale,
	"inference-from-zero":   exampleModelFromZero,
	"token-scaling":         exampleTokens,
	"header-routing":        exampleHeaders,
	"multiple-triggers":     exampleTriggers,
	"websocket-concurrency": exampleWebSocket,
	"grpc-from-zero":        exampleGRPC,
	"waiting-page":          exampleWaitingPage,
	"existing-route":        exampleExistingRoute,
	"native-external-push":  exampleNative,
	"own-envoy":             exampleOwnEnvoy,
}

// TestKedifyHTTPExamples applies each example that scales as its README says and checks what the
// README promises, with KEDA's and the HPA's own doing. Several run at once: most of the time
// they wait.
func TestKedifyHTTPExamples(t *testing.T) {
	for _, folder := range slices.Sorted(maps.Keys(scalingExamples)) {
		t.Run(folder, func(t *testing.T) {
			t.Parallel()
			scalingExamples[folder](t)
		})
	}
}

// zero is how long KEDA may take to stop an application that was just deployed and gets no
// requests: until the proxy has reported, and one polling interval of KEDA (30 s).
const zero = 90 * time.Second

// asksZero waits until KEDA has stopped a Deployment.
func asksZero(t *testing.T, c *cluster.Cluster, namespace, name string) {
	t.Helper()
	took := c.ReplicasBecome(t, namespace, name, 0, zero)
	// A Pod that was starting when it was stopped still becomes ready, and would answer.
	deployment, err := c.Clients.AppsV1().Deployments(namespace).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	cluster.Eventually(t, zero, func() error {
		if pods := c.Pods(t, namespace, metav1.FormatLabelSelector(deployment.Spec.Selector)); len(pods) > 0 {
			return fmt.Errorf("%d Pods of %s are still there", len(pods), name)
		}
		return nil
	})
	t.Logf("%s went to zero %s after it was ready to", name, took.Round(time.Second))
}

// exampleFromZero goes 0 -> 1 -> 3 -> 0.
func exampleFromZero(t *testing.T) {
	const namespace, host = "http-scale-from-zero", "shop.keda"
	c := cluster.Connect(t)
	c.ApplyFolder(t, filepath.Join(*root, "examples", namespace))
	address := proxied(t, c, namespace, "shop-0")
	asksZero(t, c, namespace, "shop")

	begun := time.Now()
	got, err := wait(t.Context(), address, host, "")
	if err == nil {
		err = cold(got)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the first request took %s", time.Since(begun).Round(time.Millisecond))

	traffic := load.Arrive(t, load.Arrivals{Address: address, Rate: 25, Request: func(int) load.Request {
		return load.Request{Host: host, Path: "/"}
	}})
	t.Logf("3 replicas after %s", c.ReplicasBecome(t, namespace, "shop", 3, time.Minute).Round(time.Second))
	report := traffic.Stop()
	t.Log(report)
	if report.Wrong > 0 {
		t.Error(report.Examples())
	}
	t.Logf("0 replicas after %s", c.ReplicasBecome(t, namespace, "shop", 0, 3*time.Minute).Round(time.Second))
}

// exampleAutoscale is the seed's object, unmodified: 12 requests per second at a target of 5 are
// two replicas. Its windows of ten minutes are too long to wait for the way back, so that is
// shown with shorter ones, set after the unmodified object has scaled out.
func exampleAutoscale(t *testing.T) {
	const folder, namespace, name = "inference-autoscale", "inferencepool", "vllm-llm-d-modelservice-decode"
	unmodified(t, filepath.Join(*root, "examples", folder, "4-scaledobject.yaml"))
	c := cluster.Connect(t)
	c.ApplyFolder(t, filepath.Join(*root, "examples", folder))
	c.DeploymentsReady(t, namespace)
	proxied(t, c, namespace, "inferencepool-0")
	c.PoolHas(t, namespace, "inferencepool", proxyName, cluster.Accepted, cluster.ResolvedRefs)
	c.EventAbout(t, namespace, "ScaledObject", "inferencepool", "trafficAutowire")
	address := c.GatewayReady(t, namespace, proxyName) + ":9002"
	const body = `{"model": "llama-3.1-8b", "prompt": "hello", "max_tokens": 1}`
	cluster.Eventually(t, time.Minute, func() error { // route, picker and model come one by one
		got, err := ask(address, "application.keda", completions, body, "content-type", "application/json")
		if err != nil {
			return err
		}
		return ok(got)
	})
	if wanted, _ := c.Replicas(t, namespace, name); wanted != 1 {
		t.Fatalf("%d replicas without load", wanted)
	}
	traffic := load.Arrive(t, load.Arrivals{Address: address, Rate: 12, Request: func(int) load.Request {
		return load.Request{
			Method: http.MethodPost, Host: "application.keda", Path: completions, Body: body,
			Header: map[string]string{"content-type": "application/json"},
		}
	}})
	t.Logf("2 replicas after %s", c.ReplicasBecome(t, namespace, name, 2, 90*time.Second).Round(time.Second))
	time.Sleep(2 * time.Second) // the second replica works, too
	report := traffic.Stop()
	t.Log(report)
	if report.Wrong > 0 {
		t.Error(report.Examples())
	}

	object := &kedav1alpha1.ScaledObject{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "inferencepool"}}
	cluster.Edit(t, c, object, func(s *kedav1alpha1.ScaledObject) {
		seconds := int32(5)
		s.Spec.Advanced.HorizontalPodAutoscalerConfig.Behavior.ScaleDown.StabilizationWindowSeconds = &seconds
		s.Spec.Triggers[0].Metadata["window"] = "10s"
	})
	t.Logf("with shorter windows, 1 replica after %s", c.ReplicasBecome(t, namespace, name, 1, time.Minute).Round(time.Second))
}

// unmodified compares a file with the full example of the documentation of the trigger for
// inference, as it is published, but for space.
func unmodified(t *testing.T, file string) {
	t.Helper()
	const published = `kind: ScaledObjectapiVersion: keda.sh/v1alpha1metadata: name: inferencepool namespace: inferencepoolspec: ` +
		`scaleTargetRef: apiVersion: apps/v1 kind: Deployment name: vllm-llm-d-modelservice-decode cooldownPeriod: 600 ` +
		`minReplicaCount: 1 maxReplicaCount: 2 fallback: failureThreshold: 2 replicas: 1 advanced: restoreToOriginalReplicaCount: true ` +
		`horizontalPodAutoscalerConfig: behavior: scaleDown: stabilizationWindowSeconds: 600 triggers: - type: kedify-http metadata: ` +
		`hosts: application.keda pathPrefixes: /v1 service: vllm-llm-d-modelservice-inference-svc port: '9002' scalingMetric: requestRate ` +
		`targetValue: '5' granularity: 1s window: 1m trafficAutowire: ingress inferencePool: inferencepool`
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	dense := func(text string) string { return strings.Join(strings.Fields(text), "") }
	if got, want := dense(string(text)), dense(published); got != want {
		t.Errorf("the object differs from the published one:\n%s\n%s", got, want)
	}
}

// first sends a request until the data plane has the route, and wants 200 then.
func first(t *testing.T, address, host, path, body string) answer {
	t.Helper()
	var got answer
	cluster.Eventually(t, time.Minute, func() error {
		var err error
		if got, err = ask(address, host, path, body, "content-type", "application/json"); err == nil && got.status == http.StatusNotFound {
			return fmt.Errorf("%d: %.200s", got.status, got.body)
		}
		return err
	})
	if err := ok(got); err != nil {
		t.Fatal(err)
	}
	return got
}

// exampleModelFromZero: the request waits before the picker is asked, and then the picker picks.
func exampleModelFromZero(t *testing.T) {
	const namespace, host = "inference-from-zero", "llama.keda"
	c := cluster.Connect(t)
	c.ApplyFolder(t, filepath.Join(*root, "examples", namespace))
	c.DeploymentReady(t, namespace, "llama-epp")
	proxied(t, c, namespace, "llama-0")
	asksZero(t, c, namespace, "llama")
	address := c.GatewayReady(t, namespace, proxyName) + ":9002"
	begun := time.Now()
	got := first(t, address, host, completions, `{"model": "llama-3.1-8b", "prompt": "hello", "max_tokens": 5}`)
	if err := cold(got); err != nil {
		t.Error(err)
	}
	t.Logf("the first request took %s", time.Since(begun).Round(time.Millisecond))
	served := got.header.Get("x-conformance-test-served-endpoint")
	for _, pod := range c.Pods(t, namespace, "app=llama") {
		if pod.DeletionTimestamp == nil && served != pod.Status.PodIP+":8000" {
			t.Errorf("the picker saw %q serve, the pod is at %s", served, pod.Status.PodIP)
		}
	}
}

// exampleTokens lets the model of the quickstart sleep, wakes it with a chat, and gives it as many tokens to write as three replicas can.
func exampleTokens(t *testing.T) {
	const chats, tokens = 5, 40 // a second, and in each answer
	c := cluster.Connect(t)
	c.ApplyFolder(t, filepath.Join(*root, "examples", quickstart))
	c.ApplyFolder(t, filepath.Join(*root, "examples", "token-scaling"))
	c.DeploymentReady(t, quickstart, "llama-epp")
	address := c.GatewayReady(t, quickstart, "inference") + ":80"
	c.ScalerHas(t, quickstart, "llama-0", cluster.Accepted, cluster.ResolvedRefs)
	object := c.ScaledObjectReady(t, quickstart, "llama")
	asksZero(t, c, quickstart, "llama")

	begun := time.Now()
	body := fmt.Sprintf(`{"model": %q, "stream": true, "stream_options": {"include_usage": true}, "max_tokens": %d, "ignore_eos": true, `+
		`"messages": [{"role": "user", "content": "hello"}]}`, quickModel, tokens)
	chat := func(int) load.Request {
		return load.Request{
			Method: http.MethodPost, Host: "models.example.com", Path: "/v1/chat/completions", Body: body,
			Header: map[string]string{"content-type": "application/json"},
		}
	}
	cold := ""
	first := load.Arrive(t, load.Arrivals{
		Address: address, Rate: 100, Count: 1, Patience: 2 * time.Minute, Request: chat,
		Observe: func(r *http.Response, _ []byte) { cold = r.Header.Get(coldStart) },
	})
	first.Wait()
	clean(t, first)
	if cold != "true" {
		t.Errorf("%s of the first chat is %q", coldStart, cold)
	}
	t.Logf("the first chat took %s", time.Since(begun).Round(time.Millisecond))

	traffic := load.Arrive(t, load.Arrivals{Address: address, Rate: chats, Request: chat})
	t.Logf("3 replicas after %s", c.ReplicasBecome(t, quickstart, "llama", 3, time.Minute).Round(time.Second))
	value, err := c.Metric(t, object, 0)
	t.Logf("KEDA gets %v, %v", value, err)
	clean(t, traffic)
}

// exampleHeaders: each header wakes its application and no other.
func exampleHeaders(t *testing.T) {
	const namespace, host = "header-routing", "demo.keda"
	c := cluster.Connect(t)
	c.ApplyFolder(t, filepath.Join(*root, "examples", namespace))
	address := proxied(t, c, namespace, "foo-0", "bar-0", "other-0")
	for _, name := range []string{"foo", "bar", "other"} {
		asksZero(t, c, namespace, name)
	}
	for _, one := range []struct {
		headers []string
		want    string
	}{{[]string{"app", "foo"}, "foo"}, {nil, "other"}} {
		begun := time.Now()
		got, err := wait(t.Context(), address, host, "", one.headers...)
		if err != nil || got.status != http.StatusOK || deployment(t, got.body) != one.want {
			t.Fatalf("%v: %v %+v", one.headers, err, got)
		}
		t.Logf("%s answered after %s", one.want, time.Since(begun).Round(time.Millisecond))
	}
	if wanted, _ := c.Replicas(t, namespace, "bar"); wanted != 0 {
		t.Errorf("bar had no request, and it has %d replicas", wanted)
	}
}

// exampleTriggers: each trigger has a metric of its own, and load on one is no load on the other
// (T10).
func exampleTriggers(t *testing.T) {
	const namespace, host, rate = "multiple-triggers", "shop.keda", 15
	c := cluster.Connect(t)
	c.ApplyFolder(t, filepath.Join(*root, "examples", namespace))
	address := proxied(t, c, namespace, "shop-alpha", "shop-beta")
	c.DeploymentsReady(t, namespace)
	for _, one := range []struct {
		path, app string
		status    int
	}{{"/info", "alpha", 200}, {"/echo", "beta", 200}, {"/echo", "alpha", 404}, {"/info", "", 404}} {
		cluster.Eventually(t, 20*time.Second, func() error {
			got, err := ask(address, host, one.path, "", "app", one.app)
			if err == nil && got.status != one.status {
				err = fmt.Errorf("%s with app %q: %d, want %d", one.path, one.app, got.status, one.status)
			}
			return err
		})
	}
	time.Sleep(11 * time.Second) // the requests above leave the window
	load.Arrive(t, load.Arrivals{Address: address, Rate: rate, Request: func(int) load.Request {
		return load.Request{Host: host, Path: "/echo/x", Header: map[string]string{"app": "beta"}}
	}})
	object := cluster.Get(t, c, namespace, "shop", &kedav1alpha1.ScaledObject{})
	cluster.Eventually(t, 30*time.Second, func() error {
		alpha, err := c.Metric(t, object, 0)
		if err != nil {
			return err
		}
		beta, err := c.Metric(t, object, 1)
		if err != nil {
			return err
		}
		if alpha != 0 {
			t.Fatalf("alpha has %v requests per second without a client", alpha)
		}
		if beta < rate*0.9 || beta > rate*1.1 {
			return fmt.Errorf("beta has %v requests per second, the load is %d", beta, rate)
		}
		return nil
	})
	cluster.Eventually(t, time.Minute, func() error {
		if wanted, _ := c.Replicas(t, namespace, "shop"); wanted < 2 {
			return fmt.Errorf("%d replicas wanted at %d requests per second", wanted, rate)
		}
		return nil
	})
}

// exampleWebSocket: five connections are five replicas (T12), the first of them from zero, and
// none of them is zero again.
func exampleWebSocket(t *testing.T) {
	const namespace, connections = "websocket-concurrency", 5
	c := cluster.Connect(t)
	c.ApplyFolder(t, filepath.Join(*root, "examples", namespace))
	address := proxied(t, c, namespace, "chat-0")
	asksZero(t, c, namespace, "chat")
	var open []*websocket.Conn
	for n := range connections {
		begun := time.Now()
		socket, err := dialSocket(address, "chat.keda")
		if err != nil {
			t.Fatal(err)
		}
		defer socket.Close()
		if n == 0 {
			t.Logf("the first connection took %s", time.Since(begun).Round(time.Millisecond))
		}
		open = append(open, socket)
	}
	t.Logf("%d replicas after %s", connections, c.ReplicasBecome(t, namespace, "chat", connections, time.Minute).Round(time.Second))
	for n, socket := range open {
		if err := says(socket, fmt.Sprintf("still %d", n)); err != nil {
			t.Error(err)
		}
		socket.Close()
	}
	t.Logf("0 replicas after %s", c.ReplicasBecome(t, namespace, "chat", 0, 3*time.Minute).Round(time.Second))
}

// echoMethod is served by the echo backend.
const echoMethod = "/gateway_api_conformance.echo_basic.grpcecho.GrpcEcho/Echo"

// exampleGRPC: the first call waits for the server.
func exampleGRPC(t *testing.T) {
	const namespace = "grpc-from-zero"
	c := cluster.Connect(t)
	c.ApplyFolder(t, filepath.Join(*root, "examples", namespace))
	address := proxied(t, c, namespace, "responder-0")
	asksZero(t, c, namespace, "responder")
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithAuthority("grpc.keda"))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	begun := time.Now()
	for range 3 {
		// Messages of any kind will do: the request has no fields, and those of the answer that
		// are not known are kept.
		echoed := &emptypb.Empty{}
		if err := connection.Invoke(ctx, echoMethod, &emptypb.Empty{}, echoed); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(echoed.ProtoReflect().GetUnknown()), "responder-") {
			t.Fatalf("the answer names no pod: %q", echoed.ProtoReflect().GetUnknown())
		}
		t.Logf("answered after %s", time.Since(begun).Round(time.Millisecond))
	}
}

// exampleWaitingPage: the page at once (T34), and the application when it is there. The page is
// that of the ConfigMap, and follows it (T35).
func exampleWaitingPage(t *testing.T) {
	const namespace, host = "waiting-page", "shop.keda"
	c := cluster.Connect(t)
	c.ApplyFolder(t, filepath.Join(*root, "examples", namespace))
	address := proxied(t, c, namespace, "shop-0")
	asksZero(t, c, namespace, "shop")
	page := &corev1.ConfigMap{}
	page.Namespace, page.Name = namespace, "shop-waiting-page"
	cluster.Edit(t, c, page, func(m *corev1.ConfigMap) { m.Data["coldStartWaitingPageBody"] += "<p>edited</p>\n" })
	time.Sleep(2 * time.Second) // asking whether it has arrived would wake the application
	browse := func() (answer, error) { return ask(address, host, "/", "", browser...) }
	quickest := time.Minute
	for range 3 { // the application takes longer than that
		begun := time.Now()
		got, err := browse()
		quickest = min(quickest, time.Since(begun))
		if err != nil || got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") != "3" ||
			!strings.Contains(got.body, "The shop opens in a moment") || !strings.Contains(got.body, "edited") {
			t.Fatalf("the page: %v %+v", err, got)
		}
	}
	t.Logf("the quickest page took %s", quickest.Round(time.Millisecond))
	if quickest > 200*time.Millisecond {
		t.Errorf("the quickest page took %s", quickest)
	}
	cluster.Eventually(t, 30*time.Second, func() error {
		got, err := browse()
		if err != nil {
			return err
		}
		return ok(got)
	})
}

// browser is what a browser sends that opens a page. Requests of other clients wait for the application.
var browser = []string{"accept", "text/html,application/xhtml+xml,*/*;q=0.8", "sec-fetch-mode", "navigate"}

// exampleExistingRoute: the user's objects stay as they are, there is no proxy of the product's,
// and the route wakes and counts.
func exampleExistingRoute(t *testing.T) {
	const namespace, host = "existing-route", "shop.example.com"
	c := cluster.Connect(t)
	c.ApplyFolder(t, filepath.Join(*root, "examples", namespace))
	address := c.GatewayReady(t, namespace, "web")
	c.RouteHas(t, namespace, "shop", cluster.Accepted, cluster.ResolvedRefs)
	scaler := c.ScalerHas(t, namespace, "shop-0", cluster.Accepted, cluster.ResolvedRefs)
	if scaler.Status.Route != "" || scaler.Status.Gateway != "" {
		t.Errorf("the trigger has a route and a Gateway of the product's: %+v", scaler.Status)
	}
	object := c.ScaledObjectReady(t, namespace, "shop")
	asksZero(t, c, namespace, "shop")
	route, gateway := cluster.Get(t, c, namespace, "shop", &gwv1.HTTPRoute{}), cluster.Get(t, c, namespace, "web", &gwv1.Gateway{})
	if route.Generation != 1 || gateway.Generation != 1 {
		t.Errorf("the user's route has generation %d, the Gateway %d", route.Generation, gateway.Generation)
	}
	for name, object := range map[string]client.Object{proxyName: &gwv1.Gateway{}, "shop-0": &gwv1.HTTPRoute{}} {
		if err := c.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, object); !apierrors.IsNotFound(err) {
			t.Errorf("%T %s: %v", object, name, err)
		}
	}
	got, err := wait(t.Context(), address, host, "")
	if err == nil {
		err = cold(got)
	}
	if err != nil || got.header.Get("x-served-through") != "web" {
		t.Fatalf("%v: %+v", err, got)
	}
	load.Arrive(t,
		load.Arrivals{Address: address + ":80", Rate: 10, Request: func(int) load.Request { return load.Request{Host: host, Path: "/"} }})
	cluster.Eventually(t, 30*time.Second, func() error {
		if rate, err := c.Metric(t, object, 0); err != nil || rate < 3 {
			return fmt.Errorf("%v requests per second: %w", rate, err)
		}
		return nil
	})
}

// exampleNative: what is stored is what was written.
func exampleNative(t *testing.T) {
	const namespace, host = "native-external-push", "shop.keda"
	c := cluster.Connect(t)
	folder := filepath.Join(*root, "examples", namespace)
	c.ApplyFolder(t, folder)
	address := proxied(t, c, namespace, "shop-0")
	before := cluster.Get(t, c, namespace, "shop", &kedav1alpha1.ScaledObject{})
	if generation := before.Generation; generation != 1 {
		t.Errorf("the object has generation %d", generation)
	}
	keys, err := json.Marshal(before.Spec.Triggers)
	if err != nil || strings.Contains(string(keys), "originalType") || before.Spec.Triggers[0].Type != "external-push" {
		t.Errorf("the triggers are %s, %v", keys, err)
	}
	asksZero(t, c, namespace, "shop")
	got, err := wait(t.Context(), address, host, "")
	if err == nil {
		err = cold(got)
	}
	if err != nil {
		t.Fatal(err)
	}
	scaler := cluster.Get(t, c, namespace, "shop-0", &v1alpha1.HTTPScaler{})
	if scaler.Spec.Type != v1alpha1.TriggerHTTP {
		t.Errorf("the trigger stands for %q", scaler.Spec.Type)
	}
}
