package plane

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	k8sevents "k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers"
	"github.com/kedify/inference-gateway/controllers/events"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
)

func TestKEDATLS(t *testing.T) {
	if kedaTLS(controllers.Options{XDSAddress: "gw.system.svc:18000"}, nil) != nil {
		t.Error("TLS without --keda-tls")
	}
}

// An event on the object that leads KEDA to its certificate says why there is none.
func TestDeliveries(t *testing.T) {
	recorder := k8sevents.NewFakeRecorder(10)
	there := &kedav1alpha1.ClusterTriggerAuthentication{ObjectMeta: metav1.ObjectMeta{Name: "gw"}}
	reader := fake.NewClientBuilder().WithScheme(controllers.NewScheme()).WithObjects(there).Build()
	for _, one := range []struct {
		name    string
		failure error
		want    string
	}{
		{"gw", errors.New("refused"), "Warning CertificateNotDelivered refused"},
		{"gw", fmt.Errorf("write: %w", apierrors.NewNotFound(corev1.Resource("namespaces"), "keda")),
			`Warning CertificateNotDelivered write: namespaces "keda" not found: keda.tls.namespace`},
		{"gw", nil, "Normal CertificateDelivered"},
		{"gone", errors.New("x"), ""},
	} {
		writeDelivery(events.NewWriter(recorder, reader), one.name)(one.failure)
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

// The API server refuses the note of an event over 1,024 bytes; a long rejection is told
// nevertheless.
func TestLongRejectionMakesAnEvent(t *testing.T) {
	route := &gwv1.HTTPRoute{}
	route.Namespace, route.Name = "apps", "r"
	recorder := k8sevents.NewFakeRecorder(10)
	reader := fake.NewClientBuilder().WithScheme(controllers.NewScheme()).WithObjects(route).Build()
	p := &Plane{events: events.NewWriter(recorder, reader)}
	p.writeRejections(publish.Delivery{Rejected: []publish.Rejection{{
		Resource: resource.Key{Type: resource.Route, Name: "80/a.example.com"}, Version: "1", Node: "envoy-1",
		Message: strings.Repeat("ž", 2000), Sources: []ir.Source{{Kind: "HTTPRoute", Namespace: "apps", Name: "r"}},
	}}})
	select {
	case event := <-recorder.Events:
		note := strings.TrimPrefix(event, "Warning RejectedByProxy ")
		if len(note) > 1024 || !utf8.ValidString(note) {
			t.Errorf("the API server refuses a note of %d bytes, valid UTF-8: %t", len(note), utf8.ValidString(note))
		}
	default:
		t.Error("no event")
	}
}
