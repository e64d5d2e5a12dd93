// Package asker asks the product's KEDA scaler, replica by replica, as KEDA's operator would.
//
// Job: tell what each controller believes about the demand of a trigger.
// Inputs: the address of one replica, a ScaledObject as KEDA has it.
// Outputs: the value that KEDA would be told.
// Ownership: a connection per question; nothing is kept.
package asker

import (
	"context"
	"fmt"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	"github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// Value asks the replica at the address for the only metric of the trigger at an index.
func Value(ctx context.Context, address string, object *kedav1alpha1.ScaledObject, index int) (float64, error) {
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return 0, err
	}
	defer connection.Close()
	scaler := externalscaler.NewExternalScalerClient(connection)
	ref := &externalscaler.ScaledObjectRef{
		Name: object.Name, Namespace: object.Namespace, ScalerMetadata: object.Spec.Triggers[index].Metadata,
	}
	specs, err := scaler.GetMetricSpec(ctx, ref)
	if err != nil {
		return 0, fmt.Errorf("GetMetricSpec at %s: %w", address, err)
	}
	if n := len(specs.GetMetricSpecs()); n != 1 {
		return 0, fmt.Errorf("GetMetricSpec at %s: %d metrics", address, n)
	}
	values, err := scaler.GetMetrics(ctx, &externalscaler.GetMetricsRequest{
		ScaledObjectRef: ref, MetricName: specs.GetMetricSpecs()[0].GetMetricName(),
	})
	if err != nil {
		return 0, fmt.Errorf("GetMetrics at %s: %w", address, err)
	}
	if n := len(values.GetMetricValues()); n != 1 {
		return 0, fmt.Errorf("GetMetrics at %s: %d values", address, n)
	}
	return values.GetMetricValues()[0].GetMetricValueFloat(), nil
}
