package docs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matchingv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/common/matching/v3"
	compositev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/composite/v3"
	extauthzv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_authz/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	localratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/local_ratelimit/v3"
	luav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/lua/v3"
	connectionlimitv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/connection_limit/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tcpproxyv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	udpproxyv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/udp/udp_proxy/v3"
	connectionsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/resource_monitors/downstream_connections/v3"
	httpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/controllers/infra"
	"github.com/kedify/inference-gateway/controllers/resolve/backend"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/hold"
	"github.com/kedify/inference-gateway/xds/bootstrap"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/pickerrelay"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/translate"
)

const limitsPage = "docs/limits.md"

// limitRow is a row with a default: the limit and its value.
var limitRow = regexp.MustCompile("(?m)^\\| ([^|]+) \\| `([^`|]+)` \\|")

// TestLimits: the defaults on the page of limits are those that Envoy is sent, and that the product has.
func TestLimits(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, limitsPage))
	if err != nil {
		t.Fatal(err)
	}
	_, numbers, _ := strings.Cut(string(text), "\n## Numbers\n")
	page := map[string]string{}
	for _, row := range limitRow.FindAllStringSubmatch(string(text), -1) {
		name := row[1]
		if strings.Contains(numbers, row[0]) {
			name = "number: " + name
		}
		if page[name] != "" {
			t.Errorf("%s has two rows %q", limitsPage, name)
		}
		page[name] = row[2]
	}
	for name, value := range defaults(t) {
		if page[name] != value {
			t.Errorf("%s says %q is %q, and it is %q", limitsPage, name, page[name], value)
		}
		delete(page, name)
	}
	for name := range page {
		t.Errorf("%s has a default of %q that is compared with nothing", limitsPage, name)
	}
}

// defaults are what the product renders and has, by the names of the page.
func defaults(t *testing.T) map[string]string {
	all := map[string]string{
		"the wait for a ready Pod":                                short(scaler.DefaultHoldTimeout),
		"memory of an Envoy":                                      fmt.Sprintf("%d GiB", infra.DefaultMemory>>30),
		"requests of an Envoy that stops":                         short(infra.DefaultDrainTimeout),
		"a waiting or maintenance page":                           constant(t, "controllers/scaledobject/plan/references.go", "maxPageBytes"),
		"number: attempts after the first, with `retry`":          constant(t, "controllers/resolve/route/rule.go", "defaultAttempts"),
		"number: held requests of a trigger":                      strconv.Itoa(scaler.DefaultMaxPending),
		"number: held requests of a replica of the control plane": strconv.Itoa(scaler.DefaultMaxTotal),

		"number: tokens of each kind that one answer says, of a trigger that scales by them": ofScript(t, "most"),
		"number: bytes of the object `usage` of an answer":                                   ofScript(t, "longest"),
	}
	listenerLimits(t, all)
	clusterLimits(t, all)
	ruleLimits(t, all)
	authLimits(t, all)
	modelLimits(t, all)
	proxyLimits(t, all)
	pickerLimits(all)
	return all
}

// ofScript is a number at the top of the script that reads answers.
func ofScript(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "xds/translate/usage/usage.lua"))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^local ` + name + ` = (\d+)`).FindSubmatch(text)
	if found == nil {
		t.Fatalf("usage.lua has no number %q", name)
	}
	return string(found[1])
}

func listenerLimits(t *testing.T, all map[string]string) {
	var listener listenerv3.Listener
	body(t, &listener)(translate.Listener(ir.Listener{Port: 80, Transport: ir.TCP, Chains: []ir.Chain{{ID: "80"}}}))
	var manager hcmv3.HttpConnectionManager
	unpack(t, listener.FilterChains[0].Filters[0].GetTypedConfig(), &manager)
	common := manager.CommonHttpProtocolOptions
	all["silence: nothing moves in either direction"] = short(manager.StreamIdleTimeout.AsDuration())
	all["the headers of a request, from the first byte on"] = short(manager.RequestHeadersTimeout.AsDuration())
	all["a client's connection without a request"] = short(common.IdleTimeout.AsDuration())
	all["a client that vanished, seen by TCP"] = short(vanished(listener.TcpKeepalive))
	all["headers of a request, with path and query"] = fmt.Sprintf("%d KiB", manager.MaxRequestHeadersKb.GetValue())
	all["the same, towards clients"] = fmt.Sprintf("%d KiB", listener.PerConnectionBufferLimitBytes.GetValue()>>10)
	all["what a client of HTTP/2 sends of a body before any of it is read"] =
		fmt.Sprintf("%d KiB", manager.Http2ProtocolOptions.InitialStreamWindowSize.GetValue()>>10)
	all["number: headers of a request"] = fmt.Sprint(common.MaxHeadersCount.GetValue())
	all["number: requests of a client's HTTP/2 connection at once"] = fmt.Sprint(manager.Http2ProtocolOptions.MaxConcurrentStreams.GetValue())
	var proxied listenerv3.Listener
	body(t, &proxied)(translate.Listener(ir.Listener{
		Port: 80, Transport: ir.TCP, ProxyProtocol: ir.RequiredProxyProtocol, Chains: []ir.Chain{{ID: "80"}},
	}))
	all["the PROXY header of a connection, with `client.proxyProtocol`, and the first message of TLS behind it"] =
		short(proxied.ListenerFiltersTimeout.AsDuration())
	for _, filter := range manager.HttpFilters {
		if filter.Name == "picker" {
			var wrapped matchingv3.ExtensionWithMatcher
			unpack(t, filter.GetTypedConfig(), &wrapped)
			var picker extprocv3.ExternalProcessor
			unpack(t, wrapped.ExtensionConfig.TypedConfig, &picker)
			all["the answer of a picker to the headers of an answer, with `\"0s\"` there"] = short(picker.MessageTimeout.AsDuration())
		}
	}
	forward := &ir.L4Forward{Targets: []ir.L4Target{{Cluster: web, Weight: 1}}}
	var tcp, udp listenerv3.Listener
	body(t, &tcp)(translate.Listener(ir.Listener{Port: 81, Transport: ir.TCP, Chains: []ir.Chain{{ID: "81", Forward: forward}}}))
	body(t, &udp)(translate.Listener(ir.Listener{Port: 81, Transport: ir.UDP, Chains: []ir.Chain{{ID: "81", Forward: forward}}}))
	var streams tcpproxyv3.TcpProxy
	unpack(t, tcp.FilterChains[0].Filters[0].GetTypedConfig(), &streams)
	var datagrams udpproxyv3.UdpProxyConfig
	unpack(t, udp.ListenerFilters[0].GetTypedConfig(), &datagrams)
	all["silence of a TCP or TLS route"] = short(streams.IdleTimeout.AsDuration())
	all["silence of a UDP session"] = short(datagrams.IdleTimeout.AsDuration())
	all["a datagram"] = fmt.Sprintf("%d B", udp.UdpListenerConfig.DownstreamSocketConfig.MaxRxDatagramSize.GetValue())
}

var web = ir.ClusterKey{Kind: ir.BackendService, Namespace: "shop", Name: "web", Port: 80}

func clusterLimits(t *testing.T, all map[string]string) {
	rendered := func(c ir.Cluster) (*clusterv3.Cluster, *corev3.HttpProtocolOptions) {
		cluster, options := &clusterv3.Cluster{}, &httpv3.HttpProtocolOptions{}
		body(t, cluster)(translate.Cluster(c))
		for _, packed := range cluster.TypedExtensionProtocolOptions {
			unpack(t, packed, options)
		}
		return cluster, options.CommonHttpProtocolOptions
	}
	cluster, common := rendered(ir.Cluster{Key: web, Protocol: ir.HTTP1})
	picker, _ := rendered(ir.Cluster{Key: ir.ClusterKey{Kind: ir.BackendPicker, Namespace: "shop", Name: "epp", Port: 9002},
		Protocol: ir.HTTP2})
	_, http2 := rendered(ir.Cluster{Key: web, Protocol: ir.HTTP2})
	all["connecting to an endpoint"] = short(cluster.ConnectTimeout.AsDuration())
	all["connecting to a picker or to the control plane"] = short(picker.ConnectTimeout.AsDuration())
	all["an endpoint's HTTP/1.1 connection without a request"] = short(common.IdleTimeout.AsDuration())
	all["an endpoint's HTTP/2 connection without a request"] = short(http2.IdleTimeout.AsDuration())
	all["an endpoint that vanished, seen by TCP"] = short(vanished(cluster.UpstreamConnectionOptions.TcpKeepalive))
	all["headers of an answer"] = fmt.Sprintf("%d KiB", common.MaxResponseHeadersKb.GetValue())
	all["number: headers of an answer"] = fmt.Sprint(common.MaxHeadersCount.GetValue())
	thresholds := cluster.CircuitBreakers.Thresholds[0]
	for _, threshold := range []*wrapperspb.UInt32Value{thresholds.MaxConnections, thresholds.MaxPendingRequests, thresholds.MaxRequests,
		thresholds.MaxRetries} {
		all["number: connections, requests and retries at a backend, at once"] = fmt.Sprint(threshold.GetValue())
		if threshold.GetValue() != thresholds.MaxRequests.GetValue() {
			t.Errorf("the thresholds differ: %v", thresholds)
		}
	}
	if cluster.PerConnectionBufferLimitBytes == nil { // Envoy's default
		all["what is kept of a body on its way, for each direction, towards endpoints"] = "1 MiB"
	}
}

func ruleLimits(t *testing.T, all map[string]string) {
	rendered := func(hold *ir.Hold, retry *ir.Retry) *routev3.Route {
		_, table, err := translate.Host(ir.Host{Chain: "80", Hostname: "a.test", Routes: []ir.Route{{
			Name: "rule", Match: ir.Match{Path: ir.PathMatch{Kind: ir.PathPrefix, Value: "/"}},
			Action: &ir.Forward{Targets: []ir.Target{{Cluster: web, Weight: 1, Hold: hold}}, Retry: retry},
		}}})
		config := &routev3.RouteConfiguration{}
		body(t, config)(table, err)
		return config.VirtualHosts[0].Routes[0]
	}
	plain, held := rendered(nil, nil), rendered(&ir.Hold{Cluster: web.HoldCluster(), Timeout: time.Minute}, nil)
	own := rendered(nil, &ir.Retry{Attempts: 1})
	ownHeld := rendered(&ir.Hold{Cluster: web.HoldCluster(), Timeout: time.Minute}, &ir.Retry{Attempts: 1})
	all["the same, of rules whose requests may be held"] = bytesOf(ownHeld)
	all["a body that `retry` of a rule or of the Gateway sends again"] = bytesOf(own)
	all["a body that is sent again to a Pod which takes no connection yet, of rules whose requests may be held"] = bytesOf(held)
	all["a body that is sent again to the ClusterIP, of other rules"] = bytesOf(plain)
	retries := func(r *routev3.Route) string { return fmt.Sprint(r.GetRoute().RetryPolicy.NumRetries.GetValue()) }
	all["number: attempts after the first, at a Pod that takes no connection, of rules whose requests may be held"] = retries(held)
	all["number: attempts after the first, at an endpoint that takes no connection, of other rules to Services"] = retries(plain)
	for name, route := range map[string]*routev3.Route{"plain": plain, "held": held} {
		if action := route.GetRoute(); action.Timeout.AsDuration() != 0 || action.MaxStreamDuration != nil || action.IdleTimeout != nil {
			t.Errorf("a %s rule has limits by itself: %v", name, action)
		}
	}
}

// pickerLimits are those of questions to endpoint pickers that Envoy does not have.
func pickerLimits(all map[string]string) {
	all["of the wait for a ready Pod, what an endpoint picker has to name the first Pod of its pool"] = short(hold.DefaultPickerWait)
	all["the answer of a picker, from the moment when it has the request, or does not take it; the same for the headers of an answer"] =
		short(backend.DefaultPickerTimeout)
	all["a request that is kept while its picker has it, of pools that fail open"] = fmt.Sprintf("%d MiB", pickerrelay.MaxKept>>20)
	all["all such requests of a proxy"] = fmt.Sprintf("%d MiB", pickerrelay.MaxKeptTotal>>20)
}

// authLimits are those of a question to an authorization service.
func authLimits(t *testing.T, all map[string]string) {
	rendered := func(auth *ir.Auth) *extauthzv3.ExtAuthz {
		_, table, err := translate.Host(ir.Host{Chain: "80", Hostname: "a.test", Routes: []ir.Route{{
			Name: "rule", Match: ir.Match{Path: ir.PathMatch{Kind: ir.PathPrefix, Value: "/"}},
			Action: &ir.Forward{Targets: []ir.Target{{Cluster: web, Weight: 1}}, Filters: ir.Filters{Auth: auth}},
		}}})
		config := &routev3.RouteConfiguration{}
		body(t, config)(table, err)
		var composite compositev3.CompositePerRoute
		unpack(t, config.VirtualHosts[0].Routes[0].TypedPerFilterConfig["authorization"], &composite)
		var action compositev3.ExecuteFilterAction
		packed := composite.Matcher.OnNoMatch.GetAction().TypedConfig
		unpack(t, packed, &action)
		filters := action.FilterChain.TypedConfig
		ask := &extauthzv3.ExtAuthz{}
		unpack(t, filters[len(filters)-1].TypedConfig, ask)
		return ask
	}
	over := web
	over.Route = ir.RouteGRPC
	http, grpc := rendered(&ir.Auth{Cluster: web}).GetHttpService(), rendered(&ir.Auth{Cluster: over}).GetGrpcService()
	const decision, attempts = "the decision of an [authorization service](external-auth.md)",
		"number: attempts after the first, at an authorization service that takes no connection"
	all[decision], all[attempts] = short(http.ServerUri.Timeout.AsDuration()), fmt.Sprint(http.RetryPolicy.NumRetries.GetValue())
	if got := short(grpc.Timeout.AsDuration()); got != all[decision] || fmt.Sprint(grpc.RetryPolicy.NumRetries.GetValue()) != all[attempts] {
		t.Errorf("over gRPC a decision takes %s, with other attempts than over HTTP", got)
	}
	all["the same, over gRPC"] = fmt.Sprintf("%d KiB", grpc.GetEnvoyGrpc().MaxReceiveMessageLength.GetValue()>>10)
}

// modelLimits are those of bodies that are read for their models.
func modelLimits(t *testing.T, all map[string]string) {
	_, table, err := translate.Host(ir.Host{Chain: "80", Hostname: "a.test", Routes: []ir.Route{{
		Name: "rule", Match: ir.Match{Path: ir.PathMatch{Kind: ir.PathPrefix, Value: "/"}, Model: ir.ModelMatch{Value: "m"}},
		Action: &ir.Respond{StatusCode: 200},
	}}})
	config := &routev3.RouteConfiguration{}
	body(t, config)(table, err)
	route := config.VirtualHosts[0].Routes[0]
	var script luav3.LuaPerRoute
	unpack(t, route.TypedPerFilterConfig["rematch"], &script)
	limit, share := script.FilterContext.Fields["limit"].GetNumberValue(), script.FilterContext.Fields["share"].GetNumberValue()
	all["a JSON body that is read for its model"] = bytesOf(route)
	all["a JSON body that is [read for its model](inference.md#route-by-the-model)"] =
		short(route.GetRoute().MaxStreamDuration.MaxStreamDuration.AsDuration())
	all["silence while it is read"] = short(route.GetRoute().IdleTimeout.AsDuration())
	all["number: bodies of the largest size that a worker reads for their models at once, in each chain"] = fmt.Sprint(share / limit)
	if limit != float64(route.RequestBodyBufferLimit.GetValue()) {
		t.Errorf("the script reads %v bytes, Envoy keeps %d", limit, route.RequestBodyBufferLimit.GetValue())
	}
}

func proxyLimits(t *testing.T, all map[string]string) {
	text, err := bootstrap.Render(bootstrap.Config{
		Gateway: ir.Key{Namespace: "shop", Name: "web"}, Directory: "/d", ServerAddress: "a", ServerPort: 1, ServerName: "a",
		CertificateDirectory: "/c", AdminSocket: "/s", MetricsPort: bootstrap.MetricsPort,
	})
	if err != nil {
		t.Fatal(err)
	}
	data, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	var config bootstrapv3.Bootstrap
	if err := protojson.Unmarshal(data, &config); err != nil {
		t.Fatal(err)
	}
	var connections connectionsv3.DownstreamConnectionsConfig
	unpack(t, config.OverloadManager.ResourceMonitors[0].GetTypedConfig(), &connections)
	product := config.LayeredRuntime.Layers[0].GetStaticLayer().Fields
	all["the answer of an authorization service over HTTP"] =
		fmt.Sprintf("%d KiB", int(product["http.async_response_buffer_limit"].GetNumberValue())>>10)
	all["number: clients' connections of a proxy"] = fmt.Sprint(connections.MaxActiveDownstreamConnections)
	scrapeLimits(t, &config, all)
}

func scrapeLimits(t *testing.T, config *bootstrapv3.Bootstrap, all map[string]string) {
	filters := config.StaticResources.Listeners[1].FilterChains[0].Filters
	var connections connectionlimitv3.ConnectionLimit
	unpack(t, filters[0].GetTypedConfig(), &connections)
	all["number: connections to the metrics of a proxy"] = fmt.Sprint(connections.MaxConnections.GetValue())
	var manager hcmv3.HttpConnectionManager
	unpack(t, filters[1].GetTypedConfig(), &manager)
	var rate localratelimitv3.LocalRateLimit
	unpack(t, manager.GetRouteConfig().VirtualHosts[0].Routes[0].TypedPerFilterConfig["envoy.filters.http.local_ratelimit"], &rate)
	bucket := func(b *typev3.TokenBucket) string {
		return fmt.Sprintf("%d, then one each %s", b.MaxTokens, short(b.FillInterval.AsDuration()))
	}
	all["number: scrapes of a proxy that begin together, of all clients"] = bucket(rate.TokenBucket)
	all["number: the same, of one address"] = bucket(rate.Descriptors[0].TokenBucket)
	all["number: scrapes of a proxy under way"] =
		fmt.Sprint(config.StaticResources.Clusters[1].CircuitBreakers.Thresholds[0].MaxConnections.GetValue())
}

// body reads the message of a rendered resource.
func body(t *testing.T, into proto.Message) func(resource.Resource, error) {
	return func(r resource.Resource, err error) {
		t.Helper()
		if err == nil {
			err = proto.Unmarshal(r.Body, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func unpack(t *testing.T, packed *anypb.Any, into proto.Message) {
	t.Helper()
	if err := packed.UnmarshalTo(into); err != nil {
		t.Fatal(err)
	}
}

// short is a duration without the units that are zero.
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// vanished is when TCP gives up a silent peer.
func vanished(k *corev3.TcpKeepalive) time.Duration {
	return time.Duration(k.KeepaliveTime.GetValue()+k.KeepaliveProbes.GetValue()*k.KeepaliveInterval.GetValue()) * time.Second
}

func bytesOf(r *routev3.Route) string {
	if n := r.RequestBodyBufferLimit.GetValue(); n >= 1<<20 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d KiB", r.RequestBodyBufferLimit.GetValue()>>10)
}

// constant is a number of the source that no package tells; one that is shifted is a size.
func constant(t *testing.T, file, name string) string {
	t.Helper()
	source, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^(?:const |\t)` + name + ` += (\d+)( << 10)?$`).FindSubmatch(source)
	switch {
	case found == nil:
		t.Fatalf("%s has no constant %s", file, name)
	case len(found[2]) > 0:
		return string(found[1]) + " KiB"
	}
	return string(found[1])
}
