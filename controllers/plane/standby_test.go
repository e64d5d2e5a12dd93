package plane_test

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"testing"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	. "github.com/onsi/gomega"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/controllers"
	"github.com/kedify/inference-gateway/controllers/certs"
	"github.com/kedify/inference-gateway/wiring/standby"
	"github.com/kedify/inference-gateway/xds/server"
)

// secret waits for a Secret that the leader delivers.
func (c *cluster) secret(namespace, name string) map[string][]byte {
	c.t.Helper()
	secret := &corev1.Secret{}
	c.Eventually(func() error {
		return c.client.Get(c.t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, secret)
	}).Should(Succeed())
	return secret.Data
}

// mount makes a Secret files, as the kubelet does.
func (c *cluster) mount(folder string, data map[string][]byte) {
	c.t.Helper()
	for name, content := range data {
		c.Expect(os.WriteFile(filepath.Join(folder, name), content, 0o600)).To(Succeed())
	}
}

// T52: with mutual TLS, the Pods of the wiring answer KEDA with the certificate that the leader delivers to them. It
// is taken for no other server of the controllers, and no other client is admitted.
func TestT52StandbyWithMutualTLS(t *testing.T) {
	const scaler = serverName + ".cluster.local"
	c := newCluster(t, gatewayYAML)
	c.kedaTLS = true
	c.leader("127.0.0.1")
	folder := t.TempDir()
	accept, err := net.Listen("tcp", "127.0.0.1:0")
	c.Expect(err).NotTo(HaveOccurred())
	standing := make(chan error, 1)
	go func() {
		standing <- standby.New(standby.Options{TLS: certs.FilesTLS(folder, server.KEDAIdentity)}).Serve(t.Context(), accept)
	}()
	t.Cleanup(func() { c.Expect(<-standing).To(Succeed()) })
	// ask is KEDA's first question, by a client with a certificate that expects this server.
	ask := func(shown map[string][]byte, name string) error {
		t.Helper()
		trusted := x509.NewCertPool()
		c.Expect(trusted.AppendCertsFromPEM(shown[corev1.ServiceAccountRootCAKey])).To(BeTrue())
		pair, err := tls.X509KeyPair(shown[corev1.TLSCertKey], shown[corev1.TLSPrivateKeyKey])
		c.Expect(err).NotTo(HaveOccurred())
		connection, err := grpc.NewClient("passthrough:///"+accept.Addr().String(), grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{
			MinVersion: tls.VersionTLS12, ServerName: name, RootCAs: trusted, Certificates: []tls.Certificate{pair},
		})))
		c.Expect(err).NotTo(HaveOccurred())
		defer connection.Close()
		_, err = pb.NewExternalScalerClient(connection).GetMetricSpec(t.Context(), scaledObjectRef())
		return err
	}
	keda := c.secret("keda", controllers.KEDASecretName)
	c.Expect(ask(keda, scaler)).To(MatchError(ContainSubstring("connection")), "no certificate yet")
	c.mount(folder, c.secret(installation, controllers.StandbySecretName))
	c.Expect(ask(keda, scaler)).To(Succeed())
	c.Expect(ask(keda, "kedify-gateway.kedify-system")).To(Succeed(), "another spelling of a trigger")
	c.Expect(ask(keda, serverName)).To(MatchError(ContainSubstring("certificate is valid for")), "Envoys take it for no control plane")
	envoy, err := c.keeper.ClientCertificate(nil, server.Identity(gatewayKey, "1"))
	c.Expect(err).NotTo(HaveOccurred())
	c.Expect(ask(envoy.Data, scaler)).To(MatchError(ContainSubstring("connection")), "the certificate of an Envoy")
}
