package controllers

import (
	"errors"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/engine"
	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/status"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/stage"
)

// DataPlanes runs the Envoys of Gateways. Its methods must not block.
type DataPlanes interface {
	Apply(gateway resolve.GatewayResult)
	Delete(gateway types.NamespacedName)
}

// Sink is the Output of the engine: it hands everything on and does nothing else.
type Sink struct {
	// Stages is the first stage of resources, Publisher the last.
	Stages     stage.Stage
	Publisher  *publish.Publisher
	Statuses   *status.Writer
	DataPlanes DataPlanes
	Scalers    *scaler.Catalog
	// Forgotten is told of a gateway that the publisher has no more; nil: nobody is.
	Forgotten func(types.NamespacedName)
	Metrics   *Metrics
	Log       logr.Logger
}

var _ engine.Output = (*Sink)(nil)

// Publish is engine.Output.
func (s *Sink) Publish(gateway types.NamespacedName, change resource.Change) {
	s.Stages.Apply(ir.Key(gateway), change)
}

// Ready is engine.Output.
func (s *Sink) Ready(gateway types.NamespacedName) { s.Stages.Ready(ir.Key(gateway)) }

// Status is engine.Output.
func (s *Sink) Status(update status.Update) { s.Statuses.Want(update) }

// Scaler is engine.Output.
func (s *Sink) Scaler(key types.NamespacedName, trigger *scaler.Scaler) { s.Scalers.Set(key, trigger) }

// DataPlane is engine.Output.
func (s *Sink) DataPlane(gateway *resolve.GatewayResult) { s.DataPlanes.Apply(*gateway) }

// Forget is engine.Output.
func (s *Sink) Forget(gateway types.NamespacedName) {
	s.Stages.Forget(ir.Key(gateway))
	if s.Forgotten != nil {
		s.Forgotten(gateway)
	}
	s.DataPlanes.Delete(gateway)
}

// RenderFailed is engine.Output.
func (s *Sink) RenderFailed(failure *engine.RenderFailure) {
	s.Metrics.renderFailures.Inc()
	objects := make([]string, 0, len(failure.Sources))
	for _, source := range failure.Sources {
		objects = append(objects, source.String())
	}
	values := []any{"unit", failure.Unit, "objects", objects}
	var panicked *engine.Panic
	if errors.As(failure.Err, &panicked) {
		values = append(values, "stack", string(panicked.Stack))
	}
	if failure.Kept {
		s.Log.Error(failure.Err, "Failed to render Envoy configuration; keeping the previous version", values...)
		return
	}
	s.Log.Error(failure.Err, "Failed to render Envoy configuration; there is no previous version", values...)
}
