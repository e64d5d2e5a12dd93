package controllers

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/events"
	"github.com/kedify/inference-gateway/scaler/rescue"
)

// ReportRescue returns rescue.Options.Report: an event on the HTTPScaler each time that the
// product scaled a workload itself.
func ReportRescue(writer *events.Writer) func(rescue.Rescue) {
	return func(done rescue.Rescue) {
		trigger := &v1alpha1.HTTPScaler{}
		trigger.Namespace, trigger.Name = done.Scaler.Key.Namespace, done.Scaler.Key.Name
		event := events.Event{Regarding: trigger, Type: corev1.EventTypeNormal, Reason: "ScaledFromZero", Action: "Rescue", Note: done.String()}
		if done.Err != nil {
			event.Type, event.Reason = corev1.EventTypeWarning, "CannotScaleFromZero"
		}
		writer.Write(event)
	}
}
