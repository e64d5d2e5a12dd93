package controllers

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler/rescue"
)

// Rescues makes an event of each time that the product scaled a workload itself.
type Rescues struct {
	events events.EventRecorder
	reader client.Reader
}

// NewRescues returns a reporter. reader finds the HTTPScalers that events are for.
func NewRescues(recorder events.EventRecorder, reader client.Reader) *Rescues {
	return &Rescues{events: recorder, reader: reader}
}

// Tell is rescue.Options.Report.
func (r *Rescues) Tell(done rescue.Rescue) {
	ctx, cancel := context.WithTimeout(context.Background(), findTimeout)
	defer cancel()
	trigger := &v1alpha1.HTTPScaler{}
	if err := r.reader.Get(ctx, client.ObjectKey{Namespace: done.Scaler.Key.Namespace, Name: done.Scaler.Key.Name}, trigger); err != nil {
		return // gone: nobody to tell
	}
	kind, reason := corev1.EventTypeNormal, "ScaledFromZero"
	if done.Err != nil {
		kind, reason = corev1.EventTypeWarning, "CannotScaleFromZero"
	}
	r.events.Eventf(trigger, nil, kind, reason, "Rescue", "%s", done)
}
