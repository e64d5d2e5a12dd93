package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
)

const (
	// kedaSecret holds KEDA's certificate, in KEDA's namespace.
	kedaSecret = "kedify-gateway-keda-client"
	// scalerHost is where KEDA finds our scaler.
	scalerHost = "kedify-gateway.kedify-system.svc.cluster.local"
)

// ourAuthentication is what admission has triggers refer to.
var ourAuthentication = kedav1alpha1.AuthenticationRef{Name: "kedify-gateway", Kind: "ClusterTriggerAuthentication"}

// TestKedifyHTTPMutualTLS turns mutual TLS on as a user does, by an upgrade of the chart, and off
// again. KEDA reaches the scaler every time, also for a ScaledObject that was there before; no other
// client does. With -long the standby answers while no controller runs; and KEDA's certificate is deleted, which
// comes back, and KEDA uses the new one.
func TestKedifyHTTPMutualTLS(t *testing.T) {
	c := cluster.Connect(t)
	namespace := c.Namespace(t)
	address := deploy(t, c, namespace, workload{Name: "before"},
		scaled{Host: "before.test", Max: 1, Metric: "concurrency", Target: 1, More: []string{"concurrencyAggregation: instant"}})
	authenticated(t, c, namespace, "before", nil)
	reached(t, c, namespace, "before", address)

	off := secureKEDA(t, c)
	authenticated(t, c, namespace, "before", &ourAuthentication)
	c.ScaledObjectReady(t, namespace, "before")
	reached(t, c, namespace, "before", address)
	deploy(t, c, namespace, workload{Name: "after"},
		scaled{Host: "after.test", Max: 1, Metric: "concurrency", Target: 1, More: []string{"concurrencyAggregation: instant"}})
	authenticated(t, c, namespace, "after", &ourAuthentication)
	reached(t, c, namespace, "after", address)

	keda := cluster.Get(t, c, kedaNamespace, kedaSecret, &corev1.Secret{})
	envoy := cluster.Get(t, c, namespace, proxyName+"-kedify-xds", &corev1.Secret{})
	so := cluster.Get(t, c, namespace, "after", &kedav1alpha1.ScaledObject{})
	for _, one := range []struct {
		name     string
		as       credentials.TransportCredentials
		answered bool
	}{
		{"KEDA's certificate", presenting(t, keda, keda), true},
		{"an Envoy's certificate", presenting(t, keda, envoy), false},
		{"no certificate", presenting(t, keda, nil), false},
		{"a certificate of another CA", presenting(t, keda, certificate(t, namespace, "stranger", 1)), false},
		{"no TLS", insecure.NewCredentials(), false},
	} {
		err := askScaler(t, one.as, so)
		if (err == nil) != one.answered {
			t.Errorf("port 9090 with %s: %v, want an answer: %v", one.name, err, one.answered)
		}
	}

	if *long {
		standsBy(t, c, keda, envoy, so)
		loseCertificate(t, c, keda, so)
		reached(t, c, namespace, "after", address)
	}

	off()
	for _, name := range []string{"before", "after"} {
		authenticated(t, c, namespace, name, nil)
		c.ScaledObjectReady(t, namespace, name)
	}
	reached(t, c, namespace, "before", address)
}

// standsBy has no controller run. The Pods of the wiring answer KEDA then, and no other client. The kubelet may take a
// while until it has made files of their certificate.
func standsBy(t *testing.T, c *cluster.Cluster, keda, envoy *corev1.Secret, so *kedav1alpha1.ScaledObject) {
	t.Helper()
	stopControllers(t, c)
	begun := time.Now()
	cluster.Eventually(t, 3*time.Minute, func() error { return askScaler(t, presenting(t, keda, keda), so) })
	t.Logf("the standby answered KEDA's certificate %s after there was no controller", time.Since(begun).Round(time.Second))
	if err := askScaler(t, presenting(t, keda, envoy), so); err == nil {
		t.Error("the standby answered an Envoy's certificate")
	}
	c.Scale(t, controllers, controllerName, 2)
}

// loseCertificate deletes KEDA's certificate and waits until the leader has made another and KEDA
// uses it.
func loseCertificate(t *testing.T, c *cluster.Cluster, keda *corev1.Secret, so *kedav1alpha1.ScaledObject) {
	t.Helper()
	if err := c.Delete(t.Context(), keda); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	cluster.Eventually(t, time.Minute, func() error {
		return c.Client.Get(t.Context(), client.ObjectKeyFromObject(keda), keda)
	})
	t.Logf("the deleted Secret was back after %s", time.Since(begun).Round(time.Second))
	if err := askScaler(t, presenting(t, keda, keda), so); err != nil {
		t.Errorf("the new certificate: %v", err)
	}
	// A query of KEDA fails, and KEDA reads the new certificate from the Secret. Its activation stream
	// keeps the old one, which it has closed: from zero the safety net acts until the object changes.
	c.ScaledObjectReady(t, so.Namespace, so.Name)
	stopControllers(t, c)
	cluster.Eventually(t, time.Minute, func() error {
		ready := cluster.Get(t, c, so.Namespace, so.Name, &kedav1alpha1.ScaledObject{}).Status.Conditions.GetReadyCondition()
		if ready.Status != metav1.ConditionFalse {
			return fmt.Errorf("%s: Ready=%s (%s), although no controller answers KEDA", so.Name, ready.Status, ready.Reason)
		}
		return nil
	})
	c.Scale(t, controllers, controllerName, 2)
}

// secureKEDA upgrades the installation to mutual TLS. off, which the end of the test calls unless
// the test did, takes it back to the values that it had before.
func secureKEDA(t *testing.T, c *cluster.Cluster) (off func()) {
	t.Helper()
	var before struct{ Version int }
	out, err := helm(t.Context(), "status", controllerName, "--output", "json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &before); err != nil || before.Version == 0 {
		t.Fatalf("no revision to go back to: %v\n%s", err, out)
	}
	done := false
	off = func() {
		t.Helper()
		if done {
			return
		}
		done = true
		_, err := helm(context.Background(), "rollback", controllerName, strconv.Itoa(before.Version), "--wait", "--timeout", "3m")
		if err != nil {
			t.Errorf("the installation is not as it was: %v", err)
		}
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: kedaNamespace, Name: kedaSecret}}
		if err := c.Delete(context.Background(), secret); client.IgnoreNotFound(err) != nil {
			t.Error(err)
		}
	}
	t.Cleanup(off)
	if _, err := helm(t.Context(), "upgrade", controllerName, filepath.Join(*root, "charts", "kedify-gateway"), "--reuse-values",
		"--set", "keda.tls.enabled=true,keda.tls.namespace="+kedaNamespace, "--wait", "--timeout", "3m"); err != nil {
		t.Fatal(err)
	}
	return off
}

// helm does something with the installation.
func helm(ctx context.Context, args ...string) ([]byte, error) {
	out, err := exec.CommandContext(ctx, filepath.Join(*root, "bin", "helm"), append(args, "--namespace", controllers)...).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("helm %v (bin/install builds it): %w\n%s", args, err, out)
	}
	return out, nil
}

// authenticated waits until the trigger of a ScaledObject refers to what it should; nil: to nothing.
func authenticated(t *testing.T, c *cluster.Cluster, namespace, name string, want *kedav1alpha1.AuthenticationRef) {
	t.Helper()
	begun := time.Now()
	cluster.Eventually(t, time.Minute, func() error {
		got := cluster.Get(t, c, namespace, name, &kedav1alpha1.ScaledObject{}).Spec.Triggers[0].AuthenticationRef
		if (got == nil) != (want == nil) || got != nil && *got != *want {
			return fmt.Errorf("%s refers to %+v, want %+v", name, got, want)
		}
		return nil
	})
	t.Logf("%s refers to %+v after %s", name, want, time.Since(begun).Round(time.Millisecond))
}

// reached sends a request to an application at zero, whose host is its name and ".test", which is
// answered, and then one that stays, until the HPA has the number from KEDA, which has it from our
// scaler.
func reached(t *testing.T, c *cluster.Cluster, namespace, name, address string) {
	t.Helper()
	host := name + ".test"
	c.ReplicasBecome(t, namespace, name, 0, 2*time.Minute)
	gather(t, 1, address, host, nil).done(t, cold)
	socket, err := dialSocket(address, host)
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	cluster.Eventually(t, time.Minute, func() error {
		hpa := &autoscalingv2.HorizontalPodAutoscaler{}
		if err := c.Client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "keda-hpa-" + name}, hpa); err != nil {
			return err
		}
		for _, metric := range hpa.Status.CurrentMetrics {
			if metric.External != nil && metric.External.Current.AverageValue != nil && !metric.External.Current.AverageValue.IsZero() {
				t.Logf("the HPA of %s has %s of %s", name, metric.External.Current.AverageValue, metric.External.Metric.Name)
				return nil
			}
		}
		return errors.New("the HPA has no number, or zero")
	})
}

// presenting trusts the CA in one Secret and shows the certificate of the other; nil: none.
func presenting(t *testing.T, trusted, shown *corev1.Secret) credentials.TransportCredentials {
	t.Helper()
	config := &tls.Config{ServerName: scalerHost, RootCAs: x509.NewCertPool()}
	if !config.RootCAs.AppendCertsFromPEM(trusted.Data[corev1.ServiceAccountRootCAKey]) {
		t.Fatal("no CA in the Secret")
	}
	if shown != nil {
		pair, err := tls.X509KeyPair(shown.Data[corev1.TLSCertKey], shown.Data[corev1.TLSPrivateKeyKey])
		if err != nil {
			t.Fatal(err)
		}
		// The certificate is shown to servers that ask for other CAs, too, as a hostile client does.
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	}
	return credentials.NewTLS(config)
}

// askScaler asks the question that KEDA begins with.
func askScaler(t *testing.T, as credentials.TransportCredentials, so *kedav1alpha1.ScaledObject) error {
	t.Helper()
	connection, err := grpc.NewClient(scalerHost+":9090", grpc.WithTransportCredentials(as))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, err = pb.NewExternalScalerClient(connection).GetMetricSpec(ctx, &pb.ScaledObjectRef{
		Namespace: so.Namespace, Name: so.Name, ScalerMetadata: so.Spec.Triggers[0].Metadata,
	})
	return err
}
