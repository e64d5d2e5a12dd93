package controllers

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	k8sevents "k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/kedify/inference-gateway/controllers/events"
)

// KEDA is told a server's name out of the address of a trigger: the certificate has them all.
func TestScalerNames(t *testing.T) {
	for address, want := range map[string][]string{
		"":                                 {"gw.system", "gw.system.svc", "gw.system.svc.cluster.local"},
		"gw.system.svc.corp.example:9090":  {"gw.system", "gw.system.svc", "gw.system.svc.cluster.local", "gw.system.svc.corp.example"},
		"dns:///scaler.example.com:443":    {"gw.system", "gw.system.svc", "gw.system.svc.cluster.local", "scaler.example.com"},
		"10.0.0.7:9090":                    {"10.0.0.7", "gw.system", "gw.system.svc", "gw.system.svc.cluster.local"},
		"gw.system.svc.cluster.local:9090": {"gw.system", "gw.system.svc", "gw.system.svc.cluster.local"},
	} {
		options := Options{XDSAddress: "gw.system.svc:18000", ScalerAddress: address}
		if got := options.scalerNames(); !slices.Equal(got, want) {
			t.Errorf("%q: %q", address, got)
		}
	}
}

func TestKEDAServerTLS(t *testing.T) {
	if (&Options{XDSAddress: "gw.system.svc:18000"}).KEDAServerTLS(nil) != nil {
		t.Error("TLS that nobody asked for")
	}
}

// Whoever looks at the object that leads KEDA to its certificate reads why there is none.
func TestDeliveries(t *testing.T) {
	recorder := k8sevents.NewFakeRecorder(10)
	there := &kedav1alpha1.ClusterTriggerAuthentication{ObjectMeta: metav1.ObjectMeta{Name: "gw"}}
	reader := fake.NewClientBuilder().WithScheme(NewScheme()).WithObjects(there).Build()
	for _, one := range []struct {
		name    string
		failure error
		want    string
	}{
		{"gw", errors.New("refused"), "Warning CertificateNotDelivered refused"},
		{"gw", fmt.Errorf("write: %w", apierrors.NewNotFound(corev1.Resource("namespaces"), "keda")), `Warning CertificateNotDelivered write: namespaces "keda" not found: keda.tls.namespace`},
		{"gw", nil, "Normal CertificateDelivered"},
		{"gone", errors.New("x"), ""},
	} {
		reportDelivery(events.NewWriter(recorder, reader), one.name)(one.failure)
		select {
		case got := <-recorder.Events:
			if one.want == "" || !strings.HasPrefix(got, one.want) {
				t.Errorf("event %q, want %q", got, one.want)
			}
		default:
			if one.want != "" {
				t.Errorf("no event, want %q", one.want)
			}
		}
	}
}
