package plane_test

import (
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
)

const (
	deploymentYAML = `
apiVersion: apps/v1
kind: Deployment
metadata: {namespace: apps, name: web}
spec: {replicas: 1}
`
	podYAML = `
apiVersion: v1
kind: Pod
metadata: {namespace: apps, name: web-1, labels: {app: web}}
`
)

// pullFails is what a message says of imageOff.
const pullFails = `ImagePullBackOff: Back-off pulling image "registry.test/gone:1"`

// imageOff is the status of a Pod whose image cannot be pulled.
func imageOff(container string) corev1.PodStatus {
	return corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: container, State: corev1.ContainerState{
		Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "Back-off pulling image \"registry.test/gone:1\""},
	}}}}
}

// podStatus writes the status of a Pod as its kubelet does.
func (c *cluster) podStatus(key types.NamespacedName, status corev1.PodStatus) {
	c.t.Helper()
	c.Eventually(func() error {
		pod := &corev1.Pod{}
		if err := c.client.Get(c.t.Context(), key, pod); err != nil {
			return err
		}
		pod.Status = status
		return c.client.Status().Update(c.t.Context(), pod)
	}).Should(Succeed())
}

func scalerNamed(name string) *v1alpha1.HTTPScaler {
	return &v1alpha1.HTTPScaler{ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: name}}
}

// A request waits at one replica for an application whose image cannot be pulled. The leader says so, once, on the
// objects of the user; when the request is served, it says that.
func TestServed(t *testing.T) {
	c := newCluster(t, serviceYAML("a"), scaledObjectYAML, deploymentYAML, podYAML)
	pod := types.NamespacedName{Namespace: "apps", Name: "web-1"}
	c.podStatus(pod, imageOff("web"))
	leader := c.leader("127.0.0.1")
	other := c.replica("127.0.0.2")
	gateway := types.NamespacedName{Namespace: "apps", Name: v1alpha1.ProxyGatewayName}
	c.Eventually(c.condition(gatewayNamed(gateway), "Accepted")).Should(Equal("True/Accepted"))
	other.proxy(gateway, deltatest.Options{Node: "envoy"})
	c.Eventually(func() bool { return other.dump(gateway).Synced }).Should(BeTrue())
	c.Eventually(func() string { return other.held().Name }).ShouldNot(BeEmpty())
	scaler := scalerNamed("web-0")
	c.Expect(c.condition(scaler, "Served")()).To(Equal("absent"))

	answered := answerOf(other.request(gateway, "envoy", other.held().Name, "apps/web-0"))
	c.Eventually(c.condition(scaler, "Served")).Should(Equal("False/PodsNotReady"))
	c.Expect(c.find(scaler, "Served").Message).To(ContainSubstring("container web: " + pullFails))
	c.Eventually(c.condition(scaler, "Ready")).Should(Equal("False/PodsNotReady"), "the summary follows")
	c.Eventually(leader.recorder.Events).Should(Receive(HavePrefix("Warning PodsNotReady trigger 0: requests wait and nothing answers them.")))
	c.Expect(other.recorder.Events).NotTo(Receive(ContainSubstring("PodsNotReady")), "the leader tells")
	c.Expect(answered).NotTo(Receive())

	c.podStatus(pod, corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}})
	c.set(serviceYAML("a", "10.0.0.1"))
	c.Eventually(answered).Should(Receive())
	c.Eventually(c.condition(scaler, "Served")).Should(Equal("True/Served"))
	c.Eventually(c.condition(scaler, "Ready")).ShouldNot(Equal("False/PodsNotReady"))
	c.Expect(leader.recorder.Events).NotTo(Receive(ContainSubstring("PodsNotReady")), "one event for one episode")
}

// A Gateway whose Envoys do not start says what their Pods wait for, until one connects.
func TestGatewayNamesWhatItsPodsWaitFor(t *testing.T) {
	c := newCluster(t, gatewayYAML)
	leader := c.leader("127.0.0.1")
	c.address(gatewayKey)
	deployment := &appsv1.Deployment{}
	key := types.NamespacedName{Namespace: gatewayKey.Namespace, Name: gatewayKey.Name + "-kedify"}
	c.Eventually(func() error { return c.client.Get(t.Context(), key, deployment) }).Should(Succeed())
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: key.Namespace, Name: key.Name + "-1", Labels: deployment.Spec.Selector.MatchLabels,
	}}
	c.Expect(c.client.Create(t.Context(), pod)).To(Succeed())
	c.podStatus(client.ObjectKeyFromObject(pod), imageOff("envoy"))

	programmed := func() string {
		if found := c.find(gatewayNamed(gatewayKey), "Programmed"); found != nil {
			return string(found.Status) + " " + found.Message
		}
		return ""
	}
	c.Eventually(programmed).Should(And(HavePrefix("False No proxy is connected yet."),
		ContainSubstring("container envoy: "+pullFails)))
	leader.proxy(gatewayKey, deltatest.Options{Node: "one"})
	c.Eventually(programmed).Should(HavePrefix("True "))
}

// A route to a pool whose picker is missing says so, and stays resolved: Gateway API has no reason against it.
func TestRouteNamesAMissingPicker(t *testing.T) {
	c := newCluster(t, gatewayYAML, `
apiVersion: inference.networking.k8s.io/v1
kind: InferencePool
metadata: {namespace: apps, name: llm}
spec:
  selector: {matchLabels: {app: llm}}
  targetPorts: [{number: 8000}]
  endpointPickerRef: {name: gone, port: {number: 9002}}
`, routeYAML("r", "a.example.com", `  - {backendRefs: [{group: inference.networking.k8s.io, kind: InferencePool, name: llm}]}`))
	c.leader("127.0.0.1")
	c.Eventually(c.condition(routeNamed("r"), "ResolvedRefs")).Should(Equal("True/ResolvedRefs"))
	c.Expect(c.find(routeNamed("r"), "ResolvedRefs").Message).To(And(
		ContainSubstring("InferencePool apps/llm: spec.endpointPickerRef: Service apps/gone does not exist"),
		ContainSubstring("requests are answered 503")))
}
