package translate_test

import (
	"bufio"
	"cmp"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/proxytest"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/translate"
)

// authRound is how many requests of each kind a round has.
const authRound = 500

// costKind is a kind of requests, and what they cost in each round.
type costKind struct {
	name, host, path, body string
	without                string // at a listener without the filters whose names begin so
	kind                   string // of the body
	requests               int    // of a round; zero: authRound
	middle, cpu            []float64
}

// BenchmarkAuth prints what a request costs with and without an authorization service that answers at once: its time (p50), and the
// processor time of Envoy, in microseconds. Beside it, the cost of a request whose path a rule or a target rewrites. One iteration is a
// round of each kind, and the figures are the medians of all rounds.
func BenchmarkAuth(b *testing.B) {
	proxy, ports, set := proxytest.Start(b), map[string]int{}, &resource.Change{}
	for _, without := range []string{"", "authorization", "listener"} {
		ports[without] = proxytest.Port(b)
		set.Upsert = append(set.Upsert, costListener(b, ports[without], without))
	}
	web := costCluster(b, set, "web", ir.RouteHTTP, costServer(b))
	rewrite := &ir.Rewrite{Path: &ir.PathRewrite{Prefix: true, Value: "/new"}}
	routes := []ir.Route{
		route("none", prefix("/none"), to(web)),
		route("rewrite", prefix("/rewrite"), &ir.Forward{
			Targets: []ir.Target{{Cluster: web, Weight: 1}}, Filters: ir.Filters{Rewrite: rewrite},
		}),
		route("target-rewrite", prefix("/target"),
			&ir.Forward{Targets: []ir.Target{{Cluster: web, Weight: 1, Filters: ir.TargetFilters{Rewrite: rewrite}}}}),
	}
	filters := map[string]*ir.ListenerFilters{"": nil}
	for _, protocol := range authProtocols {
		service := proxytest.StartAuthorizer(b, protocol == "grpc")
		auth := ir.Auth{Cluster: costCluster(b, set, protocol, serviceRoute(protocol), service.Address)}
		filters[protocol] = &ir.ListenerFilters{Auths: []*ir.Auth{&auth}}
		body := auth
		body.MaxBody = 1 << 20
		routes = append(routes,
			route(protocol, prefix("/"+protocol), guarded(&auth, ir.Target{Cluster: web, Weight: 1})),
			route(protocol+"-body", prefix("/body/"+protocol), guarded(&body, ir.Target{Cluster: web, Weight: 1})))
	}
	for _, port := range ports {
		chain := strconv.Itoa(port)
		wild := ir.Wildcards{Chain: chain, Hosts: []ir.Host{{Chain: chain, Hostname: "*", Routes: routes}}}
		for protocol, of := range filters {
			scope, table, err := translate.Host(ir.Host{Chain: chain, Hostname: "exact" + protocol + ".test", Routes: routes, Filters: of})
			if err != nil {
				b.Fatal(err)
			}
			set.Upsert = append(set.Upsert, scope, table)
			wild.Hosts = append(wild.Hosts, ir.Host{Chain: chain, Hostname: "*." + protocol + ".wild", Routes: routes, Filters: of})
		}
		scope, table, err := translate.Wildcards(wild)
		if err != nil {
			b.Fatal(err)
		}
		set.Upsert = append(set.Upsert, scope, table)
	}
	proxy.Apply(*set)
	large := strings.Repeat("x", 64<<10)
	kinds := []*costKind{
		{name: "none", host: "exact.test", path: "/none"},
		{name: "http", host: "exact.test", path: "/http"},
		{name: "grpc", host: "exact.test", path: "/grpc"},
		{name: "none64k", host: "exact.test", path: "/none", body: large},
		{name: "http64k", host: "exact.test", path: "/body/http", body: large},
		{name: "grpc64k", host: "exact.test", path: "/body/grpc", body: large},
		{name: "rewrite", host: "exact.test", path: "/rewrite/a"},
		{name: "target-rewrite", host: "exact.test", path: "/target/a"},
		{name: "wild-none", host: "any.example", path: "/none"},
		{name: "wild-none-without", host: "any.example", path: "/none", without: "authorization"},
		{name: "wild-none-without-listener", host: "any.example", path: "/none", without: "listener"},
		{name: "none-without-listener", host: "exact.test", path: "/none", without: "listener"},
		{name: "wild-http", host: "any.example", path: "/http"},
		{name: "listener-http", host: "exacthttp.test", path: "/none"},
		{name: "listener-grpc", host: "exactgrpc.test", path: "/none"},
		{name: "listener-and-rule-http", host: "exacthttp.test", path: "/http"},
		{name: "wild-listener-http", host: "any.http.wild", path: "/none"},
	}
	for b.Loop() {
		for _, kind := range kinds {
			kind.round(b, ports[kind.without])
		}
	}
	b.ReportMetric(0, "ns/op")
	for _, kind := range kinds {
		b.ReportMetric(median(kind.middle), kind.name+"-p50-µs")
		b.ReportMetric(median(kind.cpu), kind.name+"-cpu-µs")
	}
}

// round sends requests one after the other on a connection.
func (k *costKind) round(b *testing.B, port int) {
	connection, err := net.Dial("tcp", local(uint32(port)))
	if err != nil {
		b.Fatal(err)
	}
	defer connection.Close()
	head := ""
	if k.kind != "" {
		head = "Content-Type: " + k.kind + "\r\n"
	}
	reader, request := bufio.NewReader(connection), fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\n%sContent-Length: %d\r\n\r\n%s",
		k.path, k.host, head, len(k.body), k.body)
	var took []float64
	requests := cmp.Or(k.requests, authRound)
	before := childrenCPU(b)
	for range requests {
		begun := time.Now()
		if _, err := connection.Write([]byte(request)); err != nil {
			b.Fatal(err)
		}
		response, err := http.ReadResponse(reader, nil)
		if err != nil || response.StatusCode != http.StatusOK {
			b.Fatalf("%s: %+v %v", k.name, response, err)
		}
		_ = response.Body.Close()
		took = append(took, float64(time.Since(begun).Microseconds()))
	}
	k.middle = append(k.middle, median(took))
	k.cpu = append(k.cpu, float64((childrenCPU(b)-before).Microseconds())/float64(requests))
}

func median(values []float64) float64 {
	values = slices.Sorted(slices.Values(values))
	return values[len(values)/2]
}

// childrenCPU is the processor time of the processes that this one has started.
func childrenCPU(b *testing.B) (total time.Duration) {
	for _, child := range children(b) {
		threads, _ := filepath.Glob("/proc/" + child + "/task/*/schedstat")
		for _, thread := range threads {
			text, _ := os.ReadFile(thread) // a thread may be gone
			nanoseconds, _, _ := strings.Cut(string(text), " ")
			used, _ := strconv.ParseInt(nanoseconds, 10, 64)
			total += time.Duration(used)
		}
	}
	return total
}

// children are the numbers of the processes that this one has started.
func children(b *testing.B) (numbers []string) {
	lists, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		b.Fatal(err)
	}
	for _, list := range lists {
		text, _ := os.ReadFile(list) // a thread may be gone
		numbers = append(numbers, strings.Fields(string(text))...)
	}
	return numbers
}

// costListener is a listener; without: its chain has no filter whose name begins so.
func costListener(b *testing.B, port int, without string) resource.Resource {
	return changedListener(b, port, func(filters []*hcmv3.HttpFilter) []*hcmv3.HttpFilter {
		return slices.DeleteFunc(filters, func(f *hcmv3.HttpFilter) bool { return without != "" && strings.HasPrefix(f.Name, without) })
	})
}

// changedListener is a listener whose chain has other filters.
func changedListener(b *testing.B, port int, change func([]*hcmv3.HttpFilter) []*hcmv3.HttpFilter) resource.Resource {
	made, err := translate.Listener(ir.Listener{Port: uint32(port), Transport: ir.TCP, Chains: []ir.Chain{{ID: strconv.Itoa(port)}}})
	if err != nil {
		b.Fatal(err)
	}
	listener, manager := &listenerv3.Listener{}, &hcmv3.HttpConnectionManager{}
	if err := proto.Unmarshal(made.Body, listener); err != nil {
		b.Fatal(err)
	}
	filter := listener.FilterChains[0].Filters[0]
	if err := filter.GetTypedConfig().UnmarshalTo(manager); err != nil {
		b.Fatal(err)
	}
	manager.HttpFilters = change(manager.HttpFilters)
	config, err := anypb.New(manager)
	if err != nil {
		b.Fatal(err)
	}
	filter.ConfigType = &listenerv3.Filter_TypedConfig{TypedConfig: config}
	made, err = resource.New(resource.Listener, made.Name, listener, nil)
	if err != nil {
		b.Fatal(err)
	}
	return made
}

func costCluster(b *testing.B, set *resource.Change, name string, route ir.RouteProtocol, address string) ir.ClusterKey {
	key, protocol := serviceKey(name), ir.HTTP1
	if key.Route = route; key.SpeaksGRPC() {
		protocol = ir.HTTP2
	}
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		b.Fatal(err)
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		b.Fatal(err)
	}
	cluster, err := translate.Cluster(ir.Cluster{Key: key, Protocol: protocol})
	endpoints, err2 := translate.Endpoints(ir.Endpoints{Key: key.Endpoints(), Addresses: []ir.Endpoint{{Address: host, Port: uint32(port)}}})
	if err != nil || err2 != nil {
		b.Fatal(err, err2)
	}
	set.Upsert = append(set.Upsert, cluster, endpoints)
	return key
}

// costServer is a backend that does nothing.
func costServer(b *testing.B) string {
	return handlingServer(b, func(http.ResponseWriter, *http.Request) {})
}

func handlingServer(b *testing.B, handler http.HandlerFunc) string {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	b.Cleanup(func() { _ = server.Close() })
	return listener.Addr().String()
}
