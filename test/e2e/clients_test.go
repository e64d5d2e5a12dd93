package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
)

const clientsYAML = `
apiVersion: gateway.kedify.io/v1alpha1
kind: GatewayParameters
metadata: {name: mine}
spec:
  client: %s
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web}
spec:
  gatewayClassName: kedify
  infrastructure: {parametersRef: {group: gateway.kedify.io, kind: GatewayParameters, name: mine}}
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

// TestClients: parameters decide, on a Gateway that runs, which peers are trusted about clients, and how large a body may be.
func TestClients(t *testing.T) {
	t.Parallel()
	c := cluster.Connect(t)
	namespace := c.Namespace(t)
	c.Apply(t, namespace, render(t, echoYAML, echo{Name: "a", Replicas: 1}))
	const forwarded = "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n"
	proxied := "PROXY TCP4 198.51.100.7 192.0.2.1 4711 443\r\n"
	for _, step := range []struct {
		name, client, preface, headers string
		address, proto                 string // address "": any but those that are said
		status                         int
	}{
		{"nothing set", "{}", "", forwarded, "", "http", 200},
		{"a hop", "{clientIPDetection: {xForwardedFor: {numTrustedHops: 1}}}", "", forwarded, "203.0.113.9", "https", 200},
		{"ranges of others", "{clientIPDetection: {xForwardedFor: {trustedCIDRs: [192.0.2.0/24]}}}", "", forwarded, "", "http", 200},
		{
			"all ranges", "{clientIPDetection: {xForwardedFor: {trustedCIDRs: [0.0.0.0/0, '::/0']}}}", "", "X-Forwarded-Proto: https\r\n",
			"", "https", 200,
		},
		{"PROXY protocol", "{proxyProtocol: {}}", proxied, forwarded, "198.51.100.7", "http", 200},
		{"a limit", "{maxRequestBodyLimit: 1Ki}", "", "Content-Length: 1025\r\n", "", "", 413},
	} {
		c.Apply(t, namespace, fmt.Sprintf(clientsYAML, step.client))
		address := net.JoinHostPort(c.GatewayReady(t, namespace, "web"), "80")
		cluster.Eventually(t, time.Minute, func() error {
			status, headers, err := heard(address, step.preface, step.headers)
			switch got, proto := headers.Get("X-Envoy-External-Address"), headers.Get("X-Forwarded-Proto"); {
			case err != nil:
				return fmt.Errorf("%s: %w", step.name, err)
			case status != step.status, proto != step.proto,
				step.address != "" && got != step.address, step.address == "" && got == "203.0.113.9":
				return fmt.Errorf("%s: status %d, address %q, scheme %q", step.name, status, got, proto)
			}
			return nil
		})
	}
	if _, _, err := heard(net.JoinHostPort(c.GatewayReady(t, namespace, "web"), "80"), proxied, ""); err == nil {
		t.Error("a PROXY header is read although the parameters have no proxyProtocol")
	}
}

// heard sends a request behind a preface and returns the headers that the backend heard.
func heard(address, preface, headers string) (status int, heard http.Header, err error) {
	connection, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		return 0, nil, err
	}
	defer connection.Close()
	if err := connection.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return 0, nil, err
	}
	if _, err := fmt.Fprintf(connection, "%sGET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n%s\r\n", preface, headers); err != nil {
		return 0, nil, err
	}
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode == http.StatusRequestEntityTooLarge {
		return response.StatusCode, nil, err
	}
	var echoed struct{ Headers http.Header }
	if err := json.Unmarshal(body, &echoed); err != nil {
		return response.StatusCode, nil, fmt.Errorf("status %d, and not the answer of the backend: %w", response.StatusCode, err)
	}
	return response.StatusCode, echoed.Headers, nil
}
