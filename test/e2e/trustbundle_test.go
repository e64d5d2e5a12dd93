package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
)

const trustYAML = `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web}
spec:
  gatewayClassName: kedify
  tls:
    frontend:
      default:
        validation: {caCertificateRefs: [{group: certificates.k8s.io, kind: ClusterTrustBundle, name: {{.Bundle}}}]}
  listeners:
  - {name: http, port: 80, protocol: HTTP}
  - {name: https, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: {{.Name}}}]}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {name: {{.Name}}}
spec:
  targetRefs: [{group: "", kind: Service, name: {{.Name}}}]
  validation:
    hostname: ` + secureHost + `
    caCertificateRefs: [{group: certificates.k8s.io, kind: ClusterTrustBundle, name: {{.Bundle}}}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web}
spec:
  parentRefs: [{name: web}]
  rules: [{backendRefs: [{name: {{.Name}}, port: 443}]}]
`

// trusting is an application and what decides whom its Gateway trusts.
type trusting struct {
	secured
	Bundle string
}

// authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "e2e roots"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{certificate, key}
}

// pem is what a bundle has.
func (a authority) pem() string { return string(encode("CERTIFICATE", a.certificate.Raw)) }

// issue makes a key pair for secureHost, for a server and for a client.
func (a authority) issue(t *testing.T) map[string][]byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{secureHost}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{corev1.TLSCertKey: encode("CERTIFICATE", der), corev1.TLSPrivateKeyKey: encode("PRIVATE KEY", private)}
}

func keyPair(t *testing.T, data map[string][]byte) tls.Certificate {
	t.Helper()
	pair, err := tls.X509KeyPair(data[corev1.TLSCertKey], data[corev1.TLSPrivateKeyKey])
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// bundleVersion is the newest version in which the API server has ClusterTrustBundles; "": it has none.
func bundleVersion(t *testing.T, c *cluster.Cluster) string {
	t.Helper()
	for _, version := range []string{"v1", "v1beta1"} {
		list, err := c.Clients.Discovery().ServerResourcesForGroupVersion("certificates.k8s.io/" + version)
		switch {
		case apierrors.IsNotFound(err):
		case err != nil:
			t.Fatal(err)
		case slices.ContainsFunc(list.APIResources, func(r metav1.APIResource) bool { return r.Kind == "ClusterTrustBundle" }):
			return version
		}
	}
	return ""
}

// bundle is a ClusterTrustBundle of a test, which goes with it.
type bundle struct {
	t *testing.T
	c *cluster.Cluster
	*unstructured.Unstructured
}

func newBundle(t *testing.T, c *cluster.Cluster, version, name string) bundle {
	t.Helper()
	b := bundle{t, c, &unstructured.Unstructured{}}
	b.SetGroupVersionKind(schema.GroupVersionKind{Group: "certificates.k8s.io", Version: version, Kind: "ClusterTrustBundle"})
	b.SetName(name)
	t.Cleanup(func() { _ = c.Delete(context.Background(), b.Unstructured) })
	return b
}

func (b bundle) holds(content string) {
	b.t.Helper()
	object := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"trustBundle": content}}}
	object.SetGroupVersionKind(b.GroupVersionKind())
	object.SetName(b.GetName())
	err := b.c.Client.Apply(b.t.Context(), client.ApplyConfigurationFromUnstructured(object),
		client.FieldOwner("kedify-e2e"), client.ForceOwnership)
	if err != nil {
		b.t.Fatal(err)
	}
}

// TestClusterTrustBundle: a Gateway and a BackendTLSPolicy trust what a ClusterTrustBundle holds, and follow it when it is made,
// changed and deleted: without it no client gets in, and no request reaches a backend over a connection that is not verified.
func TestClusterTrustBundle(t *testing.T) {
	t.Parallel()
	c := cluster.Connect(t)
	namespace := c.Namespace(t)
	roots, others := newAuthority(t), newAuthority(t)
	pair := roots.issue(t)
	app := trusting{secured: secured{Name: "secure", Replicas: 1}, Bundle: "e2e." + namespace}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: app.Name}, Type: corev1.SecretTypeTLS, Data: pair}
	if err := c.Create(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	c.Apply(t, namespace, render(t, securedServerYAML, app.secured)+"\n---\n"+render(t, trustYAML, app))
	policy := func(want ...string) {
		t.Helper()
		cluster.Eventually(t, time.Minute, func() error { return policySays(t, c, namespace, app.Name, want...) })
	}
	version := bundleVersion(t, c)
	if version == "" {
		policy("Accepted=False/NoValidCACertificate", "ResolvedRefs=False/InvalidKind")
		t.Skip("the API server has no ClusterTrustBundles: a policy that names one says so")
	}
	policy("Accepted=False/NoValidCACertificate", "ResolvedRefs=False/InvalidCACertificateRef")

	bundle := newBundle(t, c, version, app.Bundle)
	bundle.holds(roots.pem())
	policy("Accepted=True/Accepted", "ResolvedRefs=True/ResolvedRefs")
	c.DeploymentsReady(t, namespace)
	address := c.GatewayReady(t, namespace, "web")
	own, foreign := keyPair(t, pair), keyPair(t, others.issue(t))
	become := func(what string, ask func() (int, error), want int) {
		t.Helper()
		cluster.Eventually(t, time.Minute, func() error {
			status, err := ask()
			if status == want {
				return nil
			}
			return errors.Join(fmt.Errorf("%s: status %d, want %d", what, status, want), err)
		})
	}
	plain := func() (int, error) { return statusOf("http://"+net.JoinHostPort(address, "80"), nil) }
	// Connections that were verified before go on; the proxy closes one without a request after 4 s (docs/limits.md).
	anew := func() (int, error) {
		time.Sleep(5 * time.Second)
		return plain()
	}
	as := func(certificates ...tls.Certificate) func() (int, error) {
		return func() (int, error) { return statusOf("https://"+net.JoinHostPort(address, "443"), certificates) }
	}
	become("the backend with the certificate of the bundle", plain, http.StatusOK)
	become("a client with the certificate of the bundle", as(own), http.StatusOK)
	become("a client without a certificate", as(), 0)
	become("a client with another certificate", as(foreign), 0)

	bundle.holds(others.pem())
	become("the backend after the bundle changed", anew, http.StatusServiceUnavailable)
	become("the client whose certificate left the bundle", as(own), 0)
	become("the client whose certificate came into it", as(foreign), http.StatusServiceUnavailable)

	if err := c.Delete(t.Context(), bundle.Unstructured); err != nil {
		t.Fatal(err)
	}
	policy("Accepted=False/NoValidCACertificate", "ResolvedRefs=False/InvalidCACertificateRef")
	become("the backend after the bundle was deleted", anew, http.StatusServiceUnavailable)
	become("a client after the bundle was deleted", as(foreign), 0)

	bundle.SetResourceVersion("")
	bundle.holds(roots.pem() + others.pem())
	become("the backend after the bundle came back", plain, http.StatusOK)
	become("a client after the bundle came back", as(foreign), http.StatusOK)
}

// statusOf is the status of an answer over a connection of its own; 0: there was none.
func statusOf(url string, certificates []tls.Certificate) (int, error) {
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{
		ServerName: secureHost, InsecureSkipVerify: true, Certificates: certificates,
	}}
	response, err := (&http.Client{Timeout: 10 * time.Second, Transport: transport}).Get(url)
	if err != nil {
		return 0, err
	}
	response.Body.Close()
	return response.StatusCode, nil
}

// policySays returns nil when our entry of a BackendTLSPolicy has these conditions, "type=status/reason" each.
func policySays(t *testing.T, c *cluster.Cluster, namespace, name string, want ...string) error {
	t.Helper()
	policy := &gwv1.BackendTLSPolicy{}
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, policy); err != nil {
		return err
	}
	var has []string
	for _, ancestor := range policy.Status.Ancestors {
		for _, condition := range ancestor.Conditions {
			has = append(has, fmt.Sprintf("%s=%s/%s", condition.Type, condition.Status, condition.Reason))
		}
	}
	for _, one := range want {
		if !slices.Contains(has, one) {
			return fmt.Errorf("BackendTLSPolicy %s has %q, want %q", name, has, one)
		}
	}
	return nil
}
