package e2e

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
)

const httpsYAML = `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web}
spec:
  gatewayClassName: kedify
  listeners:
  - name: https
    protocol: HTTPS
    port: 443
    hostname: secure.example.com
    tls: {certificateRefs: [{name: secure}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web}
spec:
  parentRefs: [{name: web}]
  hostnames: [secure.example.com]
  rules:
  - backendRefs: [{name: a, port: 80}]
`

const secureHost = "secure.example.com"

// TestCertificateRotation replaces the certificate of an HTTPS listener ten times under
// traffic. Every new connection gets a certificate that was valid at that time, the new one
// arrives, and no request fails.
func TestCertificateRotation(t *testing.T) {
	c := cluster.Connect(t)
	namespace := c.Namespace(t)
	certify(t, c, namespace, "secure", 1)
	c.Apply(t, namespace, render(t, echoYAML, echo{Name: "a", Replicas: 1}))
	c.Apply(t, namespace, httpsYAML)
	c.DeploymentsReady(t, namespace)
	address := c.GatewayReady(t, namespace, "web")
	rotate(t, c, namespace, func() (int64, error) { return secureRequest(address, secureHost) })
}

// rotate replaces the certificate in the Secret "secure" ten times, while four workers
// ask over connections of their own. Asking returns the serial number of the certificate that
// was shown.
func rotate(t *testing.T, c *cluster.Cluster, namespace string, ask func() (serial int64, err error)) {
	t.Helper()
	var seen atomic.Int64
	send := func() error {
		serial, err := ask()
		if err == nil {
			seen.Store(serial)
		}
		return err
	}
	cluster.Eventually(t, 30*time.Second, send)
	var failures, requests atomic.Int64
	stop := make(chan struct{})
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				requests.Add(1)
				if err := send(); err != nil {
					failures.Add(1)
					t.Error(err)
				}
			}
		})
	}
	for n := int64(2); n <= 11; n++ {
		begun, fresh := time.Now(), certificate(t, namespace, "secure", n)
		cluster.Edit(t, c, &corev1.Secret{ObjectMeta: fresh.ObjectMeta}, func(s *corev1.Secret) { s.Data = fresh.Data })
		cluster.Eventually(t, 15*time.Second, func() error {
			if got := seen.Load(); got != n {
				return fmt.Errorf("certificate %d is served, want %d", got, n)
			}
			return nil
		})
		t.Logf("certificate %d is served after %s", n, time.Since(begun).Round(10*time.Millisecond))
	}
	close(stop)
	workers.Wait()
	t.Logf("%d requests on connections of their own, %d failed", requests.Load(), failures.Load())
	if requests.Load() < 100 {
		t.Errorf("only %d requests", requests.Load())
	}
}

// secureRequest opens a connection, asks, and returns the serial number of the certificate.
func secureRequest(address, host string) (int64, error) {
	response, err := secureAnswer(address, host, host)
	if err != nil {
		return 0, err
	}
	if response.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("status %s", response.Status)
	}
	return response.TLS.PeerCertificates[0].SerialNumber.Int64(), nil
}

// secureAnswer is the answer to a request for a host on a connection of its own for a server name. Its body is closed.
func secureAnswer(address, serverName, host string) (*http.Response, error) {
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		// The certificates are their own; the test looks at them itself.
		TLSClientConfig: &tls.Config{ServerName: serverName, InsecureSkipVerify: true},
	}}
	request, err := http.NewRequest(http.MethodGet, "https://"+address+"/", nil)
	if err != nil {
		return nil, err
	}
	request.Host = host
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	return response, response.Body.Close()
}

// certify makes a Secret with a certificate.
func certify(t *testing.T, c *cluster.Cluster, namespace, name string, serial int64) {
	t.Helper()
	if err := c.Create(t.Context(), certificate(t, namespace, name, serial)); err != nil {
		t.Fatal(err)
	}
}

// certificate is a Secret with a self-signed certificate of this serial number.
func certificate(t *testing.T, namespace, name string, serial int64) *corev1.Secret {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), DNSNames: []string{secureHost},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Type:       corev1.SecretTypeTLS,
		Data: map[string][]byte{
			corev1.TLSCertKey:       encode("CERTIFICATE", der),
			corev1.TLSPrivateKeyKey: encode("PRIVATE KEY", private),
		},
	}
}

func encode(kind string, der []byte) []byte {
	var text bytes.Buffer
	if err := pem.Encode(&text, &pem.Block{Type: kind, Bytes: der}); err != nil {
		panic(err) // a buffer takes everything
	}
	return text.Bytes()
}
