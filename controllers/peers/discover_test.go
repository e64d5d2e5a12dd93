package peers_test

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/kedify/inference-gateway/controllers/peers"
)

func slice(name, service string, endpoints ...discoveryv1.Endpoint) *discoveryv1.EndpointSlice {
	return &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{Namespace: "sys", Name: name, Labels: map[string]string{discoveryv1.LabelServiceName: service}},
		Endpoints:  endpoints,
		Ports:      []discoveryv1.EndpointPort{{Port: ptr.To[int32](9090)}, {Port: ptr.To[int32](18000)}},
	}
}

// without drops the port of replicas.
func without(slice *discoveryv1.EndpointSlice) *discoveryv1.EndpointSlice {
	slice.Ports = slice.Ports[:1]
	return slice
}

func endpoint(pod, ip string, ready bool) discoveryv1.Endpoint {
	return discoveryv1.Endpoint{
		Addresses: []string{ip}, TargetRef: &corev1.ObjectReference{Kind: "Pod", Name: pod},
		Conditions: discoveryv1.EndpointConditions{Ready: ptr.To(ready)},
	}
}

// Replicas are the other Pods of the Service, ready or not, each once.
func TestSlices(t *testing.T) {
	reader := fake.NewClientBuilder().WithObjects(
		slice("v4", "gw", endpoint("a", "10.0.0.1", true), endpoint("b", "10.0.0.2", false), endpoint("c", "10.0.0.3", true)),
		slice("v6", "gw", endpoint("a", "fd00::1", true), endpoint("b", "fd00::2", false), endpoint("d", "fd00::4", true)),
		without(slice("standby", "gw", endpoint("wiring", "10.0.0.8", false))),
		slice("other", "something", endpoint("x", "10.0.0.9", true)),
	).Build()
	for self, want := range map[string][]string{
		"10.0.0.1": {"10.0.0.2:18000", "10.0.0.3:18000", "[fd00::4]:18000"},
		"fd00::1":  {"10.0.0.2:18000", "10.0.0.3:18000", "[fd00::4]:18000"},
		"":         {"10.0.0.1:18000", "10.0.0.2:18000", "10.0.0.3:18000", "[fd00::4]:18000"},
	} {
		found, err := peers.Slices{Reader: reader, Namespace: "sys", Service: "gw", Port: 18000, Self: self}.Addresses(t.Context())
		if err != nil || !slices.Equal(found, want) {
			t.Errorf("self %q: %v, %v", self, found, err)
		}
	}
}
