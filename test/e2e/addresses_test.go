package e2e

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
)

const addressesYAML = `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web}
spec:
  gatewayClassName: kedify
  addresses: [%s]
  listeners:
  - {name: http, port: 80, protocol: HTTP}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web}
spec:
  parentRefs: [{name: web}]
  rules: [{backendRefs: [{name: a, port: 80}]}]
`

// TestAddressRoutability: addresses of a Gateway with routability Cluster are cluster IPs that lead to its proxies, any or a requested one,
// without a load balancer unless another address asks for one. A cluster IP that Kubernetes refuses is named, and hurts no other
// address.
func TestAddressRoutability(t *testing.T) {
	t.Parallel()
	c := cluster.Connect(t)
	if !claims(t, c, "GatewayAddressRoutabilityCluster") {
		t.Skip("the CRDs have no routability")
	}
	namespace := c.Namespace(t)
	c.Apply(t, namespace, render(t, echoYAML, echo{Name: "a", Replicas: 1}))
	const want = "routability: Cluster"
	requested := unusedClusterIP(t, c, namespace)
	for _, step := range []struct {
		name, addresses string
		conditions      []string
		outside         bool
		inside          string // a cluster IP that the status has; "any"; "": none
	}{
		{"any", "{" + want + "}", []string{"Programmed=True/Programmed", "AddressesAssigned=True/AddressesAssigned"}, false, "any"},
		{"a load balancer as well", "{}, {" + want + "}",
			[]string{"Programmed=True/Programmed", "AddressesAssigned=True/AddressesAssigned"}, true, "any"},
		{"a requested one", "{value: " + requested + ", " + want + "}",
			[]string{"Programmed=True/Programmed", "AddressesAssigned=True/AddressesAssigned"}, false, requested},
		{"one of another range, and any", "{value: 203.0.113.9, " + want + "}, {" + want + "}",
			[]string{"Programmed=True/Programmed", "AddressesAssigned=False/PartiallyAssigned"}, false, "any"},
		{"one of another range", "{value: 203.0.113.9, " + want + "}",
			[]string{"Programmed=False/AddressNotAssigned", "AddressesAssigned=False/NotAssigned"}, false, ""},
		{"the sentinel of conformance", "{routability: testing.x-k8s.io/sentinel}",
			[]string{"Programmed=True/Programmed", "AddressesAssigned=True/AddressesAssigned"}, true, ""},
	} {
		c.Apply(t, namespace, fmt.Sprintf(addressesYAML, step.addresses))
		cluster.Eventually(t, 2*time.Minute, func() error {
			gateway := &gwv1.Gateway{}
			if err := c.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "web"}, gateway); err != nil {
				return err
			}
			if err := conditionsOf(gateway, step.conditions); err != nil {
				return fmt.Errorf("%s: %w", step.name, err)
			}
			return exposes(t, c, gateway, step.outside, step.inside)
		})
	}
}

// claims reports whether the GatewayClass claims a feature.
func claims(t *testing.T, c *cluster.Cluster, feature gwv1.FeatureName) bool {
	t.Helper()
	class := &gwv1.GatewayClass{}
	if err := c.Get(t.Context(), client.ObjectKey{Name: "kedify"}, class); err != nil {
		t.Fatal(err)
	}
	return slices.Contains(class.Status.SupportedFeatures, gwv1.SupportedFeature{Name: feature})
}

// unusedClusterIP is one that a Service had a moment ago.
func unusedClusterIP(t *testing.T, c *cluster.Cluster, namespace string) string {
	t.Helper()
	service := &corev1.Service{}
	service.Namespace, service.Name = namespace, "probe"
	service.Spec.Ports = []corev1.ServicePort{{Port: 80}}
	if err := c.Create(t.Context(), service); err != nil {
		t.Fatal(err)
	}
	if err := c.Delete(t.Context(), service); err != nil {
		t.Fatal(err)
	}
	return service.Spec.ClusterIP
}

// conditionsOf returns nil when a Gateway has these conditions, "type=status/reason" each, for its generation.
func conditionsOf(gateway *gwv1.Gateway, want []string) error {
	var has []string
	for _, condition := range gateway.Status.Conditions {
		if condition.ObservedGeneration == gateway.Generation {
			has = append(has, fmt.Sprintf("%s=%s/%s", condition.Type, condition.Status, condition.Reason))
		}
	}
	for _, one := range want {
		if !slices.Contains(has, one) {
			return fmt.Errorf("the Gateway has %q, want %q", has, one)
		}
	}
	return nil
}

// exposes returns nil when the addresses of a Gateway are what is wanted, all of them answer, and there is a load balancer only if
// one is wanted.
func exposes(t *testing.T, c *cluster.Cluster, gateway *gwv1.Gateway, outside bool, inside string) error {
	t.Helper()
	services := &corev1.ServiceList{}
	err := c.List(t.Context(), services, client.InNamespace(gateway.Namespace), client.MatchingLabels{gwv1.GatewayNameLabelKey: gateway.Name})
	if err != nil {
		return err
	}
	var balancers, clusterIPs []string
	for _, service := range services.Items {
		if service.Spec.Type == corev1.ServiceTypeLoadBalancer {
			balancers = append(balancers, service.Name)
		} else {
			clusterIPs = append(clusterIPs, service.Spec.ClusterIP)
		}
	}
	if (len(balancers) > 0) != outside {
		return fmt.Errorf("load balancers %q, wanted: %t", balancers, outside)
	}
	var found []string
	for _, address := range gateway.Status.Addresses {
		if address.Routability == nil {
			return fmt.Errorf("address %s has no routability", address.Value)
		}
		if *address.Routability == gwv1.GatewayAddressRoutabilityCluster {
			found = append(found, address.Value)
		}
		if status, err := statusOf("http://"+net.JoinHostPort(address.Value, "80"), nil); status != 200 {
			return fmt.Errorf("address %s: status %d: %w", address.Value, status, err)
		}
	}
	slices.Sort(clusterIPs)
	slices.Sort(found)
	if !slices.Equal(found, clusterIPs) || (inside == "") != (len(found) == 0) ||
		inside != "" && inside != "any" && strings.Join(found, "") != inside {
		return fmt.Errorf("cluster IPs %q of the status, %q of Services, want %q", found, clusterIPs, inside)
	}
	return nil
}
