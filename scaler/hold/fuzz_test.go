package hold_test

import (
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"google.golang.org/protobuf/proto"

	"github.com/kedify/inference-gateway/scaler/hold"
	"github.com/kedify/inference-gateway/xds/translate"
)

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

// With any addresses, what proxies are told has a host and a port, and priorities begin at
// 0 and have no gaps.
func FuzzAddresses(f *testing.F) {
	f.Add("10.0.0.1:1", "10.0.0.2:1,10.0.0.3:1")
	f.Add("", "[::1]:2,:3,x")
	f.Add("host:70000", "")
	f.Fuzz(func(t *testing.T, own, others string) {
		made, err := translate.PrioritizedEndpoints(service().HoldCluster(),
			hold.Priorities(hold.Addresses{Own: own, Others: strings.Split(others, ",")})...)
		if err != nil {
			return // a host that is no UTF-8
		}
		assignment := &endpointv3.ClusterLoadAssignment{}
		if err := proto.Unmarshal(made.Body, assignment); err != nil {
			t.Fatal(err)
		}
		for i, group := range assignment.GetEndpoints() {
			if group.GetPriority() != uint32(i) || len(group.GetLbEndpoints()) == 0 {
				t.Errorf("group %d: priority %d, %d endpoints", i, group.GetPriority(), len(group.GetLbEndpoints()))
			}
			for _, endpoint := range group.GetLbEndpoints() {
				if at := endpoint.GetEndpoint().GetAddress().GetSocketAddress(); at.GetAddress() == "" || at.GetPortValue() > 65535 {
					t.Errorf("address %v", at)
				}
			}
		}
	})
}
