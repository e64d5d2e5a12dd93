package charts_test

import (
	"net"
	"slices"
	"strconv"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/kedify/inference-gateway/wiring/standby"
)

// TestStandbyPort: kube-proxy joins endpoints and ports by name, so the slices of the standby carry the name
// that the port for KEDA has in the Service.
func TestStandbyPort(t *testing.T) {
	_, port, err := net.SplitHostPort(scalerAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	service := find[*corev1.Service](t, rendered(t))
	if !slices.ContainsFunc(service.Spec.Ports, func(p corev1.ServicePort) bool {
		return p.Name == standby.PortName && strconv.Itoa(int(p.Port)) == port
	}) {
		t.Errorf("no port %s named %s in %+v", port, standby.PortName, service.Spec.Ports)
	}
}
