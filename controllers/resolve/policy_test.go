package resolve

import (
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/xds/ir"
)

const (
	webTarget   = `{group: "", kind: Service, name: web}`
	tlsTarget   = `{group: "", kind: Service, name: web, sectionName: tls}`
	caReference = `{hostname: Web.example.com, caCertificateRefs: [{group: "", kind: ConfigMap, name: ca}]}`
)

func webCluster(port uint32) ir.ClusterKey {
	return ir.ClusterKey{Kind: ir.BackendService, Namespace: "app", Name: "web", Port: port}
}

func TestPolicyConditions(t *testing.T) {
	ca := authority("app", "ca", newPair(t).certificate)
	const accepted = "Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs"
	tests := []struct {
		name       string
		policy     string
		documents  []string
		conditions string
		message    string
	}{
		{name: "CA", policy: policyYAML("p", webTarget, caReference), documents: []string{ca}, conditions: accepted},
		{name: "CA in a Secret", policy: policyYAML("p", webTarget, `{hostname: a.org, caCertificateRefs: [{group: "", kind: Secret, name: ca}]}`),
			documents: []string{strings.Replace(secret("app", "ca", newPair(t)), "tls.crt", "ca.crt", 1)}, conditions: accepted},
		{name: "system", policy: policyYAML("p", webTarget, "{hostname: a.org, wellKnownCACertificates: System}"), conditions: accepted},
		{name: "well known of others", policy: policyYAML("p", webTarget, "{hostname: a.org, wellKnownCACertificates: example.com/mine}"),
			conditions: "Accepted=False/Invalid ResolvedRefs=True/ResolvedRefs", message: "wellKnownCACertificates"},
		{name: "no ConfigMap", policy: policyYAML("p", webTarget, caReference),
			conditions: "Accepted=False/NoValidCACertificate ResolvedRefs=False/InvalidCACertificateRef", message: "caCertificateRefs[0]: ConfigMap app/ca does not exist"},
		{name: "ConfigMap without key", policy: policyYAML("p", webTarget, caReference), documents: []string{"kind: ConfigMap\nmetadata: {name: ca, namespace: app}"},
			conditions: "Accepted=False/NoValidCACertificate ResolvedRefs=False/InvalidCACertificateRef", message: "has no key ca.crt"},
		{name: "no PEM", policy: policyYAML("p", webTarget, caReference), documents: []string{authority("app", "ca", []byte("hello"))},
			conditions: "Accepted=False/NoValidCACertificate ResolvedRefs=False/InvalidCACertificateRef", message: "ca.crt of ConfigMap app/ca"},
		{name: "kind", policy: policyYAML("p", webTarget, "{hostname: a.org, caCertificateRefs: [{group: x.org, kind: Key, name: ca}]}"),
			conditions: "Accepted=False/NoValidCACertificate ResolvedRefs=False/InvalidKind", message: `kind "Key" of group "x.org"`},
		{name: "one of two", policy: policyYAML("p", webTarget, `{hostname: a.org, caCertificateRefs: [{group: "", kind: ConfigMap, name: nope}, {group: "", kind: ConfigMap, name: ca}]}`), documents: []string{ca},
			conditions: "Accepted=True/Accepted ResolvedRefs=False/InvalidCACertificateRef", message: "caCertificateRefs[0]"},
		{name: "no Service", policy: policyYAML("p", `{group: "", kind: Service, name: nope}`, caReference), documents: []string{ca},
			conditions: "Accepted=False/TargetNotFound ResolvedRefs=True/ResolvedRefs", message: "spec.targetRefs[0]: Service app/nope does not exist"},
		{name: "no such port", policy: policyYAML("p", `{group: "", kind: Service, name: web, sectionName: nope}`, caReference), documents: []string{ca},
			conditions: "Accepted=False/TargetNotFound ResolvedRefs=True/ResolvedRefs", message: `no port with name "nope"`},
		{name: "target of another kind", policy: policyYAML("p", `{group: apps, kind: Deployment, name: web}`, caReference), documents: []string{ca},
			conditions: "Accepted=False/Invalid ResolvedRefs=True/ResolvedRefs", message: "use a Service"},
		{name: "older one has the target", policy: policyAt("a", "2026-01-02T00:00:00Z", webTarget, caReference),
			documents:  []string{ca, policyAt("z", "2026-01-01T00:00:00Z", webTarget, caReference)},
			conditions: "Accepted=False/Conflicted ResolvedRefs=True/ResolvedRefs", message: "BackendTLSPolicy app/z has the same target"},
		{name: "first by name has the target", policy: policyYAML("b", tlsTarget, caReference), documents: []string{ca, policyYAML("a", tlsTarget, caReference)},
			conditions: "Accepted=False/Conflicted ResolvedRefs=True/ResolvedRefs", message: "app/a"},
		{name: "younger one has the target", policy: policyYAML("a", webTarget, caReference), documents: []string{ca, policyYAML("b", webTarget, caReference)}, conditions: accepted},
		{name: "port and whole Service", policy: policyYAML("b", tlsTarget, caReference), documents: []string{ca, policyYAML("a", webTarget, caReference)}, conditions: accepted},
		{name: "unknown option of ours", policy: policyYAML("p", webTarget, caReference) + "  options: {gateway.kedify.io/x: y}\n", documents: []string{ca},
			conditions: "Accepted=False/Invalid ResolvedRefs=True/ResolvedRefs", message: `"gateway.kedify.io/x"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := storeOf(t, append(tt.documents, webService, tt.policy)...)
			name := strings.Fields(strings.ReplaceAll(tt.policy, ",", " "))[4]
			statuses := PolicyStatus(s.View(nil), types.NamespacedName{Namespace: "app", Name: name}, []types.NamespacedName{gatewayKey})
			if len(statuses) != 1 {
				t.Fatalf("%d ancestors", len(statuses))
			}
			conditions := statuses[0].Conditions
			if got := summary(conditions); got != tt.conditions {
				t.Errorf("conditions %s, want %s", got, tt.conditions)
			}
			if all := messageOf(conditions, "Accepted") + messageOf(conditions, "ResolvedRefs"); !strings.Contains(all, tt.message) {
				t.Errorf("messages %q, want %q in them", all, tt.message)
			}
			ref := statuses[0].AncestorRef
			if *ref.Kind != "Gateway" || string(*ref.Namespace) != "infra" || ref.Name != "gw" {
				t.Errorf("ancestor %+v", ref)
			}
			for _, c := range conditions {
				if c.ObservedGeneration != 5 {
					t.Errorf("%s has generation %d", c.Type, c.ObservedGeneration)
				}
			}
		})
	}
	if got := PolicyStatus(storeOf(t).View(nil), types.NamespacedName{Namespace: "app", Name: "p"}, []types.NamespacedName{gatewayKey}); got != nil {
		t.Errorf("a policy that does not exist has a status: %+v", got)
	}
}

func TestClusterTLS(t *testing.T) {
	p := newPair(t)
	ca := authority("app", "ca", p.certificate)
	names := `{hostname: a.org, wellKnownCACertificates: System, subjectAltNames: [{type: Hostname, hostname: B.org}, {type: URI, uri: "spiffe://c/d"}]}`
	tests := []struct {
		name      string
		key       ir.ClusterKey
		documents []string
		policy    string // in force
		check     func(*testing.T, ClusterResult)
	}{
		{name: "no policy", key: webCluster(80), check: func(t *testing.T, c ClusterResult) {
			if c.Cluster.TLS != nil || len(c.Secrets) != 0 {
				t.Errorf("%+v", c)
			}
		}},
		{name: "whole Service", key: webCluster(80), documents: []string{ca, policyYAML("p", webTarget, caReference)}, policy: "p", check: func(t *testing.T, c ClusterResult) {
			tls := c.Cluster.TLS
			if tls.SNI != "web.example.com" || tls.CA != "ca/policy/app/p" || tls.Insecure || tls.SystemCA || tls.Certificate != "cert" || len(tls.Names) != 0 {
				t.Errorf("%+v", tls)
			}
			if len(c.Secrets) != 1 || c.Secrets[0].Name != tls.CA || string(c.Secrets[0].CA) != string(p.certificate) || c.Secrets[0].Source.Kind != "BackendTLSPolicy" {
				t.Errorf("%+v", c.Secrets)
			}
		}},
		{name: "port beats Service, whatever the age", key: webCluster(443), policy: "b",
			documents: []string{ca, policyAt("a", "2020-01-01T00:00:00Z", webTarget, caReference), policyYAML("b", tlsTarget, names)},
			check: func(t *testing.T, c ClusterResult) {
				tls := c.Cluster.TLS
				if !tls.SystemCA || tls.CA != "" || len(c.Secrets) != 0 {
					t.Errorf("%+v", tls)
				}
				equalSlices(t, "names", tls.Names, []ir.SubjectAltName{{Name: "b.org"}, {URI: true, Name: "spiffe://c/d"}})
			}},
		{name: "port of the policy only", key: webCluster(80), documents: []string{ca, policyYAML("b", tlsTarget, caReference)}, check: func(t *testing.T, c ClusterResult) {
			if c.Cluster.TLS != nil {
				t.Errorf("%+v", c.Cluster.TLS)
			}
		}},
		{name: "older wins", key: webCluster(80), policy: "z",
			documents: []string{ca, policyAt("a", "2026-01-02T00:00:00Z", webTarget, names), policyAt("z", "2026-01-01T00:00:00Z", webTarget, caReference)}},
		{name: "without CA nothing is trusted", key: webCluster(80), policy: "p", documents: []string{policyYAML("p", webTarget, caReference)}, check: trustsNobody},
		{name: "unknown set of CAs", key: webCluster(80), policy: "p",
			documents: []string{policyYAML("p", webTarget, "{hostname: a.org, wellKnownCACertificates: example.com/mine}")}, check: trustsNobody},
		{name: "gRPC has TLS too", key: ir.ClusterKey{Kind: ir.BackendService, Namespace: "app", Name: "web", Port: 80, Route: ir.RouteGRPC}, policy: "p",
			documents: []string{ca, policyYAML("p", webTarget, caReference)}},
		{name: "TCP is forwarded as it is", key: ir.ClusterKey{Kind: ir.BackendService, Namespace: "app", Name: "web", Port: 80, Route: ir.RouteTCP},
			documents: []string{ca, policyYAML("p", webTarget, caReference)}, check: func(t *testing.T, c ClusterResult) {
				if c.Cluster.TLS != nil || c.Cluster.Protocol != ir.TCPRaw {
					t.Errorf("%+v", c.Cluster)
				}
			}},
		{name: "terminated TLS", key: ir.ClusterKey{Kind: ir.BackendService, Namespace: "app", Name: "web", Port: 80, Route: ir.RouteTLS}, policy: "p",
			documents: []string{ca, policyYAML("p", webTarget, caReference)}, check: func(t *testing.T, c ClusterResult) {
				if c.Cluster.TLS == nil || c.Cluster.Protocol != ir.TCPRaw {
					t.Errorf("%+v", c.Cluster)
				}
			}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			result := Cluster(storeOf(t, append(tt.documents, webService)...).View(nil), tt.key, "cert")
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

// trustsNobody fails unless connections of the cluster use TLS and cannot succeed.
func trustsNobody(t *testing.T, c ClusterResult) {
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
		key := webCluster(tt.port)
		key.Route = tt.route
		if got := Cluster(storeOf(t, webService).View(nil), key, ""); !got.Exists || got.Cluster.Protocol != tt.want {
			t.Errorf("%s: got %+v, want %s", key, got, tt.want)
		}
	}
	for _, key := range []ir.ClusterKey{webCluster(99), webCluster(53), {Kind: ir.BackendService, Namespace: "app", Name: "nope", Port: 80}, {Kind: ir.BackendService, Namespace: "app", Name: "external", Port: 80}} {
		if got := Cluster(storeOf(t, webService, externalService).View(nil), key, ""); got.Exists {
			t.Errorf("%s exists: %+v", key, got)
		}
	}
}

func TestPickerCluster(t *testing.T) {
	key := ir.ClusterKey{Kind: ir.BackendPicker, Namespace: "app", Name: "epp", Port: 9002}
	plain := Cluster(storeOf(t, pickerService).View(nil), key, "cert")
	if tls := plain.Cluster.TLS; tls == nil || !tls.Insecure || tls.Certificate != "cert" || plain.Cluster.Protocol != ir.HTTP2 {
		t.Errorf("%+v", plain.Cluster)
	}
	policy := policyYAML("p", `{group: "", kind: Service, name: epp}`, "{hostname: epp.app.svc, wellKnownCACertificates: System}")
	verified := Cluster(storeOf(t, pickerService, policy).View(nil), key, "cert")
	if tls := verified.Cluster.TLS; tls == nil || tls.Insecure || tls.SNI != "epp.app.svc" || verified.Policy.Name != "p" {
		t.Errorf("%+v", verified.Cluster.TLS)
	}
	clear := Cluster(storeOf(t, strings.Replace(pickerService, "targetPort", "appProtocol: kubernetes.io/h2c, targetPort", 1)).View(nil), key, "cert")
	if clear.Cluster.TLS != nil {
		t.Errorf("%+v", clear.Cluster.TLS)
	}
}
