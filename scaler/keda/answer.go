package keda

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand"
	"github.com/kedify/inference-gateway/scaler/demand/metric"
	"github.com/kedify/inference-gateway/scaler/trigger"
)

// GetMetrics returns the value of the metric of a trigger that is asked for, the total over the cluster.
func (s *Server) GetMetrics(ctx context.Context, request *pb.GetMetricsRequest) (*pb.GetMetricsResponse, error) {
	return within(ctx, s.limit, func() (*pb.GetMetricsResponse, error) { return s.metrics(request) })
}

func (s *Server) metrics(request *pb.GetMetricsRequest) (*pb.GetMetricsResponse, error) {
	found, err := s.find(request.GetScaledObjectRef())
	if err != nil {
		return nil, err
	}
	names, asked := namesOf(found.Spec), request.GetMetricName()
	if !slices.Contains(names, asked) {
		return nil, s.unknown(unknownMetric, "trigger %s has the metric %s and not %q; if scalingMetric was just changed this will pass",
			found.Key, strings.Join(names, ", "), asked)
	}
	value, err := s.value(found, asked)
	s.asked.note(found.Key, valueText(value), err)
	if err != nil {
		return nil, err
	}
	return &pb.GetMetricsResponse{MetricValues: []*pb.MetricValue{{MetricName: asked, MetricValueFloat: value}}}, nil
}

// namesOf returns the names of the metrics of a trigger, in its order.
func namesOf(spec v1alpha1.HTTPScalerSpec) []string {
	var names []string
	for _, of := range spec.Metrics() {
		names = append(names, metric.KindOf(of.Type).Name)
	}
	return names
}

// value is that of a metric of a trigger. What is unknown of another one does not matter.
func (s *Server) value(found *scaler.Scaler, name string) (float64, error) {
	reading, err := s.read(found)
	if err != nil {
		return 0, s.unread(found, err)
	}
	position := slices.Index(namesOf(found.Spec), name)
	value, err := reading.ValueOf(position, name)
	if err != nil {
		return 0, s.unknown(unknownDemand, "trigger %s: %v", found.Key, err)
	}
	if peak, kept := s.options.Peak(found.Key, position); kept {
		value = max(value, peak)
	}
	if kind := metric.KindOf(found.Spec.Metrics()[position].Type); kind.Level {
		if value, err = s.ofReplicas(found, kind, value); err != nil {
			return 0, err
		}
	}
	if found.Spec.Scale.Formula && s.minimumStarts(found) {
		value = 0 // by which KEDA decides, see there
	} else if found.Spec.Scale.Formula && reading.Active && value >= 0 && value < kedaStep {
		value = leastActive
	}
	// KEDA takes these for zero.
	if math.IsNaN(value) || math.IsInf(value, 0) || value < 0 {
		return 0, s.unknown(unknownDemand, "trigger %s: %s of %v is no amount", found.Key, name, value)
	}
	return value, nil
}

// kedaStep is the least value of a formula that is not zero to KEDA, which counts in thousandths
// (pkg/scaling/modifiers/formula.go).
const kedaStep = 0.001

// leastActive is the value of an active trigger under a formula whose metric KEDA would take for zero. KEDA's polls ask
// such a trigger whether it is active and do not use the answer: they take the value of the formula, and a request that
// runs for longer than the window of a rate has a rate of zero. A formula may divide this by a hundred and is above zero.
// It may not multiply it beyond its target, because the HPA would then want more replicas, with the metric type Value
// more each time. Other values stay as they were counted, for the same reason.
const leastActive = 0.1

// IsActive says whether the workload is to run.
func (s *Server) IsActive(ctx context.Context, ref *pb.ScaledObjectRef) (*pb.IsActiveResponse, error) {
	return within(ctx, s.limit, func() (*pb.IsActiveResponse, error) {
		found, err := s.find(ref)
		if err != nil {
			return nil, err
		}
		active, err := s.active(found)
		s.asked.note(found.Key, activeText(active), err)
		if err != nil {
			return nil, s.unread(found, err)
		}
		return &pb.IsActiveResponse{Result: active}, nil
	})
}

// active is the answer to a poll. Shortly after all replicas of the controller started, earlier
// arrivals are unknown, and "no" would stop a workload that may have had requests a moment before:
// until that is settled, a workload that runs stays active. A workload at zero is not started.
func (s *Server) active(of *scaler.Scaler) (bool, error) {
	if s.minimumStarts(of) {
		return false, nil
	}
	if unseen(of) {
		return true, nil
	}
	reading, err := s.read(of)
	if err != nil {
		return false, err
	}
	if reading.Active || reading.Settled {
		return reading.Active, nil
	}
	if replicas, known := s.options.Replicas(*of); known {
		return replicas > 0, nil
	}
	if running, known := s.options.Running(*of); known {
		return running, nil
	}
	return false, errUnsettled
}

// minimumStarts reports whether "not active" is what starts a workload at zero. With paused-scale-out KEDA starts nothing for an
// active trigger, and makes minReplicaCount of a workload whose triggers are not active (pkg/scaling/executor,
// RequestScale). A held request would keep the application from the minimum that answers it.
func (s *Server) minimumStarts(of *scaler.Scaler) bool {
	if !of.Spec.Scale.StartedByMinimum() {
		return false
	}
	replicas, known := s.options.Replicas(*of)
	return known && replicas == 0
}

// errUnsettled is answered when neither past arrivals nor replicas are known.
var errUnsettled = fmt.Errorf("%w: requests may have arrived before this process began to watch, "+
	"and the replicas of the target are not known", demand.ErrUnknown)

// find returns the trigger that a reference means, see the package comment.
func (s *Server) find(ref *pb.ScaledObjectRef) (*scaler.Scaler, error) {
	owner := ownerOf(ref)
	if found := s.index.find(owner, trigger.IdentityOf(ref.GetScalerMetadata())); found != nil {
		return found, nil
	}
	if n := s.index.count(owner); n > 0 {
		return nil, s.unknown(unknownTrigger, "none of the %d triggers in force of ScaledObject %s has these hosts, paths and headers; "+
			"if the object was just changed this will pass, otherwise its events say why the trigger was not accepted", n, owner)
	}
	return nil, s.unknown(unknownTrigger, "ScaledObject %s has no trigger in force; "+
		"if the object is new this will pass, otherwise its events say why", owner)
}

func ownerOf(ref *pb.ScaledObjectRef) types.NamespacedName {
	return types.NamespacedName{Namespace: ref.GetNamespace(), Name: ref.GetName()}
}

// unknown counts and returns an Unavailable.
func (s *Server) unknown(reason, format string, args ...any) error {
	s.options.Metrics.unknown.WithLabelValues(reason).Inc()
	return status.Errorf(codes.Unavailable, format, args...)
}
