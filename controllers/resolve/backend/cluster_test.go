package backend

import (
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
	"github.com/kedify/inference-gateway/xds/ir"
)

func TestClusterTLS(t *testing.T) {
	p := fixture.NewPair(t)
	ca := fixture.Authority("app", "ca", p.Certificate)
	names := `{hostname: a.org, wellKnownCACertificates: System, ` +
		`subjectAltNames: [{type: Hostname, hostname: B.org}, {type: URI, uri: "spiffe://c/d"}]}`
	tests := []struct {
		name      string
		key       ir.ClusterKey
		documents []string
		policy    string // in force
		check     func(*testing.T, resolve.ClusterResult)
	}{
		{name: "no policy", key: fixture.WebCluster(80), check: func(t *testing.T, c resolve.ClusterResult) {
			if c.Cluster.TLS != nil || len(c.Secrets) != 0 {
				t.Errorf("%+v", c)
			}
		}},
		{name: "whole Service", key: fixture.WebCluster(80), documents: []string{ca, fixture.Policy("p", fixture.WebTarget, fixture.CAReference)},
			policy: "p", check: func(t *testing.T, c resolve.ClusterResult) {
				tls := c.Cluster.TLS
				if tls.SNI != "web.example.com" || tls.CA != "ca/policy/app/p" || tls.Insecure || tls.SystemCA ||
					tls.Certificate != "cert" || len(tls.Names) != 0 {
					t.Errorf("%+v", tls)
				}
				if len(c.Secrets) != 1 || c.Secrets[0].Name != tls.CA || string(c.Secrets[0].CA) != string(p.Certificate) ||
					c.Secrets[0].Source.Kind != "BackendTLSPolicy" {
					t.Errorf("%+v", c.Secrets)
				}
			}},
		{name: "port beats Service, older or younger", key: fixture.WebCluster(443), policy: "b",
			documents: []string{ca, fixture.PolicyAt("a", "2020-01-01T00:00:00Z", fixture.WebTarget, fixture.CAReference),
				fixture.Policy("b", fixture.TLSTarget, names)},
			check: func(t *testing.T, c resolve.ClusterResult) {
				tls := c.Cluster.TLS
				if !tls.SystemCA || tls.CA != "" || len(c.Secrets) != 0 {
					t.Errorf("%+v", tls)
				}
				fixture.EqualSlices(t, "names", tls.Names, []ir.SubjectAltName{{Name: "b.org"}, {URI: true, Name: "spiffe://c/d"}})
			}},
		{name: "port of the policy only", key: fixture.WebCluster(80),
			documents: []string{ca, fixture.Policy("b", fixture.TLSTarget, fixture.CAReference)},
			check: func(t *testing.T, c resolve.ClusterResult) {
				if c.Cluster.TLS != nil {
					t.Errorf("%+v", c.Cluster.TLS)
				}
			}},
		{name: "older wins", key: fixture.WebCluster(80), policy: "z",
			documents: []string{ca, fixture.PolicyAt("a", "2026-01-02T00:00:00Z", fixture.WebTarget, names),
				fixture.PolicyAt("z", "2026-01-01T00:00:00Z", fixture.WebTarget, fixture.CAReference)}},
		{name: "without CA nothing is trusted", key: fixture.WebCluster(80), policy: "p",
			documents: []string{fixture.Policy("p", fixture.WebTarget, fixture.CAReference)}, check: trustsNothing},
		{name: "unknown set of CAs", key: fixture.WebCluster(80), policy: "p",
			documents: []string{fixture.Policy("p", fixture.WebTarget, "{hostname: a.org, wellKnownCACertificates: example.com/mine}")},
			check:     trustsNothing},
		{name: "gRPC has TLS too",
			key: ir.ClusterKey{Kind: ir.BackendService, Namespace: "app", Name: "web", Port: 80, Route: ir.RouteGRPC}, policy: "p",
			documents: []string{ca, fixture.Policy("p", fixture.WebTarget, fixture.CAReference)}},
		{name: "TCP is forwarded as it is",
			key:       ir.ClusterKey{Kind: ir.BackendService, Namespace: "app", Name: "web", Port: 80, Route: ir.RouteTCP},
			documents: []string{ca, fixture.Policy("p", fixture.WebTarget, fixture.CAReference)},
			check: func(t *testing.T, c resolve.ClusterResult) {
				if c.Cluster.TLS != nil || c.Cluster.Protocol != ir.TCPRaw {
					t.Errorf("%+v", c.Cluster)
				}
			}},
		{name: "terminated TLS",
			key: ir.ClusterKey{Kind: ir.BackendService, Namespace: "app", Name: "web", Port: 80, Route: ir.RouteTLS}, policy: "p",
			documents: []string{ca, fixture.Policy("p", fixture.WebTarget, fixture.CAReference)},
			check: func(t *testing.T, c resolve.ClusterResult) {
				if c.Cluster.TLS == nil || c.Cluster.Protocol != ir.TCPRaw {
					t.Errorf("%+v", c.Cluster)
				}
			}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			result := Cluster(fixture.Store(t, append(tt.documents, fixture.WebService)...).View(nil), tt.key, "cert")
			want := types.NamespacedName{}
			if tt.policy != "" {
				want = types.NamespacedName{Namespace: "app", Name: tt.policy}
			}
			if !result.Exists || result.Policy != want || result.Cluster.Key != tt.key {
				t.Fatalf("policy %v, want %v; %+v", result.Policy, want, result)
			}
			if tt.check != nil {
				tt.check(t, result)
			}
		})
	}
}

// trustsNothing fails unless connections of the cluster use TLS and cannot succeed.
func trustsNothing(t *testing.T, c resolve.ClusterResult) {
	t.Helper()
	tls := c.Cluster.TLS
	if tls == nil || tls.Insecure || tls.SystemCA || tls.CA == "" || len(c.Secrets) != 1 || tls.CA != c.Secrets[0].Name {
		t.Fatalf("%+v, secrets %+v", tls, c.Secrets)
	}
	block, _ := pem.Decode(c.Secrets[0].CA)
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil || !certificate.IsCA || certificate.Subject.CommonName != "nobody" {
		t.Errorf("CA %v, %v", certificate.Subject, err)
	}
}

func TestClusterProtocol(t *testing.T) {
	for _, tt := range []struct {
		port  uint32
		route ir.RouteProtocol
		want  ir.Protocol
	}{
		{80, "", ir.HTTP1}, {81, "", ir.HTTP2}, {82, "", ir.HTTP1}, {443, "", ir.HTTP1}, {90, "", ir.HTTP1},
		{80, ir.RouteGRPC, ir.HTTP2}, {81, ir.RouteGRPC, ir.HTTP2}, {80, ir.RouteTCP, ir.TCPRaw}, {53, ir.RouteUDP, ir.TCPRaw},
	} {
		key := fixture.WebCluster(tt.port)
		key.Route = tt.route
		if got := Cluster(fixture.Store(t, fixture.WebService).View(nil), key, ""); !got.Exists || got.Cluster.Protocol != tt.want {
			t.Errorf("%s: got %+v, want %s", key, got, tt.want)
		}
	}
	for _, key := range []ir.ClusterKey{fixture.WebCluster(99), fixture.WebCluster(53),
		{Kind: ir.BackendService, Namespace: "app", Name: "nope", Port: 80},
		{Kind: ir.BackendService, Namespace: "app", Name: "external", Port: 80}} {
		if got := Cluster(fixture.Store(t, fixture.WebService, fixture.ExternalService).View(nil), key, ""); got.Exists {
			t.Errorf("%s exists: %+v", key, got)
		}
	}
}

func TestPickerCluster(t *testing.T) {
	key := ir.ClusterKey{Kind: ir.BackendPicker, Namespace: "app", Name: "epp", Port: 9002}
	plain := Cluster(fixture.Store(t, fixture.PickerService).View(nil), key, "cert")
	if tls := plain.Cluster.TLS; tls == nil || !tls.Insecure || tls.Certificate != "cert" || plain.Cluster.Protocol != ir.HTTP2 {
		t.Errorf("%+v", plain.Cluster)
	}
	policy := fixture.Policy("p", `{group: "", kind: Service, name: epp}`, "{hostname: epp.app.svc, wellKnownCACertificates: System}")
	verified := Cluster(fixture.Store(t, fixture.PickerService, policy).View(nil), key, "cert")
	if tls := verified.Cluster.TLS; tls == nil || tls.Insecure || tls.SNI != "epp.app.svc" || verified.Policy.Name != "p" {
		t.Errorf("%+v", verified.Cluster.TLS)
	}
	clear := Cluster(fixture.Store(t, strings.Replace(fixture.PickerService, "targetPort", "appProtocol: kubernetes.io/h2c, targetPort",
		1)).View(nil), key, "cert")
	if clear.Cluster.TLS != nil {
		t.Errorf("%+v", clear.Cluster.TLS)
	}
}

// TestClusterNamesItsScaledObject: that of the trigger which the requests count for.
func TestClusterNamesItsScaledObject(t *testing.T) {
	scaler := `
kind: HTTPScaler
metadata: {name: web-http, namespace: app}
spec: {type: kedify-http, scaledObject: web, trigger: http}
`
	counted := fixture.WebCluster(80)
	counted.Demand = "web-http"
	other := fixture.WebCluster(80)
	other.Demand = "gone"
	view := fixture.Store(t, fixture.WebService, scaler).View(nil)
	for key, want := range map[ir.ClusterKey]string{counted: "web", other: "", fixture.WebCluster(80): ""} {
		if c := Cluster(view, key, ""); !c.Exists || c.Cluster.ScaledObject != want {
			t.Errorf("%s: %q, want %q", key, c.Cluster.ScaledObject, want)
		}
	}
}

// TestClusterCountsWork: for triggers that scale by it, by any of their metrics, and for no other.
func TestClusterCountsWork(t *testing.T) {
	rate := `{type: requestRate, target: 5, requestRate: {window: 1m, granularity: 1s}}`
	first := `{type: ttft, ttft: {target: 2s, quantile: "0.9", window: 1m}}`
	tokens := `{type: tokenRate, target: 3500, tokenRate: {window: 1m, outputTokenWeight: "7", cachedTokenWeight: "0.1", burstReserve: "1",
  burstHistory: 10m, backlogHorizon: 30s}}`
	for metrics, want := range map[string]bool{
		"metric: " + rate: false, "metric: " + tokens: true, "metric: " + first: true,
		"metric: " + rate + "\n  moreMetrics: [" + first + "]": true,
	} {
		scaler := `
kind: HTTPScaler
metadata: {name: web-http, namespace: app}
spec:
  type: kedify-http
  scaledObject: web
  trigger: http
  ` + metrics
		counted := fixture.WebCluster(80)
		counted.Demand = "web-http"
		view := fixture.Store(t, fixture.WebService, scaler).View(nil)
		if c := Cluster(view, counted, ""); c.Cluster.CountWork != want {
			t.Errorf("%s: %t", metrics, c.Cluster.CountWork)
		}
		if c := Cluster(view, fixture.WebCluster(80), ""); c.Cluster.CountWork {
			t.Errorf("%s: a cluster that counts for no trigger", metrics)
		}
	}
}
