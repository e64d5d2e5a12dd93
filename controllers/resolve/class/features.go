package class

import (
	"slices"
	"strings"

	gwv1 "sigs.k8s.io/gateway-api/apis/v1"
	api "sigs.k8s.io/gateway-api/pkg/features"
)

// claimed are what GatewayClasses say they support with CRDs of BundleVersion. The list promises: a feature
// belongs here when its conformance tests pass, and goes when they do not. The rows are the API's own, so each
// carries its channel; the status sorts them.
var claimed = []api.Feature{
	// Core of a profile; TCPRoute and UDPRoute count as extended as well.
	api.GatewayFeature,
	api.ReferenceGrantFeature,
	api.HTTPRouteFeature,
	api.GRPCRouteFeature,
	api.TLSRouteFeature,
	api.TCPRouteFeature,
	api.UDPRouteFeature,

	// Extended, Gateway and BackendTLSPolicy; only where the API server serves the kind (GEP-5075).
	api.ClusterTrustBundleFeature,

	// Extended, Gateway.
	api.GatewayAddressRoutabilityFeature,
	api.GatewayAddressRoutabilityClusterFeature,
	api.GatewayEmptyAddressFeature,
	api.GatewayBackendClientCertificateFeature,
	api.GatewayFrontendClientCertificateValidationFeature,
	api.GatewayFrontendClientCertificateValidationInsecureFallbackFeature,
	api.GatewayHTTPListenerIsolationFeature,
	api.GatewayHTTPSListenerDetectMisdirectedRequestsFeature,
	api.GatewayInfrastructureFeature,
	api.GatewayListenerFiltersFeature,
	api.GatewayPort8080Feature,
	api.GatewayRouteHostnameIntersectionPrecedenceFeature,
	api.GatewayStaticAddressesFeature,
	api.ListenerSetFeature,

	// Extended, HTTPRoute.
	api.HTTPRoute303RedirectStatusCodeFeature,
	api.HTTPRoute307RedirectStatusCodeFeature,
	api.HTTPRoute308RedirectStatusCodeFeature,
	api.HTTPRouteBackendProtocolH2CFeature,
	api.HTTPRouteBackendProtocolWebSocketFeature,
	api.HTTPRouteBackendRequestHeaderModificationFeature,
	api.HTTPRouteBackendTimeoutFeature,
	api.HTTPRouteBackendURLRewriteFeature,
	api.HTTPRouteCORS,
	api.HTTPRouteDestinationPortMatchingFeature,
	api.HTTPRouteHostRewriteFeature,
	api.HTTPRouteMethodMatchingFeature,
	api.HTTPRouteNamedRouteRule,
	api.HTTPRouteParentRefPortFeature,
	api.HTTPRoutePathRedirectFeature,
	api.HTTPRoutePathRewriteFeature,
	api.HTTPRoutePortRedirectFeature,
	api.HTTPRouteQueryParamMatchingFeature,
	api.HTTPRouteRequestMirrorFeature,
	api.HTTPRouteRequestMultipleMirrorsFeature,
	api.HTTPRouteRequestPercentageMirrorFeature,
	api.HTTPRouteRequestTimeoutFeature,
	api.HTTPRouteResponseHeaderModificationFeature,
	api.HTTPRouteRetryCodesFeature,
	api.HTTPRouteRetryConnectionErrorFeature,
	api.HTTPRouteSchemeRedirectFeature,

	// Extended, other routes.
	api.GRPCRouteNamedRouteRule,
	api.GRPCRouteRequestHeaderModifier,
	api.TLSRouteModeTerminateFeature,
	api.TLSRouteModeMixedFeature,

	// Extended, policies.
	api.BackendTLSPolicyFeature,
	api.BackendTLSPolicySanValidationFeature,
}

// later are the features that CRDs of v1.6 do not have under these names, or not in this channel.
var later = []api.Feature{
	api.ClusterTrustBundleFeature,
	api.GatewayAddressRoutabilityFeature,
	api.GatewayAddressRoutabilityClusterFeature,
	api.GatewayListenerFiltersFeature,
	api.GatewayRouteHostnameIntersectionPrecedenceFeature,
	api.GRPCRouteRequestHeaderModifier,
	api.HTTPRouteBackendURLRewriteFeature,
	api.HTTPRouteRetryCodesFeature,
	api.HTTPRouteRetryConnectionErrorFeature,
	api.TLSRouteModeMixedFeature,
}

// earlier are those that v1.6 has in their place. The suite of v1.6 has no test for two of them
// (HTTPRouteRetryBackendTimeout, HTTPRouteRetryConnectionError); TestRetryOfTimeouts and
// TestRetryOfBrokenConnections of xds/translate prove them.
var earlier = []api.Feature{
	{Name: "HTTPRouteRetry", Channel: api.FeatureChannelExperimental},
	{Name: "HTTPRouteRetryBackendTimeout", Channel: api.FeatureChannelExperimental},
	{Name: api.SupportHTTPRouteRetryConnectionError, Channel: api.FeatureChannelExperimental},
	{Name: api.SupportTLSRouteModeMixed, Channel: api.FeatureChannelExperimental},
}

// supportedFeatures returns what can be used with the installed CRDs and the kinds of the API server, as a status wants
// it: sorted by name. A field of the experimental channel does not exist in standard CRDs.
func supportedFeatures(c Result) []gwv1.SupportedFeature {
	features := claimed
	if !c.Installed.current() {
		known := slices.DeleteFunc(slices.Clone(claimed), func(f api.Feature) bool { return slices.Contains(later, f) })
		features = slices.Concat(earlier, known)
	}
	supported := make([]gwv1.SupportedFeature, 0, len(features))
	for _, feature := range features {
		inChannel := feature.Channel == api.FeatureChannelStandard || c.Installed.Experimental()
		if inChannel && (feature != api.ClusterTrustBundleFeature || c.TrustBundles) {
			supported = append(supported, gwv1.SupportedFeature{Name: gwv1.FeatureName(feature.Name)})
		}
	}
	slices.SortFunc(supported, func(a, b gwv1.SupportedFeature) int {
		return strings.Compare(string(a.Name), string(b.Name))
	})
	return supported
}
