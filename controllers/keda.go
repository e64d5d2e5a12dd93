package controllers

import (
	"crypto/tls"

	"github.com/go-logr/logr"
	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"

	"github.com/kedify/inference-gateway/controllers/certs"
	"github.com/kedify/inference-gateway/controllers/events"
	"github.com/kedify/inference-gateway/xds/server"
)

// KEDASecretName is the name of the Secret with KEDA's certificate; the chart's
// ClusterTriggerAuthentication reads it.
const KEDASecretName = "kedify-gateway-keda-client"

// KEDAServerTLS returns the TLS of the port that KEDA asks: KEDA alone is admitted. Nil: it is
// cleartext.
func (o *Options) KEDAServerTLS(authority *certs.Keeper) *tls.Config {
	if !o.KEDATLS {
		return nil
	}
	return authority.ServerTLSFor(server.KEDAIdentity, o.scalerNames()...)
}

// NewKEDADelivery returns what keeps KEDA's certificate where KEDA finds it.
func NewKEDADelivery(mgr *Manager, options Options, authority *certs.Keeper, log logr.Logger) *certs.Delivery {
	return certs.NewDelivery(certs.DeliveryOptions{
		Certificates: authority, Client: mgr.Direct, Namespace: options.KEDANamespace, Name: KEDASecretName,
		Identity: server.KEDAIdentity, Clock: clock.RealClock{}, Log: log.WithName("certs"),
		Report: reportDelivery(events.NewWriter(mgr.GetEventRecorder(recorderName), mgr.Direct), options.KEDAAuthentication),
	})
}

// reportDelivery returns certs.DeliveryOptions.Report: events about the
// ClusterTriggerAuthentication that leads KEDA to its certificate.
func reportDelivery(writer *events.Writer, authentication string) func(error) {
	return func(failure error) {
		about := &kedav1alpha1.ClusterTriggerAuthentication{}
		about.Name = authentication
		event := events.Event{
			Regarding: about, Type: corev1.EventTypeNormal, Reason: "CertificateDelivered", Action: "Deliver", Note: "KEDA can reach the scaler",
		}
		if failure != nil {
			event.Type, event.Reason, event.Note = corev1.EventTypeWarning, "CertificateNotDelivered", failure.Error()
		}
		if apierrors.IsNotFound(failure) {
			event.Note += ": keda.tls.namespace of the chart must be the namespace of KEDA"
		}
		writer.Write(event)
	}
}
