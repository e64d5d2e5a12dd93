package keda

import (
	"testing"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand"
)

// FuzzReference: every question is answered, with a metric that the HPA can take, with what
// the one trigger in force has, or with an error that says that nothing is known.
func FuzzReference(f *testing.F) {
	for _, ref := range []*pb.ScaledObjectRef{
		refTo(metadata(nil)), refTo(nil), {}, refTo(metadata(map[string]string{"headers": "[{name: a}]", "window": "1h"})),
		refTo(map[string]string{"scalingMetric": "concurrency", "targetValue": "9999999999999999999"}),
		refTo(map[string]string{"externalProxyMetricKey": "edge", "scalingMetric": "requestRate", "originalType": "kedify-envoy-http"}),
	} {
		raw, err := proto.Marshal(ref)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw, MetricRate)
	}
	catalog, registry := scaler.NewCatalog(), newRegistry()
	server := New(Options{Catalog: catalog, Registry: registry, Replicas: func(scaler.Scaler) (int32, bool) { return 0, true }})
	registry.set(apply(f, catalog, named{"", metadata(nil)})[0], demand.Reading{Value: 3, Active: true, Settled: true})
	f.Fuzz(func(t *testing.T, raw []byte, name string) {
		ref := &pb.ScaledObjectRef{}
		if proto.Unmarshal(raw, ref) != nil {
			return
		}
		spec, err := server.GetMetricSpec(t.Context(), ref)
		switch {
		case err != nil && status.Code(err) != codes.InvalidArgument:
			t.Errorf("GetMetricSpec: %v", err)
		case err == nil && (len(spec.GetMetricSpecs()) != 1 || !(spec.GetMetricSpecs()[0].GetTargetSizeFloat() >= 1)):
			t.Errorf("GetMetricSpec: %v", spec)
		}
		active, err := server.IsActive(t.Context(), ref)
		if err == nil && !active.GetResult() || err != nil && status.Code(err) != codes.Unavailable {
			t.Errorf("IsActive: %v, %v", active, err)
		}
		values, err := server.GetMetrics(t.Context(), &pb.GetMetricsRequest{ScaledObjectRef: ref, MetricName: name})
		if err == nil && (name != MetricRate || values.GetMetricValues()[0].GetMetricValueFloat() != 3) ||
			err != nil && status.Code(err) != codes.Unavailable {
			t.Errorf("GetMetrics %q: %v, %v", name, values, err)
		}
	})
}
