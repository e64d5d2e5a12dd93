package keda

import (
	"context"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler/demand/metric"
	"github.com/kedify/inference-gateway/scaler/trigger"
)

// GetMetricSpec says what the HPA is to compare, from the metadata alone.
func (s *Server) GetMetricSpec(ctx context.Context, ref *pb.ScaledObjectRef) (*pb.GetMetricSpecResponse, error) {
	return within(ctx, s.limit, func() (*pb.GetMetricSpecResponse, error) { return specOf(ref) })
}

// specOf parses the metadata of a reference; what is wrong with it is an InvalidArgument.
func specOf(ref *pb.ScaledObjectRef) (*pb.GetMetricSpecResponse, error) {
	metrics, problems := trigger.ParseMetadata(ref.GetScalerMetadata())
	if wrong := trigger.Errors(problems); len(wrong) > 0 {
		return nil, status.Errorf(codes.InvalidArgument, "ScaledObject %s/%s: %s", ref.GetNamespace(), ref.GetName(), wrong[0].Message)
	}
	return specResponse(metrics), nil
}

func specResponse(metrics []v1alpha1.HTTPScalerMetric) *pb.GetMetricSpecResponse {
	response := &pb.GetMetricSpecResponse{}
	for _, of := range metrics {
		response.MetricSpecs = append(response.MetricSpecs, &pb.MetricSpec{
			MetricName: metric.KindOf(of.Type).Name, TargetSizeFloat: of.TargetValue(),
		})
	}
	return response
}
