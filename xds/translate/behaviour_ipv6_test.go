package translate_test

import (
	"io"
	"net"
	"strconv"
	"testing"

	"github.com/kedify/inference-gateway/xds/ir"
)

// TestIPv6Listener: with addresses of IPv6 a port takes connections and datagrams of both families, and the addresses of
// clients of IPv4 are those of IPv4.
func TestIPv6Listener(t *testing.T) {
	if probe, err := net.Listen("tcp6", "[::1]:0"); err != nil {
		t.Skipf("the machine has no IPv6: %v", err)
	} else {
		probe.Close()
	}
	c := newClients(t)
	c.door("both", ir.Client{}, ir.NoProxyProtocol, c.service("backend"))
	port := c.ports["both"]
	c.instead(ir.Listener{Port: port, Transport: ir.TCP, IPv6: true, Chains: []ir.Chain{{
		ID: strconv.Itoa(int(port)), Client: ir.Client{TrustedCIDRs: []string{"127.0.0.2/32"}},
	}}})
	key := c.cluster(ir.Cluster{Key: serviceKey("udp"), Protocol: ir.TCPRaw}, datagramEcho(t))
	c.listener(ir.Listener{Port: port, Transport: ir.UDP, IPv6: true, Chains: []ir.Chain{{
		ID: "udp/" + strconv.Itoa(int(port)), Forward: &ir.L4Forward{Targets: []ir.L4Target{{Cluster: key, Weight: 1}}},
	}}})
	c.apply()
	for host, want := range map[string]string{"127.0.0.1": "127.0.0.1", "::1": "::1"} {
		address := net.JoinHostPort(host, strconv.Itoa(int(port)))
		response, err := client.Get("http://" + address + "/")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if got := answerOf(response, body).Headers.Get("X-Envoy-External-Address"); got != want {
			t.Errorf("%s: the backend is told %q", host, got)
		}
		if got, err := exchanged(address, "ping"); err != nil || got != "ping" {
			t.Errorf("%s: a datagram came back as %q, %v", host, got, err)
		}
	}
	out, err := c.send("both", balancer, asking("/", "X-Forwarded-For: 203.0.113.9"))
	if err != nil || out.Headers.Get("X-Envoy-External-Address") != "203.0.113.9" {
		t.Errorf("a range of IPv4 on a port of both families: %v %+v", err, out.echoed)
	}
}
