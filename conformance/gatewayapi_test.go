package conformance

import (
	"testing"

	gatewayapi "sigs.k8s.io/gateway-api/conformance"
	"sigs.k8s.io/gateway-api/conformance/tests"
	"sigs.k8s.io/gateway-api/conformance/utils/suite"
)

// TestGatewayAPI runs the profiles of -conformance-profiles, all five gateway profiles when
// none is named. The features are those of GatewayClass.status.supportedFeatures unless
// -supported-features names others.
func TestGatewayAPI(t *testing.T) {
	options := gatewayapi.DefaultOptions(t)
	if len(options.ConformanceProfiles) == 0 {
		options.ConformanceProfiles = []suite.ConformanceProfileName{
			suite.GatewayHTTPConformanceProfileName,
			suite.GatewayGRPCConformanceProfileName,
			suite.GatewayTLSConformanceProfileName,
			suite.GatewayTCPConformanceProfileName,
			suite.GatewayUDPConformanceProfileName,
		}
	}
	prepare(t, "gateway-api", &options, tests.ConformanceTests)
	gatewayapi.RunConformanceWithOptions(t, options)
}
