package hold_test

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"google.golang.org/protobuf/proto"

	"github.com/kedify/inference-gateway/scaler/hold"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
	"github.com/kedify/inference-gateway/xds/translate"
)

// What is read from the encoding of a cluster is what decoding it says.
func FuzzReadCluster(f *testing.F) {
	counting := service()
	counting.Demand = "web-0"
	for _, key := range []ir.ClusterKey{service(), counting, service().HoldCluster()} {
		made, err := translate.Cluster(ir.Cluster{Key: key, Protocol: ir.HTTP1})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(made.Body)
	}
	f.Add([]byte{0x1a, 0x80})
	f.Add([]byte{0xe2, 0x01, 0x0c, 'd', 'e', 'm', 'a', 'n', 'd', '/', 'a', '/', 'b', '/', 'c', '/'})
	f.Fuzz(func(t *testing.T, body []byte) {
		endpoints, demand, ok := hold.ReadCluster(&resource.Resource{Key: resource.Key{Type: resource.Cluster, Name: "own"}, Body: body})
		decoded := &clusterv3.Cluster{}
		if proto.Unmarshal(body, decoded) != nil {
			return // it must not panic, no more
		}
		text, counts := strings.CutPrefix(decoded.GetAltStatName(), translate.DemandPrefix)
		want := types.NamespacedName{}
		if counts {
			want = hold.ParseKey(text)
		}
		if ok != (want != types.NamespacedName{}) || demand != want {
			t.Errorf("demand %v %t of %q", demand, ok, decoded.GetAltStatName())
		}
		wantEndpoints := "own"
		if name := decoded.GetEdsClusterConfig().GetServiceName(); name != "" {
			wantEndpoints = name
		}
		if endpoints != wantEndpoints {
			t.Errorf("endpoints %q, want %q", endpoints, wantEndpoints)
		}
	})
}

// Two names, and nothing else, make a demand key.
func FuzzParseKey(f *testing.F) {
	for _, text := range []string{"", "/", "a/b", "a/b/c", "a/", "/b", "ns/web-0"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		key := hold.ParseKey(text)
		parts := strings.Split(text, "/")
		valid := len(parts) == 2 && parts[0] != "" && parts[1] != ""
		if valid != (key != types.NamespacedName{}) || valid && key.String() != text {
			t.Errorf("%q is %v", text, key)
		}
	})
}

// Addresses are sorted, each once, and none is lost.
func FuzzReadAssignment(f *testing.F) {
	for _, ports := range [][]uint32{nil, {1}, {2, 1, 2}} {
		f.Add(deltatest.Endpoints(f, "x", ports...).Body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		addresses, err := hold.ReadAssignment(resource.Resource{Body: body})
		decoded := &endpointv3.ClusterLoadAssignment{}
		if decodes := proto.Unmarshal(body, decoded) == nil; decodes != (err == nil) {
			t.Fatalf("error %v", err)
		}
		if err != nil {
			return
		}
		some := false
		for _, group := range decoded.GetEndpoints() {
			some = some || len(group.GetLbEndpoints()) > 0
		}
		if some != (len(addresses) > 0) || !slices.IsSorted(addresses) || len(slices.Compact(slices.Clone(addresses))) != len(addresses) {
			t.Errorf("addresses %q", addresses)
		}
	})
}

// No header makes a page out of a call or a call out of a page.
func FuzzHead(f *testing.F) {
	f.Add("GET", "/a?b", "text/html", "navigate", "", "")
	f.Add("POST", "/a/b", "*/*", "", "1", "application/grpc+proto")
	f.Add("HEAD", "?", "TEXT/HTML", "NAVIGATE", "1", "application/grpcx")
	f.Fuzz(func(t *testing.T, method, path, accept, mode, up, contentType string) {
		headers := &corev3.HeaderMap{}
		for name, value := range map[string]string{
			":method": method, ":path": path, "accept": accept, "sec-fetch-mode": mode, "upgrade-insecure-requests": up, "content-type": contentType,
		} {
			headers.Headers = append(headers.Headers, &corev3.HeaderValue{Key: name, RawValue: []byte(value)})
		}
		got, navigation, grpc := hold.Head(headers)
		if strings.Contains(got, "?") || !strings.HasPrefix(path, got) {
			t.Errorf("path %q of %q", got, path)
		}
		if navigation && method != "GET" && method != "HEAD" {
			t.Errorf("%s is a navigation", method)
		}
		if grpc && !strings.HasPrefix(strings.ToLower(contentType), "application/grpc") {
			t.Errorf("%q is gRPC", contentType)
		}
	})
}

// Whatever addresses there are, priorities begin at 0 and have no gaps.
func FuzzAddresses(f *testing.F) {
	f.Add("10.0.0.1:1", "10.0.0.2:1,10.0.0.3:1")
	f.Add("", "[::1]:2,:3,x")
	f.Add("host:70000", "")
	f.Fuzz(func(t *testing.T, own, others string) {
		for priority, count := range hold.Groups(hold.Addresses{Own: own, Others: strings.Split(others, ",")}) {
			if count == 0 {
				t.Errorf("nobody has priority %d", priority)
			}
		}
	})
}
