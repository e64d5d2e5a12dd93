package e2e

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
)

// peered is a connection to a port of a controller.
type peered struct {
	port string // its name
	peer netip.Addr
}

// TestNetworkPolicyAdmitsPeers: the testbed has no enforcer of NetworkPolicies, so the connections that the controllers have are compared
// with their policy. Those of Pods are of peers that the policy names for the port, and the ports of Envoys and of KEDA have some.
func TestNetworkPolicyAdmitsPeers(t *testing.T) {
	t.Parallel()
	c := cluster.Connect(t)
	namespace := c.Namespace(t)
	c.Apply(t, namespace, gatewayYAML)
	deploy(t, c, namespace, workload{Name: "asked"}, scaled{Host: "asked.test", Max: 1, Metric: "requestRate", Target: 10})
	c.GatewayReady(t, namespace, "web")
	policy := cluster.Get(t, c, controllers, controllerName, &networkingv1.NetworkPolicy{})
	missing := map[string]bool{"xds": true, "keda": true}
	cluster.Eventually(t, time.Minute, func() error {
		for _, pod := range c.Pods(t, controllers, controllerPods) {
			for _, connection := range connections(t, &pod) {
				from := podAt(t, c, connection.peer)
				if from == nil {
					continue // the node: kubelet, API server, and what this test runs
				}
				delete(missing, connection.port)
				if !admits(t, c, policy, connection.port, from) {
					t.Fatalf("Pod %s/%s is connected to port %s of %s, and NetworkPolicy %s does not admit it: %v",
						from.Namespace, from.Name, connection.port, pod.Name, policy.Name, from.Labels)
				}
			}
		}
		if len(missing) > 0 {
			return fmt.Errorf("no Pod is connected to the ports %v", missing)
		}
		return nil
	})
	stranger := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Labels: map[string]string{"app": "stranger"}}}
	for _, port := range []string{"xds", "keda"} {
		if admits(t, c, policy, port, stranger) {
			t.Errorf("NetworkPolicy %s admits a Pod without the labels of its peers to port %s", policy.Name, port)
		}
	}
}

// connections are those that are established to ports of a controller's Pod, from other addresses than its own.
func connections(t *testing.T, pod *corev1.Pod) (found []peered) {
	t.Helper()
	ports := map[uint16]string{}
	for _, port := range pod.Spec.Containers[0].Ports {
		ports[uint16(port.ContainerPort)] = port.Name
	}
	process := cluster.Processes(t, pod, controllerName)[0]
	for _, family := range []string{"tcp", "tcp6"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", process.PID, family))
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(string(text), "\n")[1:] {
			fields := strings.Fields(line)
			if len(fields) < 4 || fields[3] != "01" { // established
				continue
			}
			local, remote := endpoint(t, fields[1]), endpoint(t, fields[2])
			if name, served := ports[local.Port()]; served && remote.Addr().String() != pod.Status.PodIP && !remote.Addr().IsLoopback() {
				found = append(found, peered{name, remote.Addr()})
			}
		}
	}
	return found
}

// endpoint reads an address of /proc/net/tcp: words of 32 bits in the order of the machine, and a port.
func endpoint(t *testing.T, text string) netip.AddrPort {
	t.Helper()
	host, port, _ := strings.Cut(text, ":")
	bytes, err := hex.DecodeString(host)
	if err != nil {
		t.Fatal(err)
	}
	for word := range slices.Chunk(bytes, 4) {
		slices.Reverse(word)
	}
	address, ok := netip.AddrFromSlice(bytes)
	number, err := strconv.ParseUint(port, 16, 16)
	if !ok || err != nil {
		t.Fatalf("%q is no address: %v", text, err)
	}
	return netip.AddrPortFrom(address.Unmap(), uint16(number))
}

// podAt returns the Pod that has an address of its own; nil: none.
func podAt(t *testing.T, c *cluster.Cluster, address netip.Addr) *corev1.Pod {
	t.Helper()
	found, err := c.Clients.CoreV1().Pods("").List(t.Context(), metav1.ListOptions{FieldSelector: "status.podIP=" + address.String()})
	if err != nil {
		t.Fatal(err)
	}
	for _, pod := range found.Items {
		if !pod.Spec.HostNetwork {
			return &pod
		}
	}
	return nil
}

// admits reports whether a policy lets a Pod reach a port, as the API of NetworkPolicy says it.
func admits(t *testing.T, c *cluster.Cluster, policy *networkingv1.NetworkPolicy, port string, from *corev1.Pod) bool {
	t.Helper()
	space, err := c.Clients.CoreV1().Namespaces().Get(t.Context(), from.Namespace, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	selects := func(selector *metav1.LabelSelector, set map[string]string) bool {
		matcher, err := metav1.LabelSelectorAsSelector(selector)
		return err == nil && matcher.Matches(labels.Set(set))
	}
	for _, rule := range policy.Spec.Ingress {
		if !slices.ContainsFunc(rule.Ports, func(p networkingv1.NetworkPolicyPort) bool { return p.Port.StrVal == port }) {
			continue
		}
		if len(rule.From) == 0 {
			return true
		}
		for _, peer := range rule.From {
			inSpace := peer.NamespaceSelector == nil && from.Namespace == policy.Namespace ||
				peer.NamespaceSelector != nil && selects(peer.NamespaceSelector, space.Labels)
			if inSpace && (peer.PodSelector == nil || selects(peer.PodSelector, from.Labels)) {
				return true
			}
		}
	}
	return false
}
