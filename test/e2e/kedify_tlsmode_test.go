package e2e

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/protobuf/types/known/emptypb"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
)

// secured is an application that speaks nothing but TLS, with the certificate of the Secret of
// its name, for the host <name>.test.
type secured struct {
	Name     string
	Replicas int
	// GRPC says what it serves over TLS; otherwise HTTP.
	GRPC bool
	// AppProtocol of the port of the Service; empty: it says nothing.
	AppProtocol string
	// Mode is the trigger's tlsMode, Secret its tlsSecretName, Autowire its trafficAutowire; empty: the key
	// is not there.
	Mode, Secret, Autowire string
	// Annotation of the Service, as "key: value".
	Annotation string
}

func (s secured) host() string { return s.Name + ".test" }

const securedYAML = securedServerYAML + `---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: {{.Name}}}
spec:
  scaleTargetRef: {name: {{.Name}}}
  pollingInterval: 5
  cooldownPeriod: 60
  minReplicaCount: {{.Replicas}}
  triggers:
  - type: kedify-http
    metadata:
      hosts: {{.Name}}.test
      service: {{.Name}}
      port: "443"
      scalingMetric: requestRate
      {{- with .Mode}}
      tlsMode: {{.}}
      {{- end}}
      {{- with .Secret}}
      tlsSecretName: {{.}}
      {{- end}}
      {{- with .Autowire}}
      trafficAutowire: {{.}}
      {{- end}}
`

// securedServerYAML is an application that speaks TLS, with the certificate of the Secret of its name.
const securedServerYAML = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{.Name}}}
spec:
  replicas: {{.Replicas}}
  selector: {matchLabels: {app: {{.Name}}}}
  template:
    metadata: {labels: {app: {{.Name}}}}
    spec:
      terminationGracePeriodSeconds: 5
      containers:
      - name: echo
        image: registry.k8s.io/gateway-api/echo-basic:v1.5.1
        env:
        - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
        - {name: NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
        - {name: TLS_SERVER_CERT, value: /tls/tls.crt}
        {{- if .GRPC}}
        - {name: GRPC_ECHO_SERVER, value: "1"}
        - {name: TLS_SERVER_PRIV_KEY, value: /tls/tls.key}
        {{- else}}
        - {name: TLS_SERVER_PRIVKEY, value: /tls/tls.key}
        {{- end}}
        ports: [{containerPort: 8443}]
        readinessProbe: {tcpSocket: {port: 8443}, periodSeconds: 1}
        lifecycle: {preStop: {sleep: {seconds: 2}}}
        resources: {requests: {cpu: 5m}}
        volumeMounts: [{name: tls, mountPath: /tls}]
      volumes: [{name: tls, secret: {secretName: {{.Name}}}}]
---
apiVersion: v1
kind: Service
metadata: {name: {{.Name}}{{with .Annotation}}, annotations: { {{.}} }{{end}}}
spec:
  selector: {app: {{.Name}}}
  ports: [{port: 443, targetPort: 8443{{with .AppProtocol}}, appProtocol: {{.}}{{end}}}]
`

// serve applies an application that speaks TLS; serial is that of its certificate.
func (s secured) serve(t *testing.T, c *cluster.Cluster, namespace string, serial int64) {
	t.Helper()
	certify(t, c, namespace, s.Name, serial)
	c.Apply(t, namespace, render(t, securedYAML, s))
}

// entrance is the address of the proxy with its port for TLS.
func entrance(t *testing.T, address string) string {
	t.Helper()
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort(host, "8443")
}

// private is an answer over TLS.
type private struct {
	answer
	// serial of the certificate that was shown.
	serial int64
	// served is TLS as the application saw it; nil: it saw none.
	served *served
}

type served struct {
	Version            string `json:"version"`
	ServerName         string `json:"serverName"`
	NegotiatedProtocol string `json:"negotiatedProtocol"`
}

// confide asks over TLS, with a connection of its own, and waits for the answer however long
// that takes. The certificates are their own; the test looks at them itself.
func confide(t *testing.T, address, host string) (private, error) {
	t.Helper()
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{ServerName: host, InsecureSkipVerify: true},
	}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+address+"/", nil)
	if err != nil {
		return private{}, err
	}
	request.Host = host
	response, err := client.Do(request)
	if err != nil {
		return private{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	got := private{
		answer: answer{status: response.StatusCode, header: response.Header, body: string(text)},
		serial: response.TLS.PeerCertificates[0].SerialNumber.Int64(),
	}
	if err != nil || got.status != http.StatusOK {
		return got, errors.Join(err, ok(got.answer))
	}
	got.served, err = servedOver(got.body)
	return got, err
}

// servedOver is TLS as an application tells that it saw it; nil: it saw none.
func servedOver(body string) (*served, error) {
	var echoed struct {
		TLS *served `json:"tls"`
	}
	err := json.Unmarshal([]byte(body), &echoed)
	return echoed.TLS, err
}

// TestKedifyHTTPReencrypt asks applications at zero over TLS. The proxy shows the certificate of
// tlsSecretName, and speaks TLS to the application again (tlsMode reencrypt, also the default
// with a Secret), or does not (plaintext). The first request succeeds, and so do the first
// call of gRPC (T20) and the first WebSocket.
func TestKedifyHTTPReencrypt(t *testing.T) {
	c := cluster.Connect(t)
	namespace := c.Namespace(t)
	certify(t, c, namespace, "secure", 1)
	secured{Name: "web", Mode: "reencrypt", Secret: "secure"}.serve(t, c, namespace, 101)
	secured{Name: "calls", GRPC: true, Secret: "secure"}.serve(t, c, namespace, 102)
	secured{Name: "chat", AppProtocol: "kubernetes.io/wss", Secret: "secure"}.serve(t, c, namespace, 103)
	plain := deploy(t, c, namespace, workload{Name: "plain"}, scaled{
		Host: "plain.test", Max: 1, Metric: "requestRate", Target: 100, More: []string{"tlsMode: plaintext", "tlsSecretName: secure"},
	})
	address := entrance(t, proxied(t, c, namespace, "web-0", "calls-0", "chat-0", "plain-0"))
	for _, name := range []string{"web", "calls", "chat", "plain"} {
		if wanted, _ := c.Replicas(t, namespace, name); wanted != 0 {
			t.Fatalf("%s has %d replicas before the first request", name, wanted)
		}
	}
	t.Run("HTTP", func(t *testing.T) {
		got := waits(t, address, "web.test")
		if got.served == nil || got.served.ServerName != "web.test" || got.served.NegotiatedProtocol != "h2" {
			t.Errorf("the application saw TLS %+v, want HTTP/2 and the name that was asked for", got.served)
		}
	})
	t.Run("HTTPWithoutTLS", func(t *testing.T) {
		got, err := ask(plain, "web.test", "/", "")
		if err == nil {
			err = ok(got)
		}
		if err != nil {
			t.Fatal(err)
		}
		if over, err := servedOver(got.body); err != nil || over == nil {
			t.Errorf("the application saw no TLS, %v", err)
		}
	})
	t.Run("Plaintext", func(t *testing.T) {
		if got := waits(t, address, "plain.test"); got.served != nil {
			t.Errorf("the application saw TLS %+v", got.served)
		}
	})
	t.Run("WebSocket", func(t *testing.T) {
		socket, err := dialSocket(plain, "chat.test")
		if err != nil {
			t.Fatal(err)
		}
		socket.Close()
	})
	t.Run("GRPC", func(t *testing.T) { callsFromZero(t, address, "calls.test") })
	t.Run("Edited", func(t *testing.T) {
		object := &kedav1alpha1.ScaledObject{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "web"}}
		// The application answers 400 to whom speaks no TLS.
		for _, step := range []struct {
			mode   string
			status int
		}{{"plaintext", http.StatusBadRequest}, {"reencrypt", http.StatusOK}} {
			cluster.Edit(t, c, object, func(s *kedav1alpha1.ScaledObject) { s.Spec.Triggers[0].Metadata["tlsMode"] = step.mode })
			becomes(t, plain, "web.test", "/", step.status)
		}
	})
}

// waits asks over TLS for an application at zero, and wants its answer and the certificate of
// the proxy.
func waits(t *testing.T, address, host string) private {
	t.Helper()
	begun := time.Now()
	got, err := confide(t, address, host)
	if err == nil {
		err = cold(got.answer)
	}
	if err != nil {
		t.Fatal(err)
	}
	if got.serial != 1 {
		t.Errorf("certificate %d was shown, want that of the proxy", got.serial)
	}
	t.Logf("%s: the first request over TLS took %s; the application saw %+v", host, time.Since(begun).Round(time.Millisecond), got.served)
	return got
}

// callsFromZero calls gRPC over TLS; the first call waits for the server.
func callsFromZero(t *testing.T, address, host string) {
	t.Helper()
	connection, err := grpc.NewClient(address, grpc.WithAuthority(host),
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{ServerName: host, InsecureSkipVerify: true})))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	begun := time.Now()
	for range 3 {
		echoed := &emptypb.Empty{}
		if err := connection.Invoke(ctx, echoMethod, &emptypb.Empty{}, echoed); err != nil {
			t.Fatal(err)
		}
		text := string(echoed.ProtoReflect().GetUnknown())
		if !strings.Contains(text, "calls-") || !strings.Contains(text, "TLSv1.3") {
			t.Fatalf("the answer names no pod, or no TLS to it: %q", text)
		}
		t.Logf("answered after %s", time.Since(begun).Round(time.Millisecond))
	}
}

// TestKedifyHTTPPassthrough leads two server names to two applications (T22): clients see the
// certificates of the applications, and a name without a route leads nowhere. Connections count. At
// zero they do not wait, but the first one wakes the application.
func TestKedifyHTTPPassthrough(t *testing.T) {
	c := cluster.Connect(t)
	namespace := c.Namespace(t)
	applications := []secured{{Name: "left", Replicas: 1, Mode: "passthrough"}, {Name: "right", Replicas: 1, Mode: "passthrough"}}
	for i, application := range applications {
		application.serve(t, c, namespace, int64(i+1))
	}
	c.DeploymentsReady(t, namespace)
	for _, application := range applications {
		c.ScalerHas(t, namespace, application.Name+"-0", cluster.Accepted, cluster.ResolvedRefs)
	}
	address := net.JoinHostPort(c.GatewayReady(t, namespace, proxyName), "8443")
	for i, application := range applications {
		cluster.Eventually(t, 30*time.Second, func() error {
			got, err := confide(t, address, application.host())
			if err != nil {
				return err
			}
			if served := deployment(t, got.body); served != application.Name || got.serial != int64(i+1) {
				return fmt.Errorf("served by %s with certificate %d, want %s with %d", served, got.serial, application.Name, i+1)
			}
			return nil
		})
	}
	if got, err := confide(t, address, "nobody.test"); err == nil {
		t.Errorf("a name of no trigger: %+v", got)
	}
	t.Run("Counts", func(t *testing.T) {
		object := c.ScaledObjectReady(t, namespace, "left")
		cluster.Eventually(t, 20*time.Second, func() error {
			rate, err := c.Metric(t, object, 0)
			if err == nil && rate == 0 {
				err = errors.New("no connection was counted")
			}
			return err
		})
	})
	t.Run("FromZero", func(t *testing.T) {
		late := secured{Name: "late", Mode: "passthrough"}
		late.serve(t, c, namespace, 3)
		c.ScalerHas(t, namespace, "late-0", cluster.Accepted, cluster.ResolvedRefs)
		begun, refused := time.Now(), 0
		cluster.Eventually(t, time.Minute, func() error {
			got, err := confide(t, address, late.host())
			if err != nil {
				refused++
				return err
			}
			return ok(got.answer)
		})
		t.Logf("served after %s and %d connections that were closed", time.Since(begun).Round(10*time.Millisecond), refused)
	})
}

// TestKedifyHTTPCertificate replaces the Secret of a trigger under traffic (T23). A connection
// that was there before goes on.
func TestKedifyHTTPCertificate(t *testing.T) {
	c := cluster.Connect(t)
	namespace := c.Namespace(t)
	certify(t, c, namespace, "secure", 1)
	secured{Name: "web", Replicas: 1, Mode: "reencrypt", Secret: "secure"}.serve(t, c, namespace, 101)
	address := entrance(t, proxied(t, c, namespace, "web-0"))
	c.DeploymentsReady(t, namespace)
	ask := func() (int64, error) { return secureRequest(address, "web.test") }
	cluster.Eventually(t, 30*time.Second, func() error { _, err := ask(); return err })
	stays, err := tls.Dial("tcp", address, &tls.Config{ServerName: "web.test", InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer stays.Close()
	answers := func() {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://web.test/", nil)
		if err == nil {
			err = errors.Join(stays.SetDeadline(time.Now().Add(10*time.Second)), request.Write(stays))
		}
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(bufio.NewReader(stays), request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusOK {
			t.Fatal(response.Status, err)
		}
	}
	answers()
	rotate(t, c, namespace, ask)
	answers()
}
