package e2e

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
)

const securedIngressYAML = `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: {{.Name}}, annotations: {projectcontour.io/response-timeout: 2m}}
spec:
  ingressClassName: contour
  rules:
  - host: {{.Name}}.test
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: {{.Name}}, port: {number: 443}}}}]}
`

// TestAutowireT20GRPCOverTLS: Contour speaks gRPC over TLS to an application, as an annotation of its Service says.
// With a trigger it speaks it to the proxies, which reencrypt, and the first call succeeds at zero replicas.
func TestAutowireT20GRPCOverTLS(t *testing.T) {
	t.Parallel()
	c := cluster.Connect(t)
	namespace := c.Namespace(t)
	certify(t, c, namespace, "secure", 1)
	calls := secured{
		Name: "calls", GRPC: true, Secret: "secure", Autowire: "ingress", Annotation: `projectcontour.io/upstream-protocol.h2: "443"`,
	}
	calls.serve(t, c, namespace, 101)
	c.Apply(t, namespace, render(t, securedIngressYAML, calls))
	isWired(t, c, namespace, "calls-0")
	connection, err := grpc.NewClient(foreigners[0].address(t, c),
		grpc.WithAuthority(calls.host()), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	if wanted, _ := c.Replicas(t, namespace, "calls"); wanted != 0 {
		t.Fatalf("calls has %d replicas before the first call", wanted)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	begun := time.Now()
	if err := connection.Invoke(ctx, echoMethod, &emptypb.Empty{}, &emptypb.Empty{}); err != nil {
		t.Fatal(err)
	}
	t.Logf("the first call took %s", time.Since(begun).Round(time.Millisecond))
}

const passedOnYAML = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: {{.Name}}}
spec:
  selector: {istio: gateway}
  servers: [{port: {number: 443, name: tls, protocol: TLS}, tls: {mode: PASSTHROUGH}, hosts: [{{.Name}}.test]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: {{.Name}}}
spec:
  hosts: [{{.Name}}.test]
  gateways: [{{.Name}}]
  tls:
  - match: [{port: 443, sniHosts: [{{.Name}}.test]}]
    route: [{destination: {host: {{.Name}}, port: {number: 443}}}]
`

// TestAutowireT22Passthrough: Istio's gateway passes on the TLS of clients by server name, and so do the proxies: two
// names lead to two applications, whose certificates clients see, before and after their VirtualServices are wired.
func TestAutowireT22Passthrough(t *testing.T) {
	t.Parallel()
	c := cluster.Connect(t)
	namespace := c.Namespace(t)
	host, _, err := net.SplitHostPort(foreigners[2].address(t, c))
	if err != nil {
		t.Fatal(err)
	}
	applications := []secured{
		{Name: "left", Replicas: 1, Mode: "passthrough", Autowire: "virtualservice"},
		{Name: "right", Replicas: 1, Mode: "passthrough", Autowire: "virtualservice"},
	}
	for i, application := range applications {
		application.serve(t, c, namespace, int64(i+1))
		c.Apply(t, namespace, render(t, passedOnYAML, application))
	}
	c.DeploymentsReady(t, namespace)
	for i, application := range applications {
		isWired(t, c, namespace, application.Name+"-0")
		cluster.Eventually(t, 30*time.Second, func() error {
			got, err := confide(t, net.JoinHostPort(host, "443"), application.host())
			if err != nil {
				return err
			}
			if served := deployment(t, got.body); served != application.Name || got.serial != int64(i+1) {
				return fmt.Errorf("served by %s with certificate %d, want %s with %d", served, got.serial, application.Name, i+1)
			}
			return nil
		})
		object := c.ScaledObjectReady(t, namespace, application.Name)
		cluster.Eventually(t, 20*time.Second, func() error {
			if rate, err := c.Metric(t, object, 0); err != nil || rate > 0 {
				return err
			}
			if _, err := confide(t, net.JoinHostPort(host, "443"), application.host()); err != nil {
				return err
			}
			return errors.New("the proxies counted no connection")
		})
	}
}
