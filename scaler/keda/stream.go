package keda

import (
	"errors"
	"time"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/kedify/inference-gateway/scaler"
)

// StreamIsActive pushes whether the workload is to run, when type pushes says so. It ends without an
// error when the server stops.
func (s *Server) StreamIsActive(ref *pb.ScaledObjectRef, stream grpc.ServerStreamingServer[pb.IsActiveResponse]) error {
	of := s.index.triggerOf(ref)
	defer of.close()
	wakeups := &wakeups{registry: s.options.Registry}
	defer wakeups.stop()
	old, release := s.old()
	defer release()
	timer := time.NewTimer(heartbeat)
	defer timer.Stop()
	for pushes := (&pushes{}); ; {
		found := of.find()
		wakeups.set(found)
		kind, wait := pushes.next(time.Now(), s.state(found))
		if kind != "" {
			if err := stream.Send(&pb.IsActiveResponse{Result: pushes.last}); err != nil {
				return err
			}
			s.options.Metrics.pushes.WithLabelValues(kind).Inc()
		}
		timer.Reset(wait)
		select {
		case <-wakeups.signals:
		case <-of.changed:
		case <-timer.C:
		case <-old:
			return nil
		case <-s.stopping:
			return nil
		case <-stream.Context().Done():
			return nil
		}
	}
}

// state returns the state of a trigger; it is unknown for nil.
func (s *Server) state(of *scaler.Scaler) state {
	if of == nil {
		return state{}
	}
	reading, err := s.read(of)
	direct := errors.Is(err, errDirect)
	if err != nil && !direct {
		return state{}
	}
	now := state{
		known:    reading.Active || reading.Settled || direct,
		active:   reading.Active || direct,
		direct:   direct,
		held:     reading.Held,
		replicas: -1,
		cooldown: time.Duration(of.Spec.Scale.CooldownSeconds) * time.Second,
		paused:   of.Spec.Scale.ScaleOutPaused,
		formula:  of.Spec.Scale.Formula && of.Spec.Scale.MayStop(),
	}
	if replicas, known := s.options.Replicas(*of); known {
		now.replicas = replicas
	}
	if s.minimumStarts(of) {
		now.active = false
	}
	return now
}

// StreamMetricSpec sends metric and target at open, from the metadata like GetMetricSpec, and
// whenever those of the trigger in force change. KEDA builds its scaler anew from the changed
// object, with a new stream, so that the two do not differ for long. The message at open is
// what brings a metric back into the HPA that KEDA lost (kedacore/keda#8168).
func (s *Server) StreamMetricSpec(ref *pb.ScaledObjectRef, stream grpc.ServerStreamingServer[pb.GetMetricSpecResponse]) error {
	of := s.index.triggerOf(ref)
	defer of.close()
	old, release := s.old()
	defer release()
	sent, err := specOf(ref)
	if err != nil {
		return err
	}
	inForce := sent
	if found := of.find(); found != nil {
		inForce = specResponse(found.Spec.Metrics())
	}
	for next := sent; ; {
		if next != nil {
			if err := stream.Send(next); err != nil {
				return err
			}
			s.options.Metrics.pushes.WithLabelValues(pushSpec).Inc()
			sent, next = next, nil
		}
		select {
		case <-of.changed:
		case <-old:
			return nil
		case <-s.stopping:
			return nil
		case <-stream.Context().Done():
			return nil
		}
		found := of.find()
		if found == nil {
			continue
		}
		now := specResponse(found.Spec.Metrics())
		if !proto.Equal(now, inForce) && !proto.Equal(now, sent) {
			next = now
		}
		inForce = now
	}
}
