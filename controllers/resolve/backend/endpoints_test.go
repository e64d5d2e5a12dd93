package backend

import (
	"strings"
	"testing"

	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
	"github.com/kedify/inference-gateway/xds/ir"
)

func podYAML(name, ip, labels, extra string) string {
	return "kind: Pod\nmetadata: {name: " + name + ", namespace: app, labels: {" + labels + "}" + extra + "}\n" +
		"status: {podIP: \"" + ip + "\", conditions: [{type: Ready, status: \"True\"}]}\n"
}

func TestServiceEndpoints(t *testing.T) {
	const plain = "{name: plain, port: 8080}"
	dualStack := strings.Replace(fixture.WebService, "clusterIP: 10.0.0.1", "clusterIP: 10.0.0.1\n  ipFamilies: [IPv6, IPv4]", 1)
	headless := strings.Replace(fixture.WebService, "10.0.0.1", "None", 1)
	tests := []struct {
		name    string
		service string // default: webService
		slices  []string
		port    uint32 // default: 80
		route   ir.RouteProtocol
		want    string
	}{
		{name: "sorted and once", slices: []string{
			fixture.EndpointSlice("b", "IPv4", plain, "{addresses: [10.0.1.9]}, {addresses: [10.0.1.1]}"),
			fixture.EndpointSlice("a", "IPv4", plain, "{addresses: [10.0.1.9]}")},
			want: "10.0.1.1 8080, 10.0.1.9 8080"},
		{name: "readiness", slices: []string{fixture.EndpointSlice("a", "IPv4", plain, `
			{addresses: [10.0.1.1], conditions: {ready: true}},
			{addresses: [10.0.1.2], conditions: {ready: false, serving: true, terminating: true}},
			{addresses: [10.0.1.3], conditions: {ready: false}},
			{addresses: [10.0.1.4], conditions: {ready: true, terminating: true}},
			{addresses: [10.0.1.5], conditions: {}}`)},
			want: "10.0.1.1 8080, 10.0.1.5 8080"},
		{name: "port by name, number by slice", slices: []string{
			fixture.EndpointSlice("a", "IPv4", "{name: plain, port: 8080}, {name: h2c, port: 9090}", "{addresses: [10.0.1.1]}"),
			fixture.EndpointSlice("b", "IPv4", "{name: plain, port: 8081}", "{addresses: [10.0.1.2]}")},
			want: "10.0.1.1 8080, 10.0.1.2 8081"},
		{name: "port that no slice has", port: 443, slices: []string{fixture.EndpointSlice("a", "IPv4", plain, "{addresses: [10.0.1.1]}")}},
		{name: "port without number", slices: []string{fixture.EndpointSlice("a", "IPv4", "{name: plain}", "{addresses: [10.0.1.1]}")}},
		{name: "IPv6 alone",
			slices: []string{fixture.EndpointSlice("a", "IPv6", plain, `{addresses: ["fd00::1"]}`), fixture.EndpointSlice("b", "IPv4", plain, "")},
			want:   "fd00::1 8080"},
		{name: "both families of one pod", slices: []string{fixture.EndpointSlice("a", "IPv6", plain, `{addresses: ["fd00::1"]}`),
			fixture.EndpointSlice("b", "IPv4", plain, "{addresses: [10.0.1.1]}")},
			want: "10.0.1.1 8080"},
		{name: "both families, IPv6 first", service: dualStack,
			slices: []string{fixture.EndpointSlice("a", "IPv6", plain, `{addresses: ["fd00::1"]}`),
				fixture.EndpointSlice("b", "IPv4", plain, "{addresses: [10.0.1.1]}")},
			want: "fd00::1 8080"},
		{name: "names are no addresses", slices: []string{fixture.EndpointSlice("a", "FQDN", plain, "{addresses: [example.com]}")}},
		{name: "headless", service: headless,
			slices: []string{fixture.EndpointSlice("a", "IPv4", plain, "{addresses: [10.0.1.1]}")}, want: "10.0.1.1 8080"},
		{name: "ExternalName", service: strings.Replace(fixture.ExternalService, "external", "web", 1),
			slices: []string{fixture.EndpointSlice("a", "IPv4", plain, "{addresses: [10.0.1.1]}")}},
		{name: "gRPC shares endpoints", route: ir.RouteGRPC,
			slices: []string{fixture.EndpointSlice("a", "IPv4", plain, "{addresses: [10.0.1.1]}")}, want: "10.0.1.1 8080"},
		{name: "UDP", route: ir.RouteUDP, port: 53, slices: []string{fixture.EndpointSlice("a", "IPv4",
			"{name: datagram, port: 5353, protocol: UDP}, {name: plain, port: 8080}", "{addresses: [10.0.1.1]}")}, want: "10.0.1.1 5353"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.service == "" {
				tt.service = fixture.WebService
			}
			if tt.port == 0 {
				tt.port = 80
			}
			key := ir.ClusterKey{Kind: ir.BackendService, Namespace: "app", Name: "web", Port: tt.port, Route: tt.route}
			for i := range tt.slices {
				tt.slices[i] = strings.ReplaceAll(tt.slices[i], "\t", " ")
			}
			got := Endpoints(fixture.Store(t, append(tt.slices, tt.service)...).View(nil), key)
			if fixture.EndpointWords(got) != tt.want {
				t.Errorf("got %s, want %s", fixture.EndpointWords(got), tt.want)
			}
			if got.Key != key.Endpoints() {
				t.Errorf("key %v, want %v", got.Key, key.Endpoints())
			}
		})
	}
}

// TestG14PodsThatLeave: where a Service has no Pod that is ready, those that terminate and still serve
// take the requests, as with kube-proxy. A trigger holds them instead, and a picker that ends loses them.
func TestG14PodsThatLeave(t *testing.T) {
	const (
		plain   = "{name: plain, port: 8080}"
		leaves  = "{addresses: [10.0.1.2], conditions: {ready: false, serving: true, terminating: true}}"
		leaves2 = "{addresses: [10.0.1.3], conditions: {ready: false, serving: true, terminating: true}}"
		scaler  = "kind: HTTPScaler\nmetadata: {name: web, namespace: app}\nspec: {type: kedify-http, backend: {service: web, port: %s}}\n"
	)
	web := fixture.WebCluster(80)
	picker := web
	picker.Kind = ir.BackendPicker
	one := func(endpoints string) []string { return []string{fixture.EndpointSlice("a", "IPv4", plain, endpoints)} }
	for _, tt := range []struct {
		name      string
		key       ir.ClusterKey
		documents []string
		want      string
	}{
		{"the only one", web, one(leaves), "10.0.1.2 8080"},
		{"all leave", web, one(leaves + ", " + leaves2), "10.0.1.2 8080, 10.0.1.3 8080"},
		{"another is ready", web, one(leaves + ", {addresses: [10.0.1.1]}"), "10.0.1.1 8080"},
		{"another is ready, in another slice", web,
			append(one(leaves), fixture.EndpointSlice("b", "IPv4", plain, "{addresses: [10.0.1.1]}")), "10.0.1.1 8080"},
		{"another is ready, of another family", web,
			append(one(leaves), fixture.EndpointSlice("b", "IPv6", plain, `{addresses: ["fd00::1"]}`)), "fd00::1 8080"},
		{"does not serve any more", web, one("{addresses: [10.0.1.2], conditions: {ready: false, serving: false, terminating: true}}"), ""},
		{"not known to serve", web, one("{addresses: [10.0.1.2], conditions: {ready: false, terminating: true}}"), ""},
		{"not ready and does not leave", web, one("{addresses: [10.0.1.2], conditions: {ready: false, serving: true}}"), ""},
		{"ready in spite of it", web,
			one("{addresses: [10.0.1.2], conditions: {ready: true, serving: true, terminating: true}}"), "10.0.1.2 8080"},
		{"a trigger", web, append(one(leaves), strings.ReplaceAll(scaler, "%s", "80")), ""},
		{"a trigger of another port", web, append(one(leaves), strings.ReplaceAll(scaler, "%s", "81")), "10.0.1.2 8080"},
		{"a picker", picker, one(leaves), ""},
		{"a hold cluster", web.HoldCluster(), one(leaves), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := Endpoints(fixture.Store(t, append(tt.documents, fixture.WebService)...).View(nil), tt.key)
			if fixture.EndpointWords(got) != tt.want {
				t.Errorf("got %s, want %s", fixture.EndpointWords(got), tt.want)
			}
		})
	}
}

func TestPoolEndpoints(t *testing.T) {
	pool := strings.Replace(fixture.ChatPool, "[{number: 8000}]", "[{number: 8000}, {number: 8001}]", 1)
	v := fixture.Store(t, pool,
		podYAML("a", "10.0.2.2", "app: vllm", ""),
		podYAML("b", "10.0.2.1", "app: vllm, extra: x", ""),
		podYAML("other", "10.0.2.3", "app: other", ""),
		podYAML("leaving", "10.0.2.4", "app: vllm", `, deletionTimestamp: "2026-01-01T00:00:00Z"`),
		podYAML("pending", "", "app: vllm", ""),
		strings.Replace(podYAML("unready", "10.0.2.5", "app: vllm", ""), "\"True\"", "\"False\"", 1),
		strings.Replace(podYAML("elsewhere", "10.0.2.6", "app: vllm", ""), "namespace: app", "namespace: other", 1),
	).View(nil)
	got := Endpoints(v, ir.ClusterKey{Kind: ir.BackendPool, Namespace: "app", Name: "chat"})
	if want := "10.0.2.1 8000, 10.0.2.1 8001, 10.0.2.2 8000, 10.0.2.2 8001"; fixture.EndpointWords(got) != want {
		t.Errorf("got %s, want %s", fixture.EndpointWords(got), want)
	}
	if got := Endpoints(v, ir.ClusterKey{Kind: ir.BackendPool, Namespace: "app", Name: "nope"}); len(got.Addresses) != 0 {
		t.Errorf("a pool that does not exist has endpoints %v", got)
	}
}

// The ClusterIP stands in for the Pods of a Service, where it leads to them and not past the control
// plane: never without a Pod, nor where a picker chooses.
func TestClusterIP(t *testing.T) {
	const plain = "{name: plain, port: 8080}"
	pod4 := fixture.EndpointSlice("a", "IPv4", plain, "{addresses: [10.0.1.1]}")
	pod6 := fixture.EndpointSlice("b", "IPv6", plain, `{addresses: ["fd00::1"]}`)
	with := func(fields string) string {
		return strings.Replace(fixture.WebService, "clusterIP: 10.0.0.1", fields, 1)
	}
	web := fixture.WebCluster(80)
	key := func(change func(*ir.ClusterKey)) ir.ClusterKey {
		changed := web
		change(&changed)
		return changed
	}
	for _, tt := range []struct {
		name      string
		key       ir.ClusterKey
		documents []string
		want      string // "": none
	}{
		{name: "Pods", key: web, documents: []string{fixture.WebService, pod4}, want: "10.0.0.1:80"},
		{name: "gRPC shares it", key: key(func(k *ir.ClusterKey) { k.Route = ir.RouteGRPC }),
			documents: []string{fixture.WebService, pod4}, want: "10.0.0.1:80"},
		{name: "the family of the Pods", key: web, want: "[fd00:1::1]:80",
			documents: []string{with("clusterIP: 10.0.0.1\n  clusterIPs: [10.0.0.1, \"fd00:1::1\"]"), pod6}},
		{name: "no address of the family of the Pods", key: web, documents: []string{fixture.WebService, pod6}},
		{name: "no Pod", key: web, documents: []string{fixture.WebService, fixture.EndpointSlice("a", "IPv4", plain, "")}},
		{name: "headless", key: web, documents: []string{with("clusterIP: None"), pod4}},
		{name: "no address yet", key: web, documents: []string{with("type: ClusterIP"), pod4}},
		{name: "UDP", key: key(func(k *ir.ClusterKey) { k.Route, k.Port = ir.RouteUDP, 53 }), documents: []string{fixture.WebService,
			fixture.EndpointSlice("a", "IPv4", "{name: datagram, port: 5353, protocol: UDP}", "{addresses: [10.0.1.1]}")}},
		{name: "a picker", key: key(func(k *ir.ClusterKey) { k.Kind = ir.BackendPicker }), documents: []string{fixture.WebService, pod4}},
		{name: "a hold cluster", key: web.HoldCluster(), documents: []string{fixture.WebService, pod4}},
		{name: "a pool", key: ir.ClusterKey{Kind: ir.BackendPool, Namespace: "app", Name: "chat"},
			documents: []string{fixture.ChatPool, podYAML("a", "10.0.2.2", "app: vllm", "")}},
		{name: "Pods of one node alone", key: web, documents: []string{with("clusterIP: 10.0.0.1\n  internalTrafficPolicy: Local"), pod4}},
		{name: "a Service that the product made", key: web, documents: []string{
			strings.Replace(fixture.WebService, "name: web", "name: web, labels: {app.kubernetes.io/managed-by: kedify-gateway}", 1), pod4}},
		{name: "a Service that selects proxies", key: web,
			documents: []string{with("clusterIP: 10.0.0.1\n  selector: {app.kubernetes.io/managed-by: kedify-gateway}"), pod4}},
		{name: "a Service with slices of the product", key: web, documents: []string{fixture.WebService,
			strings.Replace(pod4, "kubernetes.io/service-name: web",
				"kubernetes.io/service-name: web, endpointslice.kubernetes.io/managed-by: kedify-gateway", 1)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := Endpoints(fixture.Store(t, tt.documents...).View(nil), tt.key)
			if text := got.ClusterIP.String(); tt.want != "" && text != tt.want || tt.want == "" && got.ClusterIP != (ir.Endpoint{}) {
				t.Errorf("got %s, want %q", text, tt.want)
			}
		})
	}
}

// A UDP port and a TCP port of one number have their own endpoints.
func TestEndpointsOfRouteProtocols(t *testing.T) {
	key := ir.ClusterKey{Kind: ir.BackendService, Namespace: "app", Name: "dns", Port: 53}
	udp := key
	udp.Route = ir.RouteUDP
	if udp.Endpoints() == key.Endpoints() {
		t.Error("UDP and TCP share their endpoints")
	}
	for _, protocol := range []ir.RouteProtocol{ir.RouteGRPC, ir.RouteTCP, ir.RouteTLS} {
		other := key
		other.Route = protocol
		if other.Endpoints() != key {
			t.Errorf("%s has endpoints of its own", protocol)
		}
	}
}
