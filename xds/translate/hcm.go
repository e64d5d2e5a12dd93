package translate

import (
	"cmp"
	"net/http"
	"time"

	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/config/accesslog/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	xffv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/http/original_ip_detection/xff/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/kedify/inference-gateway/xds/ir"
)

const (
	// streamIdle cuts a request on which nothing moves in either direction, unless the user says
	// otherwise (fitIdle): a model may think for long before its first token, and a WebSocket be quiet.
	// A peer that vanishes is noticed by TCP (keepalive).
	streamIdle = time.Hour
	// headersTimeout bounds how long a client may take to send its request headers.
	headersTimeout = 30 * time.Second
	// connectionIdle closes a silent client connection. Longer than the idle timeout of cloud
	// load balancers (60 to 350 s), so that they never reuse a connection we are closing.
	connectionIdle = time.Hour
	// maxStreams per HTTP/2 connection: other gateways multiplex many clients over one.
	maxStreams = 1000
	// streamWindow is what the client of an HTTP/2 request may send of its body before the proxy has read it.
	// All of it is kept when the request is held or its backend is slow (docs/adr/0034-memory-of-requests.md).
	// The window of the connection has room for that of each stream, so that requests which
	// are not read keep no other request of their connection from being read.
	streamWindow     = 256 << 10
	connectionWindow = maxStreams * streamWindow
	// maxHeaders of a request, and of an answer: Envoy's own hundred is less than some applications
	// have. What they take is bounded by their size.
	maxHeaders = 1000
	// maxHeaderKiB is the size of the headers of a request, path and query among them: Envoy's default,
	// written down. Answers may have more; they come from fewer, and Envoy's defaults depend on the protocol.
	maxHeaderKiB       = 60
	maxAnswerHeaderKiB = 128
)

// connectionManager serves the HTTP connections of a chain. Hosts are not part of it: they
// arrive by scope, so an edited host changes no listener.
func connectionManager(chain ir.Chain) (*hcmv3.HttpConnectionManager, error) {
	early, err := earlyMutation(chain)
	if err != nil {
		return nil, err
	}
	filters, err := httpFilters(chain.Client)
	if err != nil {
		return nil, err
	}
	upgraded, err := upgradeFilters(chain.Client)
	if err != nil {
		return nil, err
	}
	logs, err := requestLogs(chain.Log)
	if err != nil {
		return nil, err
	}
	manager := &hcmv3.HttpConnectionManager{
		// AUTO takes HTTP/2 by ALPN and, on cleartext ports, by prior knowledge: gRPC clients
		// need no appProtocol and no upgrade.
		CodecType:                     hcmv3.HttpConnectionManager_AUTO,
		StatPrefix:                    "http",
		RouteSpecifier:                scopedRoutes(),
		HttpFilters:                   filters,
		UpgradeConfigs:                []*hcmv3.HttpConnectionManager_UpgradeConfig{{UpgradeType: webSocket, Filters: upgraded}},
		EarlyHeaderMutationExtensions: []*corev3.TypedExtensionConfig{early},
		AccessLog:                     logs,
		LocalReplyConfig:              localReplies(),

		CommonHttpProtocolOptions: &corev3.HttpProtocolOptions{
			IdleTimeout:     durationpb.New(cmp.Or(chain.Client.IdleTimeout, connectionIdle)),
			MaxHeadersCount: uint32Value(cmp.Or(chain.Client.MaxHeaders, maxHeaders)),
		},
		MaxRequestHeadersKb: uint32Value(cmp.Or(chain.Client.MaxHeaderKiB, maxHeaderKiB)),
		// Request trailers of HTTP/1 stay off: the reference endpoint picker never answers
		// them, so a request with trailers would hang.
		HttpProtocolOptions: &corev3.Http1ProtocolOptions{IgnoreHttp_11Upgrade: otherUpgrades(), AcceptHttp_10: !chain.RefuseHTTP10},
		Http2ProtocolOptions: &corev3.Http2ProtocolOptions{
			MaxConcurrentStreams: uint32Value(maxStreams), AllowConnect: true,
			InitialStreamWindowSize: uint32Value(streamWindow), InitialConnectionWindowSize: uint32Value(connectionWindow),
		},

		StreamIdleTimeout:     durationpb.New(streamIdle),
		RequestHeadersTimeout: durationpb.New(cmp.Or(chain.Client.HeadersTimeout, headersTimeout)),
		// No limit on a whole request: prompts and uploads are bounded by silence, not by size.
		RequestTimeout: durationpb.New(0),

		// The client address is that of the connection, unless proxies are trusted, and x-forwarded-for is appended to. No
		// address counts as internal, so x-envoy-* headers of clients are always removed.
		UseRemoteAddress:          boolTrue(),
		InternalAddressConfig:     nowhere(),
		ForwardClientCertDetails:  hcmv3.HttpConnectionManager_SANITIZE,
		PreserveExternalRequestId: true,

		// After all rules: a server header that is missing here was missing or removed on purpose.
		ServerHeaderTransformation: hcmv3.HttpConnectionManager_PASS_THROUGH,

		// "/a/../b" is resolved before matching, otherwise a path could walk around the rules of
		// its own prefix (RFC 3986 6.2.2). Repeated and escaped slashes are left alone: they are
		// data for some backends, and Gateway API compares paths as they are.
		NormalizePath:                boolTrue(),
		MergeSlashes:                 false,
		PathWithEscapedSlashesAction: hcmv3.HttpConnectionManager_KEEP_UNCHANGED,

		// "example.com." is "example.com". The port stays in the Host that the backend sees; the
		// scope key drops it.
		StripTrailingHostDot: true,
	}
	if err := trace(manager, chain.Tracing); err != nil {
		return nil, err
	}
	return manager, believeProxies(manager, chain.Client)
}

// believeProxies reads the address of the client from x-forwarded-for and keeps x-forwarded-proto, on connections that are
// those of trusted proxies. With ranges Envoy knows the address, and does not say it to backends: client.lua does.
func believeProxies(manager *hcmv3.HttpConnectionManager, client ir.Client) error {
	manager.XffNumTrustedHops = client.TrustedHops
	if len(client.TrustedCIDRs) == 0 {
		return nil
	}
	ranges, err := cidrRanges(client.TrustedCIDRs)
	if err != nil {
		return err
	}
	detection, err := extension("envoy.http.original_ip_detection.xff", &xffv3.XffConfig{
		XffTrustedCidrs: &xffv3.XffTrustedCidrs{Cidrs: ranges}, SkipXffAppend: wrapperspb.Bool(false),
	})
	manager.UseRemoteAddress = nil // Envoy takes one or the other
	manager.OriginalIpDetectionExtensions = []*corev3.TypedExtensionConfig{detection}
	return err
}

// nowhere is an address that no client has: an empty list would mean Envoy's default, all
// private networks, and so every client inside the cluster.
func nowhere() *hcmv3.HttpConnectionManager_InternalAddressConfig {
	return &hcmv3.HttpConnectionManager_InternalAddressConfig{CidrRanges: []*corev3.CidrRange{{
		AddressPrefix: "255.255.255.255", PrefixLen: uint32Value(32),
	}}}
}

// scopedRoutes finds the table of a request by (chain, host). All connection managers of a
// proxy share one set of scopes (envoy-propagation 2.7), hence the chain fragment.
func scopedRoutes() *hcmv3.HttpConnectionManager_ScopedRoutes {
	fragment := func(header, separator string) *hcmv3.ScopedRoutes_ScopeKeyBuilder_FragmentBuilder {
		return &hcmv3.ScopedRoutes_ScopeKeyBuilder_FragmentBuilder{
			Type: &hcmv3.ScopedRoutes_ScopeKeyBuilder_FragmentBuilder_HeaderValueExtractor_{
				HeaderValueExtractor: &hcmv3.ScopedRoutes_ScopeKeyBuilder_FragmentBuilder_HeaderValueExtractor{
					Name:             header,
					ElementSeparator: separator,
					ExtractType:      &hcmv3.ScopedRoutes_ScopeKeyBuilder_FragmentBuilder_HeaderValueExtractor_Index{},
				},
			},
		}
	}
	return &hcmv3.HttpConnectionManager_ScopedRoutes{ScopedRoutes: &hcmv3.ScopedRoutes{
		Name: "hosts",
		ScopeKeyBuilder: &hcmv3.ScopedRoutes_ScopeKeyBuilder{
			Fragments: []*hcmv3.ScopedRoutes_ScopeKeyBuilder_FragmentBuilder{
				fragment(ChainHeader, ""),
				fragment(HostHeader, ":"), // the first element: the host without its port
			},
		},
		RdsConfigSource: adsConfigSource(),
		ConfigSpecifier: &hcmv3.ScopedRoutes_ScopedRds{
			ScopedRds: &hcmv3.ScopedRds{ScopedRdsConfigSource: adsConfigSource()},
		},
	}}
}

// retryAfter is when a client may come back to a backend without an endpoint that takes
// connections, in seconds; as after a hold (scaler/hold.DefaultRetryAfter).
const retryAfter = "5"

// localReplies has the proxy say when to come back, where it answers 503 itself because the
// backend has no endpoint (UH) or none that takes a connection (UF, URX), or because no
// authorization service decides (UAEX). Answers of applications
// stay as they are. So where a body outgrows what is kept of it between two attempts, for which Envoy
// has 507: no endpoint took a connection.
//
// At the end of a request's time the answer is 504 (Gateway API, HTTPRouteTimeouts). Envoy says 408 while the
// client has not sent everything, which may be because nothing reads it. A client that never finished its
// headers has no path, and is told 408.
func localReplies() *hcmv3.LocalReplyConfig {
	path := &accesslogv3.AccessLogFilter{FilterSpecifier: &accesslogv3.AccessLogFilter_HeaderFilter{
		HeaderFilter: &accesslogv3.HeaderFilter{Header: &routev3.HeaderMatcher{
			Name: ":path", HeaderMatchSpecifier: &routev3.HeaderMatcher_PresentMatch{PresentMatch: true},
		}},
	}}
	again := []*corev3.HeaderValueOption{{
		Header:       &corev3.HeaderValue{Key: "retry-after", Value: retryAfter},
		AppendAction: corev3.HeaderValueOption_ADD_IF_ABSENT,
	}}
	return &hcmv3.LocalReplyConfig{Mappers: []*hcmv3.ResponseMapper{{
		Filter:       both(hasStatus(http.StatusServiceUnavailable, "kedify.unavailable"), hasFlag("UH", "UF", "URX", "UAEX")),
		HeadersToAdd: again,
	}, {
		// The first mapper that matches is the last one: a denial of an authorization service stays as it is.
		Filter: hasFlag("UAEX"),
	}, {
		Filter:       hasStatus(http.StatusInsufficientStorage, "kedify.outgrown"),
		StatusCode:   uint32Value(http.StatusServiceUnavailable),
		HeadersToAdd: again,
	}, {
		Filter:     both(hasStatus(http.StatusRequestTimeout, "kedify.timeout"), path),
		StatusCode: uint32Value(http.StatusGatewayTimeout),
	}}}
}

// hasFlag holds for answers with one of the response flags.
func hasFlag(flags ...string) *accesslogv3.AccessLogFilter {
	return &accesslogv3.AccessLogFilter{FilterSpecifier: &accesslogv3.AccessLogFilter_ResponseFlagFilter{
		ResponseFlagFilter: &accesslogv3.ResponseFlagFilter{Flags: flags},
	}}
}

func hasStatus(code uint32, runtimeKey string) *accesslogv3.AccessLogFilter {
	return &accesslogv3.AccessLogFilter{FilterSpecifier: &accesslogv3.AccessLogFilter_StatusCodeFilter{
		StatusCodeFilter: &accesslogv3.StatusCodeFilter{Comparison: &accesslogv3.ComparisonFilter{
			Op: accesslogv3.ComparisonFilter_EQ, Value: &corev3.RuntimeUInt32{DefaultValue: code, RuntimeKey: runtimeKey},
		}},
	}}
}

func both(one, other *accesslogv3.AccessLogFilter) *accesslogv3.AccessLogFilter {
	return &accesslogv3.AccessLogFilter{FilterSpecifier: &accesslogv3.AccessLogFilter_AndFilter{
		AndFilter: &accesslogv3.AndFilter{Filters: []*accesslogv3.AccessLogFilter{one, other}},
	}}
}
