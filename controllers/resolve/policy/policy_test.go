package policy

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	gwxv1 "sigs.k8s.io/gateway-api/apisx/v1alpha1"

	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
	"github.com/kedify/inference-gateway/controllers/store"
)

func TestPolicyConditions(t *testing.T) {
	ca := fixture.Authority("app", "ca", fixture.NewPair(t).Certificate)
	const accepted = "Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs"
	tests := []struct {
		name       string
		policy     string
		documents  []string
		unserved   bool // ClusterTrustBundles
		conditions string
		message    string
	}{
		{name: "CA", policy: fixture.Policy("p", fixture.WebTarget, fixture.CAReference), documents: []string{ca}, conditions: accepted},
		{name: "CA in a Secret",
			policy:    fixture.Policy("p", fixture.WebTarget, `{hostname: a.org, caCertificateRefs: [{group: "", kind: Secret, name: ca}]}`),
			documents: []string{strings.Replace(fixture.Secret("app", "ca", fixture.NewPair(t)), "tls.crt", "ca.crt", 1)}, conditions: accepted},
		{name: "system",
			policy: fixture.Policy("p", fixture.WebTarget, "{hostname: a.org, wellKnownCACertificates: System}"), conditions: accepted},
		{name: "well known of others",
			policy:     fixture.Policy("p", fixture.WebTarget, "{hostname: a.org, wellKnownCACertificates: example.com/mine}"),
			conditions: "Accepted=False/Invalid ResolvedRefs=True/ResolvedRefs", message: "wellKnownCACertificates"},
		{name: "no ConfigMap", policy: fixture.Policy("p", fixture.WebTarget, fixture.CAReference),
			conditions: "Accepted=False/NoValidCACertificate ResolvedRefs=False/InvalidCACertificateRef",
			message:    "caCertificateRefs[0]: ConfigMap app/ca does not exist"},
		{name: "ConfigMap without key", policy: fixture.Policy("p", fixture.WebTarget, fixture.CAReference),
			documents:  []string{"kind: ConfigMap\nmetadata: {name: ca, namespace: app}"},
			conditions: "Accepted=False/NoValidCACertificate ResolvedRefs=False/InvalidCACertificateRef", message: "has no key ca.crt"},
		{name: "no PEM", policy: fixture.Policy("p", fixture.WebTarget, fixture.CAReference),
			documents:  []string{fixture.Authority("app", "ca", []byte("hello"))},
			conditions: "Accepted=False/NoValidCACertificate ResolvedRefs=False/InvalidCACertificateRef", message: "ca.crt of ConfigMap app/ca"},
		{name: "kind",
			policy:     fixture.Policy("p", fixture.WebTarget, "{hostname: a.org, caCertificateRefs: [{group: x.org, kind: Key, name: ca}]}"),
			conditions: "Accepted=False/NoValidCACertificate ResolvedRefs=False/InvalidKind", message: `kind "Key" of group "x.org"`},
		{name: "ClusterTrustBundle", policy: fixture.Policy("p", fixture.WebTarget, fixture.BundleReference),
			documents: []string{fixture.TrustBundle("ca", fixture.NewPair(t).Certificate)}, conditions: accepted},
		{name: "no ClusterTrustBundle", policy: fixture.Policy("p", fixture.WebTarget, fixture.BundleReference),
			conditions: "Accepted=False/NoValidCACertificate ResolvedRefs=False/InvalidCACertificateRef",
			message:    "ClusterTrustBundle ca does not exist"},
		{name: "empty ClusterTrustBundle", policy: fixture.Policy("p", fixture.WebTarget, fixture.BundleReference),
			documents:  []string{fixture.TrustBundle("ca", nil)},
			conditions: "Accepted=False/NoValidCACertificate ResolvedRefs=False/InvalidCACertificateRef",
			message:    "ClusterTrustBundle ca has no spec.trustBundle"},
		{name: "ClusterTrustBundle without PEM", policy: fixture.Policy("p", fixture.WebTarget, fixture.BundleReference),
			documents:  []string{fixture.TrustBundle("ca", []byte("hello"))},
			conditions: "Accepted=False/NoValidCACertificate ResolvedRefs=False/InvalidCACertificateRef",
			message:    "spec.trustBundle of ClusterTrustBundle ca: no PEM block"},
		{name: "ClusterTrustBundle that is not served", policy: fixture.Policy("p", fixture.WebTarget, fixture.BundleReference), unserved: true,
			conditions: "Accepted=False/NoValidCACertificate ResolvedRefs=False/InvalidKind",
			message:    `kind "ClusterTrustBundle" of group "certificates.k8s.io" is not supported by the API server of this cluster`},
		{name: "ClusterTrustBundle in another group", policy: fixture.Policy("p", fixture.WebTarget,
			`{hostname: a.org, caCertificateRefs: [{group: "", kind: ClusterTrustBundle, name: ca}]}`),
			documents:  []string{fixture.TrustBundle("ca", fixture.NewPair(t).Certificate)},
			conditions: "Accepted=False/NoValidCACertificate ResolvedRefs=False/InvalidKind", message: `kind "ClusterTrustBundle" of group ""`},
		{name: "ConfigMap where ClusterTrustBundles are not served", policy: fixture.Policy("p", fixture.WebTarget, fixture.CAReference),
			documents: []string{ca}, unserved: true, conditions: accepted},
		{name: "one of two", policy: fixture.Policy("p", fixture.WebTarget,
			`{hostname: a.org, caCertificateRefs: [{group: "", kind: ConfigMap, name: nope}, {group: "", kind: ConfigMap, name: ca}]}`),
			documents:  []string{ca},
			conditions: "Accepted=True/Accepted ResolvedRefs=False/InvalidCACertificateRef", message: "caCertificateRefs[0]"},
		{name: "no Service", policy: fixture.Policy("p", `{group: "", kind: Service, name: nope}`, fixture.CAReference), documents: []string{ca},
			conditions: "Accepted=False/TargetNotFound ResolvedRefs=True/ResolvedRefs",
			message:    "spec.targetRefs[0]: Service app/nope does not exist"},
		{name: "no such port", policy: fixture.Policy("p", `{group: "", kind: Service, name: web, sectionName: nope}`, fixture.CAReference),
			documents:  []string{ca},
			conditions: "Accepted=False/TargetNotFound ResolvedRefs=True/ResolvedRefs", message: `no port with name "nope"`},
		{name: "target of another kind", policy: fixture.Policy("p", `{group: apps, kind: Deployment, name: web}`, fixture.CAReference),
			documents:  []string{ca},
			conditions: "Accepted=False/Invalid ResolvedRefs=True/ResolvedRefs", message: "use a Service"},
		{name: "older one has the target", policy: fixture.PolicyAt("a", "2026-01-02T00:00:00Z", fixture.WebTarget, fixture.CAReference),
			documents:  []string{ca, fixture.PolicyAt("z", "2026-01-01T00:00:00Z", fixture.WebTarget, fixture.CAReference)},
			conditions: "Accepted=False/Conflicted ResolvedRefs=True/ResolvedRefs", message: "BackendTLSPolicy app/z has the same target"},
		{name: "first by name has the target", policy: fixture.Policy("b", fixture.TLSTarget, fixture.CAReference),
			documents:  []string{ca, fixture.Policy("a", fixture.TLSTarget, fixture.CAReference)},
			conditions: "Accepted=False/Conflicted ResolvedRefs=True/ResolvedRefs", message: "app/a"},
		{name: "younger one has the target", policy: fixture.Policy("a", fixture.WebTarget, fixture.CAReference),
			documents: []string{ca, fixture.Policy("b", fixture.WebTarget, fixture.CAReference)}, conditions: accepted},
		{name: "port and whole Service", policy: fixture.Policy("b", fixture.TLSTarget, fixture.CAReference),
			documents: []string{ca, fixture.Policy("a", fixture.WebTarget, fixture.CAReference)}, conditions: accepted},
		{name: "unknown option of the product",
			policy: fixture.Policy("p", fixture.WebTarget, fixture.CAReference) + "  options: {gateway.kedify.io/x: y}\n", documents: []string{ca},
			conditions: "Accepted=False/Invalid ResolvedRefs=True/ResolvedRefs", message: `"gateway.kedify.io/x"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := fixture.Store(t, append(tt.documents, fixture.WebService, tt.policy)...)
			s.Serve(store.ClusterTrustBundle, !tt.unserved)
			name := strings.Fields(strings.ReplaceAll(tt.policy, ",", " "))[4]
			statuses := Status(s.View(nil), types.NamespacedName{Namespace: "app", Name: name}, []types.NamespacedName{fixture.GatewayKey})
			if len(statuses) != 1 {
				t.Fatalf("%d ancestors", len(statuses))
			}
			conditions := statuses[0].Conditions
			if got := fixture.Summary(conditions); got != tt.conditions {
				t.Errorf("conditions %s, want %s", got, tt.conditions)
			}
			if all := fixture.Message(conditions, "Accepted") + fixture.Message(conditions, "ResolvedRefs"); !strings.Contains(all, tt.message) {
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
	got := Status(fixture.Store(t).View(nil), types.NamespacedName{Namespace: "app", Name: "p"}, []types.NamespacedName{fixture.GatewayKey})
	if got != nil {
		t.Errorf("a policy that does not exist has a status: %+v", got)
	}
}

// TestTrafficPolicies: a policy that nothing acts on says so, for each Gateway that it was meant for, and which of its fields.
func TestTrafficPolicies(t *testing.T) {
	policy := &gwxv1.XBackendTrafficPolicy{}
	policy.Generation = 3
	for _, c := range []struct {
		set  func(*gwxv1.BackendTrafficPolicySpec)
		want string
	}{
		{func(*gwxv1.BackendTrafficPolicySpec) {}, "has no effect. Remove it"},
		{func(s *gwxv1.BackendTrafficPolicySpec) { s.RetryConstraint = &gwxv1.RetryConstraint{} }, "has no effect: spec.retryConstraint of it."},
		{func(s *gwxv1.BackendTrafficPolicySpec) { s.SessionPersistence = &gwxv1.SessionPersistence{} },
			"has no effect: spec.retryConstraint and spec.sessionPersistence of it."},
	} {
		c.set(&policy.Spec)
		statuses := TrafficStatus(policy, []types.NamespacedName{fixture.GatewayKey})
		if len(statuses) != 1 || fixture.Summary(statuses[0].Conditions) != "Accepted=False/Unsupported" {
			t.Fatalf("statuses %+v", statuses)
		}
		if message := statuses[0].Conditions[0].Message; !strings.Contains(message, c.want) {
			t.Errorf("message %q, want %q in it", message, c.want)
		}
	}
	if got := TrafficStatus(policy, nil); len(got) != 0 {
		t.Errorf("a policy of no Gateway of the product has a status: %+v", got)
	}
}
