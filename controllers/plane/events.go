package plane

import (
	"fmt"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/events"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/scaler/burst"
	"github.com/kedify/inference-gateway/scaler/rescue"
	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
)

// rejectionTopic is the topic of the events about the rejections by the Envoys of a Gateway.
type rejectionTopic types.NamespacedName

// writeRejections writes an event on each object that caused a rejection by an Envoy of this
// replica. Only the replica that serves an Envoy writes them, so that there is one event in the
// cluster.
func (p *Plane) writeRejections(d publish.Delivery) {
	var all []events.Event
	for _, rejection := range d.Rejected {
		for _, source := range rejection.Sources {
			row, ok := store.RowOf(store.Kind(source.Kind))
			if !ok {
				continue
			}
			object := row.New()
			object.SetNamespace(source.Namespace)
			object.SetName(source.Name)
			all = append(all, events.Event{
				Regarding: object, Type: corev1.EventTypeWarning, Reason: "RejectedByProxy", Action: "Publish",
				Note: rejectionNote(rejection),
			})
		}
	}
	p.events.WriteOnce(rejectionTopic(d.Gateway), all)
}

// rejectionNote says what an Envoy refused, and what is in force instead.
func rejectionNote(r publish.Rejection) string {
	what, instead := r.Resource.Name, "no earlier version is known"
	switch {
	case r.Withheld != nil && r.Withheld.Form == resource.Absent:
		what, instead = fmt.Sprintf("rule %q", r.Withheld.Rule), "it is left out"
	case r.Withheld != nil:
		what, instead = fmt.Sprintf("rule %q", r.Withheld.Rule), "its requests are answered 500"
	case r.StandIn:
		instead = "its last good version stays in force"
	}
	return fmt.Sprintf("Envoy %s rejected %s: %s; %s", r.Node, what, r.Message, instead)
}

// writeRescue writes an event on the HTTPScaler each time that the product scaled a workload
// itself.
func (p *Plane) writeRescue(done rescue.Rescue) {
	trigger := &v1alpha1.HTTPScaler{}
	trigger.Namespace, trigger.Name = done.Scaler.Key.Namespace, done.Scaler.Key.Name
	event := events.Event{Regarding: trigger, Type: corev1.EventTypeNormal, Reason: "ScaledFromZero", Action: "Rescue", Note: done.String()}
	if done.Err != nil {
		event.Type, event.Reason = corev1.EventTypeWarning, "CannotScaleFromZero"
	}
	p.events.Write(event)
}

// writeBurst writes an event on the HTTPScaler each time that the product raised its replicas beside the HPA, or could not.
func (p *Plane) writeBurst(done burst.Burst) {
	trigger := &v1alpha1.HTTPScaler{}
	trigger.Namespace, trigger.Name = done.Scaler.Key.Namespace, done.Scaler.Key.Name
	event := events.Event{Regarding: trigger, Type: corev1.EventTypeNormal, Reason: "BurstScaled", Action: "Scale", Note: done.String()}
	if done.Err != nil {
		event.Type, event.Reason = corev1.EventTypeWarning, "CannotBurstScale"
	}
	p.events.Write(event)
}

// writeDelivery returns certs.DeliveryOptions.Report: it writes events on the
// ClusterTriggerAuthentication that leads KEDA to its certificate.
func writeDelivery(writer *events.Writer, authentication string) func(error) {
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
