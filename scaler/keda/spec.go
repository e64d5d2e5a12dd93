package keda

import (
	"context"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler/trigger"
)

// Names of metrics. KEDA puts "s<index>-" before them, so they are the same for all triggers;
// they end up in URL paths, so they have no host in them.
const (
	MetricRate        = "http-request-rate"
	MetricConcurrency = "http-concurrency"
)

// GetMetricSpec says what the HPA is to compare, from the metadata alone.
func (s *Server) GetMetricSpec(ctx context.Context, ref *pb.ScaledObjectRef) (*pb.GetMetricSpecResponse, error) {
	return within(ctx, s.limit, func() (*pb.GetMetricSpecResponse, error) { return specOf(ref) })
}

// specOf parses the metadata of a reference; what is wrong with it is an InvalidArgument.
func specOf(ref *pb.ScaledObjectRef) (*pb.GetMetricSpecResponse, error) {
	metric, problems := trigger.ParseMetadata(ref.GetScalerMetadata())
	if wrong := trigger.Errors(problems); len(wrong) > 0 {
		return nil, status.Errorf(codes.InvalidArgument, "ScaledObject %s/%s: %s", ref.GetNamespace(), ref.GetName(), wrong[0].Message)
	}
	return specResponse(metric), nil
}

func specResponse(metric v1alpha1.HTTPScalerMetric) *pb.GetMetricSpecResponse {
	return &pb.GetMetricSpecResponse{MetricSpecs: []*pb.MetricSpec{{
		MetricName: metricName(metric.Type), TargetSizeFloat: float64(metric.Target),
	}}}
}

func metricName(metric v1alpha1.MetricType) string {
	if metric == v1alpha1.Concurrency {
		return MetricConcurrency
	}
	return MetricRate
}
