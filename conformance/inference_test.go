package conformance

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	inference "sigs.k8s.io/gateway-api-inference-extension/conformance"
	"sigs.k8s.io/gateway-api-inference-extension/conformance/tests"
	"sigs.k8s.io/gateway-api-inference-extension/version"
	"sigs.k8s.io/gateway-api/conformance/utils/suite"
)

// TestInference runs the Gateway profile of the Inference Extension.
//
// The suite's own entry point asks for the report before the Go testing package has recorded
// the last test, which gateway-api/conformance refuses since v1.6.2. So the same steps run
// in a subtest here, and the report is asked for when that subtest is over.
func TestInference(t *testing.T) {
	options := inference.DefaultOptions(t)
	prepare(t, "inference", &options, tests.ConformanceTests)
	suite.RegisterConformanceProfile(inference.GatewayLayerProfile)
	run, err := suite.NewConformanceTestSuite(options)
	require.NoError(t, err)
	release := bundleVersion(t, options)

	t.Run("Suite", func(t *testing.T) {
		inference.SetupConformanceTestSuite(context.Background(), t, run, options, tests.ConformanceTests)
		require.NoError(t, run.Run(t, tests.ConformanceTests))
	})

	report, err := run.Report()
	require.NoError(t, err)
	whole := inference.GatewayAPIInferenceExtensionConformanceReport{
		GatewayAPIInferenceExtensionVersion: release,
		ConformanceReport:                   *report,
	}
	require.NoError(t, whole.WriteReport(t.Logf, options.ReportOutputPath))
}

// bundleVersion is the release that the CRDs of the cluster say they are from.
func bundleVersion(t *testing.T, options suite.ConformanceOptions) string {
	t.Helper()
	const pool = "inferencepools.inference.networking.k8s.io"
	var crds apiextensionsv1.CustomResourceDefinitionList
	require.NoError(t, options.Client.List(t.Context(), &crds))
	for _, crd := range crds.Items {
		if crd.Name == pool {
			require.NotEmpty(t, crd.Annotations[version.BundleVersionAnnotation], "annotation of %s", pool)
			return crd.Annotations[version.BundleVersionAnnotation]
		}
	}
	t.Fatalf("the cluster has no CRD %s", pool)
	return ""
}
