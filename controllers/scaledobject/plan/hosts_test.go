package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// sharedWorld is the shared proxy with a trigger of namespace one, and a younger one of namespace two.
func sharedWorld(t *testing.T, first, second string) Plan {
	t.Helper()
	var text strings.Builder
	text.WriteString("kind: Setting\nshared: true\n")
	for i, metadata := range []string{first, second} {
		namespace := []string{"one", "two"}[i]
		fmt.Fprintf(&text, `---
kind: ScaledObject
metadata: {name: a, namespace: %[1]s, creationTimestamp: "2026-01-0%[2]dT00:00:00Z"}
spec:
  scaleTargetRef: {name: a}
  triggers: [{type: kedify-http, metadata: {%[3]s, service: web, port: "80", scalingMetric: requestRate, trafficAutowire: "false"}}]
---
kind: Service
metadata: {name: web, namespace: %[1]s}
spec: {ports: [{port: 80}]}
---
kind: Secret
metadata: {name: cert, namespace: %[1]s}
data: {tls.crt: eA==, tls.key: eA==}
`, namespace, i+1, metadata)
	}
	return Make(load(t, []byte(text.String())))
}

// TestX8HostsOfTheSharedProxy: a host belongs to the namespace that has it first. A younger trigger of another
// namespace is refused, however it asks for the host, and makes no route; names that no namespace has are free.
func TestX8HostsOfTheSharedProxy(t *testing.T) {
	for _, c := range []struct {
		first, second string
		refused       bool
	}{
		{`hosts: a.test`, `hosts: a.test`, true},
		{`hosts: a.test`, `hosts: a.test, pathPrefixes: /longer`, true},
		{`hosts: a.test, pathPrefixes: /`, `hosts: "b.test,a.test", pathPrefixes: /admin`, true},
		{`hosts: a.test`, `hosts: A.Test, pathPrefixes: /longer`, true},
		{`hosts: a.test`, `hosts: a.test, headers: '[{"name": "x", "value": "y"}]'`, true},
		{`hosts: a.test`, `hosts: a.test, tlsSecretName: cert, pathPrefixes: /longer`, true},
		{`hosts: a.test, tlsSecretName: cert`, `hosts: a.test, tlsSecretName: cert, pathPrefixes: /longer`, true},
		{`hosts: a.test, tlsSecretName: cert`, `hosts: a.test, tlsMode: passthrough`, true},
		{`hosts: a.test`, `hosts: a.test, tlsMode: passthrough`, true},
		{`hosts: "*.a.test"`, `hosts: b.a.test, pathPrefixes: /longer`, true},
		{`hosts: "*.a.test"`, `hosts: c.b.a.test`, true},
		{`hosts: "*.a.test"`, `hosts: "*.b.a.test"`, true},
		{`hosts: "*"`, `hosts: "*", pathPrefixes: /longer`, true},
		{`hosts: a.test`, `hosts: b.test`, false},
		{`hosts: a.test`, `hosts: "*.test"`, false}, // the exact name wins
		{`hosts: "*.a.test"`, `hosts: a.test`, false},
		{`hosts: "*.a.test"`, `hosts: xa.test`, false},
		{`hosts: "*"`, `hosts: a.test`, false}, // what no trigger names
	} {
		made := sharedWorld(t, c.first, c.second)
		for _, status := range made.Statuses {
			accepted := meta.FindStatusCondition(status.Value.Conditions, ConditionAccepted)
			if want := status.Scaler.Namespace == "two" && c.refused; (accepted.Reason == ReasonConflicted) != want {
				t.Errorf("%s, then %s: %s is %s: %s", c.first, c.second, status.Scaler, accepted.Reason, accepted.Message)
			}
			if accepted.Reason == ReasonConflicted && strings.Contains(accepted.Message, "one/") {
				t.Errorf("%s tells of another namespace: %s", status.Scaler, accepted.Message)
			}
		}
		routes := slices.ContainsFunc(made.Objects, func(object Object) bool {
			_, http := object.(*gwv1.HTTPRoute)
			_, tls := object.(*gwv1.TLSRoute)
			return (http || tls) && object.GetNamespace() == "two"
		})
		if routes == c.refused {
			t.Errorf("%s, then %s: the younger trigger has a route: %t", c.first, c.second, routes)
		}
	}
}

// TestX8CertificatesOfTheSharedProxy: each host is a listener with the certificates of the namespace that has it, and
// takes routes of that namespace alone, so a certificate of another tenant for the same name is never shown.
func TestX8CertificatesOfTheSharedProxy(t *testing.T) {
	made := sharedWorld(t, `hosts: "a.test,*.a.test", tlsSecretName: cert`, `hosts: b.test, tlsSecretName: cert`)
	var got []string
	for _, object := range made.Objects {
		gateway, ok := object.(*gwv1.Gateway)
		if !ok {
			continue
		}
		for _, listener := range gateway.Spec.Listeners {
			if listener.Protocol != gwv1.HTTPSProtocolType {
				continue
			}
			selector := listener.AllowedRoutes.Namespaces.Selector
			for _, ref := range listener.TLS.CertificateRefs {
				got = append(got, fmt.Sprintf("%s %s: %s/%s for %v", listener.Name, *listener.Hostname, *ref.Namespace, ref.Name, selector.MatchLabels))
			}
		}
	}
	want := []string{
		"https-any.a.test *.a.test: one/cert for map[kubernetes.io/metadata.name:one]",
		"https.a.test a.test: one/cert for map[kubernetes.io/metadata.name:one]",
		"https.b.test b.test: two/cert for map[kubernetes.io/metadata.name:two]",
	}
	if !slices.Equal(got, want) {
		t.Errorf("listeners:\n%s", strings.Join(got, "\n"))
	}
	for _, object := range made.Objects {
		if route, ok := object.(*gwv1.HTTPRoute); ok {
			var sections []gwv1.SectionName
			for _, ref := range route.Spec.ParentRefs {
				sections = append(sections, *ref.SectionName)
			}
			want := map[string][]gwv1.SectionName{"one": {"http", "https-any.a.test", "https.a.test"},
				"two": {"http", "https.b.test"}}[route.Namespace]
			if !slices.Equal(sections, want) {
				t.Errorf("route of %s attaches to %q", route.Namespace, sections)
			}
		}
	}
}

// TestX8ServerNamesHaveALimit: a Gateway takes 64 listeners; the trigger that finds none is told, and the others
// keep theirs.
func TestX8ServerNamesHaveALimit(t *testing.T) {
	hosts := func(first, count int) string {
		var all []string
		for i := range count {
			all = append(all, fmt.Sprintf("h%d.test", first+i))
		}
		return strings.Join(all, ",")
	}
	var text strings.Builder
	text.WriteString("kind: Setting\nshared: true\n---\nkind: Service\nmetadata: {name: web, namespace: one}\nspec: {ports: [{port: 80}]}\n" +
		"---\nkind: Secret\nmetadata: {name: cert, namespace: one}\ndata: {tls.crt: eA==, tls.key: eA==}\n")
	for i := range 5 {
		fmt.Fprintf(&text, `---
kind: ScaledObject
metadata: {name: a%[1]d, namespace: one, creationTimestamp: "2026-01-0%[2]dT00:00:00Z"}
spec:
  scaleTargetRef: {name: a}
  triggers: [{type: kedify-http, metadata: {hosts: "%[3]s", service: web, port: "80",
      scalingMetric: requestRate, tlsSecretName: cert, trafficAutowire: "false"}}]
`, i, i+1, hosts(16*i, 16))
	}
	made := Make(load(t, []byte(text.String())))
	for _, status := range made.Statuses {
		resolved := meta.FindStatusCondition(status.Value.Conditions, ConditionResolvedRefs)
		if want := status.Scaler.Name >= "a3"; (resolved.Reason == ReasonTooMany) != want {
			t.Errorf("%s: %s %s", status.Scaler, resolved.Reason, resolved.Message)
		}
	}
	for _, object := range made.Objects {
		if gateway, ok := object.(*gwv1.Gateway); ok && len(gateway.Spec.Listeners) != 64 {
			t.Errorf("%d listeners", len(gateway.Spec.Listeners))
		}
	}
}
