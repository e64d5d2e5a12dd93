package listener

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
)

// dataPlaneService is one that the product made for the Gateway, with a cluster IP and with addresses of a load balancer.
func dataPlaneService(name, kind, clusterIP, ingress string) string {
	return fmt.Sprintf(`kind: Service
metadata: {name: %s, namespace: infra, labels: {gateway.networking.k8s.io/gateway-name: gw}}
spec: {type: %s, clusterIP: %s, clusterIPs: [%s]}
status: {loadBalancer: {ingress: [%s]}}
`, name, kind, clusterIP, clusterIP, ingress)
}

var (
	balanced   = dataPlaneService("gw-kedify", "LoadBalancer", "10.96.0.7", "{ip: 192.0.2.1}")
	unbalanced = dataPlaneService("gw-kedify", "LoadBalancer", "10.96.0.7", "")
	named      = dataPlaneService("gw-kedify", "LoadBalancer", "10.96.0.7", "{hostname: lb.example.com}")
	inside     = dataPlaneService("gw-kedify", "ClusterIP", "10.96.0.7", "")
	anyIP      = dataPlaneService("gw-kedify-cluster", "ClusterIP", "10.96.0.8", "")
	oneIP      = dataPlaneService("gw-kedify-cluster-10-96-0-50", "ClusterIP", "10.96.0.50", "")
	otherIP    = dataPlaneService("gw-kedify-cluster-fd00", "ClusterIP", "fd00::50", "")
)

// TestAssignedAddresses: each entry of spec.addresses has one address that is what it asks for, or the status names it.
func TestAssignedAddresses(t *testing.T) {
	const assigned = "AddressesAssigned=True/AddressesAssigned"
	partly := "AddressesAssigned=False/PartiallyAssigned"
	none := "AddressesAssigned=False/NotAssigned"
	programmed, unassigned := "Programmed=True/Programmed", "Programmed=False/AddressNotAssigned"
	for name, c := range map[string]struct {
		addresses string
		services  []string
		want      string // of status.addresses: value routability
		state     string // AddressesAssigned, Programmed
		message   string
		failure   string
	}{
		"none asked for":     {"", []string{balanced}, `192.0.2.1 ""`, assigned + " " + programmed, "", ""},
		"none given":         {"", []string{unbalanced}, "", none + " " + unassigned, "has no address yet", ""},
		"no Service yet":     {"", nil, "", unassigned, "", ""},
		"inside by type":     {"", []string{inside}, `10.96.0.7 "Cluster"`, assigned + " " + programmed, "", ""},
		"any":                {"{}", []string{balanced}, `192.0.2.1 ""`, assigned + " " + programmed, "", ""},
		"any, inside":        {"{}", []string{inside}, `10.96.0.7 "Cluster"`, assigned + " " + programmed, "", ""},
		"explicitly default": {`{routability: ""}`, []string{balanced}, `192.0.2.1 ""`, assigned + " " + programmed, "", ""},
		"hostname":           {"{type: Hostname}", []string{named}, `lb.example.com ""`, assigned + " " + programmed, "", ""},
		"no IP of a name": {"{}", []string{named}, "", none + " " + unassigned,
			"spec.addresses[0] (IPAddress): the Service of the Gateway has no address of this type for it", ""},
		"value": {"{value: 192.0.2.1}", []string{balanced}, `192.0.2.1 ""`, assigned + " " + programmed, "", ""},
		"other value": {"{value: 192.0.2.9}", []string{balanced}, "", none + " Programmed=False/AddressNotUsable",
			"spec.addresses[0] (IPAddress, 192.0.2.9): the load balancer did not give it", ""},
		"sentinel": {"{routability: testing.x-k8s.io/sentinel}", []string{balanced}, `192.0.2.1 "testing.x-k8s.io/sentinel"`,
			assigned + " " + programmed, "", ""},
		"cluster":          {"{routability: Cluster}", []string{anyIP}, `10.96.0.8 "Cluster"`, assigned + " " + programmed, "", ""},
		"cluster, not yet": {"{routability: Cluster}", nil, "", unassigned, "", ""},
		"both": {"{routability: Cluster}, {}", []string{balanced, anyIP}, `10.96.0.8 "Cluster", 192.0.2.1 ""`,
			assigned + " " + programmed, "", ""},
		"both, in the other order": {"{}, {routability: Cluster}", []string{balanced, anyIP}, `192.0.2.1 "", 10.96.0.8 "Cluster"`,
			assigned + " " + programmed, "", ""},
		"both inside": {"{}, {routability: Cluster}", []string{inside, anyIP}, `10.96.0.8 "Cluster", 10.96.0.7 "Cluster"`,
			assigned + " " + programmed, "", ""},
		"cluster IP": {"{value: 10.96.0.50, routability: Cluster}", []string{oneIP}, `10.96.0.50 "Cluster"`, assigned + " " + programmed, "", ""},
		"cluster IPs": {"{routability: Cluster}, {value: 10.96.0.50, routability: Cluster}, {value: 'FD00:0::50', routability: Cluster}",
			[]string{oneIP, anyIP, otherIP}, `10.96.0.8 "Cluster", 10.96.0.50 "Cluster", FD00:0::50 "Cluster"`, assigned + " " + programmed, "", ""},
		"cluster IP of no Service": {"{value: 10.99.0.9, routability: Cluster}", nil, "", none + " " + unassigned,
			"spec.addresses[0] (IPAddress, 10.99.0.9, routability Cluster): the cluster did not give this cluster IP; " +
				"it has to be free, and of the range " +
				"for Services. The API server said: not in the valid range.", "not in the valid range"},
		"cluster IP of no Service, and any": {"{value: 10.99.0.9, routability: Cluster}, {}", []string{balanced}, `192.0.2.1 ""`,
			partly + " " + programmed,
			"Not assigned: spec.addresses[0] (IPAddress, 10.99.0.9, routability Cluster)", "not in the valid range"},
		"the same twice": {"{value: 10.96.0.50, routability: Cluster}, {value: 10.96.0.50, routability: Cluster}", []string{oneIP},
			`10.96.0.50 "Cluster"`, partly + " " + programmed, "spec.addresses[1]", ""},
		"two of any": {"{routability: Cluster}, {routability: Cluster}", []string{anyIP}, `10.96.0.8 "Cluster"`, partly + " " + programmed,
			"spec.addresses[1] (IPAddress, routability Cluster): there is no Service with a cluster IP for it; a Gateway has one without a value",
			""},
		"of others": {"{routability: example.com/vpc}", []string{balanced}, "", none + " " + unassigned,
			"spec.addresses[0] (IPAddress, routability example.com/vpc): its routability is not supported; use Cluster, or leave it out", ""},
		"of others, without a Service": {"{routability: testing.x-k8s.io/x}", nil, "", none + " " + unassigned,
			"routability testing.x-k8s.io/x", ""},
		"hostname inside": {"{type: Hostname, routability: Cluster}", nil, "", none + " " + unassigned,
			"only an IPAddress can have routability Cluster", ""},
		"no IP": {"{value: x, routability: Cluster}", nil, "", none + " " + unassigned, "its value is no IP address", ""},
	} {
		t.Run(name, func(t *testing.T) {
			spec := oneListener
			if c.addresses != "" {
				spec = "addresses: [" + c.addresses + "]" + oneListener
			}
			s := fixture.Store(t, append(c.services, fixture.Gateway(spec), fixture.Class)...)
			in := ready(Gateway(s.View(nil), fixture.GatewayKey, class.Setting{}))
			in.Assignment, in.AddressFailure = Addresses(s.View(nil), in.Result, nil), c.failure
			status := GatewayStatus(in)
			var got []string
			for _, address := range status.Addresses {
				got = append(got, fmt.Sprintf("%s %q", address.Value, *address.Routability))
			}
			if text := strings.Join(got, ", "); text != c.want {
				t.Errorf("addresses %s, want %s", text, c.want)
			}
			summary := fixture.Summary(status.Conditions)
			if !strings.HasSuffix(summary, "ResolvedRefs=True/ResolvedRefs "+c.state) {
				t.Errorf("conditions %s, want %s", summary, c.state)
			}
			if message := fixture.Message(status.Conditions, "AddressesAssigned"); !strings.Contains(message, c.message) {
				t.Errorf("message %q, want %q in it", message, c.message)
			}
		})
	}
}

// TestAddressesWithoutRoutability: other CRDs drop the field from a status, and refuse nothing else of before. An object that still
// has it, as while CRDs are exchanged, gets no load balancer in the place of a cluster IP.
func TestAddressesWithoutRoutability(t *testing.T) {
	for _, installed := range []class.Installed{
		{{Bundle: class.BundleVersion, Channel: "standard"}}, {{Bundle: "v1.6.3", Channel: "experimental"}},
	} {
		s := fixture.Store(t, balanced, fixture.Gateway("addresses: [{}]"+oneListener), fixture.Class)
		in := ready(Gateway(s.View(nil), fixture.GatewayKey, class.Setting{Installed: installed}))
		in.Assignment = Addresses(s.View(nil), in.Result, installed)
		status := GatewayStatus(in)
		if len(status.Addresses) != 1 || status.Addresses[0].Routability != nil {
			t.Errorf("addresses %+v", status.Addresses)
		}
		if summary := fixture.Summary(status.Conditions); strings.Contains(summary, "AddressesAssigned") {
			t.Errorf("conditions %s", summary)
		}
		s = fixture.Store(t, balanced, fixture.Gateway("addresses: [{routability: Cluster}]"+oneListener), fixture.Class)
		got := fixture.Summary(Gateway(s.View(nil), fixture.GatewayKey, class.Setting{Installed: installed}).Conditions)
		if !strings.HasPrefix(got, "Accepted=False/UnsupportedAddress") {
			t.Errorf("conditions %s", got)
		}
	}
}
