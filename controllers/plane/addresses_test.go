package plane_test

import (
	"fmt"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/xds/server/deltatest"
)

// addresses are those of the status of the Gateway, each as "value routability".
func (c *cluster) addresses() string {
	gateway := gatewayNamed(gatewayKey)
	if err := c.client.Get(c.t.Context(), client.ObjectKeyFromObject(gateway), gateway); err != nil {
		return err.Error()
	}
	var all []string
	for _, address := range gateway.Status.Addresses {
		routability := "unset"
		if address.Routability != nil {
			routability = fmt.Sprintf("%q", *address.Routability)
		}
		all = append(all, address.Value+" "+routability)
	}
	return strings.Join(all, ", ")
}

// clusterIP gives a Service of the Gateway a cluster IP, as an API server does.
func (c *cluster) clusterIP(name, ip string) {
	c.t.Helper()
	service := &corev1.Service{}
	c.Eventually(func() error {
		if err := c.client.Get(c.t.Context(), client.ObjectKey{Namespace: gatewayKey.Namespace, Name: name}, service); err != nil {
			return err
		}
		service.Spec.ClusterIP, service.Spec.ClusterIPs = ip, []string{ip}
		return c.client.Update(c.t.Context(), service)
	}).Should(Succeed(), "the Service %s", name)
}

// A Gateway whose address is for the inside of the cluster has no load balancer, and is programmed with its cluster IP; with one
// for the outside beside it, it has both.
func TestAddressInsideTheCluster(t *testing.T) {
	inside := strings.Replace(gatewayYAML, "  listeners:", "  addresses: [{type: IPAddress, routability: Cluster}]\n  listeners:", 1)
	c := newCluster(t, inside)
	r := c.leader("127.0.0.1")
	r.proxy(gatewayKey, deltatest.Options{})
	gateway := gatewayNamed(gatewayKey)
	c.clusterIP("gw-kedify-cluster", "10.96.0.8")
	c.Eventually(c.condition(gateway, "Programmed")).Should(Equal("True/Programmed"))
	c.Eventually(c.condition(gateway, "AddressesAssigned")).Should(Equal("True/AddressesAssigned"))
	c.Expect(c.addresses()).To(Equal(`10.96.0.8 "Cluster"`))
	balanced := client.ObjectKey{Namespace: gatewayKey.Namespace, Name: "gw-kedify"}
	c.Expect(c.client.Get(t.Context(), balanced, &corev1.Service{})).NotTo(Succeed(), "a load balancer")

	c.set(strings.Replace(inside, "routability: Cluster}", "routability: Cluster}, {type: IPAddress}", 1))
	c.Eventually(c.condition(gateway, "AddressesAssigned")).Should(Equal("False/PartiallyAssigned"))
	c.address(gatewayKey)
	c.Eventually(c.condition(gateway, "AddressesAssigned")).Should(Equal("True/AddressesAssigned"))
	c.Eventually(c.addresses).Should(Equal(`10.96.0.8 "Cluster", 192.0.2.1 ""`))

	c.set(strings.Replace(inside, "routability: Cluster", "routability: example.com/vpc", 1))
	c.Eventually(c.condition(gateway, "Programmed")).Should(Equal("False/AddressNotAssigned"))
	c.Eventually(c.condition(gateway, "AddressesAssigned")).Should(Equal("False/NotAssigned"))
	c.Expect(c.find(gateway, "AddressesAssigned").Message).To(ContainSubstring("routability example.com/vpc"))
	c.Eventually(func() error { return c.client.Get(t.Context(), balanced, &corev1.Service{}) }).ShouldNot(Succeed(), "a load balancer")
}
