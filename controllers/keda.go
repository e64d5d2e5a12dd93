package controllers

import (
	"context"
	"crypto/tls"

	"github.com/go-logr/logr"
	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/controllers/certs"
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
		Report: (&deliveries{mgr.GetEventRecorder("kedify-gateway"), mgr.Direct, options.KEDAAuthentication}).tell,
	})
}

// deliveries makes events of what happens to KEDA's certificate, about the object that leads KEDA
// to it.
type deliveries struct {
	events events.EventRecorder
	reader client.Reader
	name   string // of the ClusterTriggerAuthentication
}

func (d *deliveries) tell(failure error) {
	ctx, cancel := context.WithTimeout(context.Background(), findTimeout)
	defer cancel()
	about := &kedav1alpha1.ClusterTriggerAuthentication{}
	if err := d.reader.Get(ctx, client.ObjectKey{Name: d.name}, about); err != nil {
		return // nobody to tell; the log has it
	}
	if failure != nil {
		hint := ""
		if apierrors.IsNotFound(failure) {
			hint = ": keda.tls.namespace of the chart must be the namespace of KEDA"
		}
		d.events.Eventf(about, nil, corev1.EventTypeWarning, "CertificateNotDelivered", "Deliver", "%s%s", failure, hint)
		return
	}
	d.events.Eventf(about, nil, corev1.EventTypeNormal, "CertificateDelivered", "Deliver", "KEDA can reach the scaler")
}
