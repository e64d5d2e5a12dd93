package keda

import (
	"time"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/kedify/inference-gateway/scaler"
)

// StreamIsActive pushes whether the workload is to run, as pulse says. It ends without an error
// when the server stops.
func (s *Server) StreamIsActive(ref *pb.ScaledObjectRef, stream grpc.ServerStreamingServer[pb.IsActiveResponse]) error {
	follow := s.index.follow(ref)
	defer follow.close()
	alarm := &alarm{registry: s.options.Registry}
	defer alarm.stop()
	timer := time.NewTimer(heartbeat)
	defer timer.Stop()
	for pulse := (&pulse{}); ; {
		found := follow.find()
		alarm.set(found)
		kind, wait := pulse.next(time.Now(), s.state(found))
		if kind != "" {
			if err := stream.Send(&pb.IsActiveResponse{Result: pulse.last}); err != nil {
				return err
			}
			s.options.Metrics.pushes.WithLabelValues(kind).Inc()
		}
		timer.Reset(wait)
		select {
		case <-alarm.rings:
		case <-follow.changed:
		case <-timer.C:
		case <-s.stopping:
			return nil
		case <-stream.Context().Done():
			return nil
		}
	}
}

// state of a trigger; of none: unknown.
func (s *Server) state(of *scaler.Scaler) state {
	if of == nil {
		return state{}
	}
	reading, err := s.options.Registry.Read(of.Key)
	if err != nil {
		return state{}
	}
	now := state{
		known:    reading.Active || reading.Settled,
		active:   reading.Active,
		held:     reading.Held,
		replicas: -1,
		cooldown: time.Duration(of.Spec.Scale.CooldownSeconds) * time.Second,
		paused:   of.Spec.Scale.ScaleOutPaused,
	}
	if replicas, known := s.options.Replicas(*of); known {
		now.replicas = replicas
	}
	return now
}

// StreamMetricSpec sends metric and target at open, from the metadata like GetMetricSpec, and
// whenever those of the trigger in force change. KEDA builds its scaler anew from the changed
// object, with a new stream, so that the two do not differ for long. The message at open is
// what brings a metric back into the HPA that KEDA lost (kedacore/keda#8168).
func (s *Server) StreamMetricSpec(ref *pb.ScaledObjectRef, stream grpc.ServerStreamingServer[pb.GetMetricSpecResponse]) error {
	follow := s.index.follow(ref)
	defer follow.close()
	sent, err := specOf(ref)
	if err != nil {
		return err
	}
	inForce := sent
	if found := follow.find(); found != nil {
		inForce = specResponse(found.Spec.Metric)
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
		case <-follow.changed:
		case <-s.stopping:
			return nil
		case <-stream.Context().Done():
			return nil
		}
		found := follow.find()
		if found == nil {
			continue
		}
		now := specResponse(found.Spec.Metric)
		if !proto.Equal(now, inForce) && !proto.Equal(now, sent) {
			next = now
		}
		inForce = now
	}
}
