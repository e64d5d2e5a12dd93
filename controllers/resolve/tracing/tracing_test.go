package tracing

import (
	"reflect"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	gwxv1 "sigs.k8s.io/gateway-api/apisx/v1alpha1"
	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
)

// TestParameters: what is read, and what is refused by the name of its field.
func TestParameters(t *testing.T) {
	const provider = "provider: {backendRefs: [{name: otel, port: 4317}]}"
	with := func(fields string) string { return "{" + fields + ", " + provider + "}" }
	plain := func(change func(*ir.Tracing)) *ir.Tracing {
		out := &ir.Tracing{Sampling: ir.Million, Tags: []ir.Tag{}}
		change(out)
		return out
	}
	headers := func(list string) string {
		return "{provider: {backendRefs: [{name: a, port: 1}], openTelemetry: {headers: [" + list + "]}}}"
	}
	for _, c := range []struct {
		spec, refused string
		want          *ir.Tracing
	}{
		{spec: "{" + provider + "}", want: plain(func(*ir.Tracing) {})},
		{spec: with("samplingRate: 1"), want: plain(func(out *ir.Tracing) { out.Sampling = 10_000 })},
		{spec: with("samplingRate: 0"), want: nil},
		{spec: with("samplingRate: 0, clientSamplingFraction: {numerator: 0}"), want: nil},
		{spec: with("samplingFraction: {numerator: 1, denominator: 3}"), want: plain(func(out *ir.Tracing) { out.Sampling = 333_333 })},
		{spec: with("samplingFraction: {numerator: 2147483647, denominator: 2147483647}"), want: plain(func(*ir.Tracing) {})},
		{spec: with("samplingRate: 0, clientSamplingFraction: {numerator: 5}"), want: plain(func(out *ir.Tracing) {
			out.Sampling, out.Parent = 0, ptr.To(uint32(50_000))
		})},
		{
			spec: with("customTags: {b: {literal: {value: '%A%'}}, " +
				"a: {type: RequestHeader, requestHeader: {name: X-A, defaultValue: none}}, c: {literal: {value: x}}}, " +
				"tags: {c: '%PROTOCOL%'}, spanName: {client: '%PROTOCOL%', server: up}"),
			want: plain(func(out *ir.Tracing) {
				out.SpanName, out.UpstreamSpanName = "%PROTOCOL%", "up"
				out.Tags = []ir.Tag{{Name: "a", Header: "x-a", Default: "none"}, {Name: "b", Literal: "%A%"}, {Name: "c", Format: "%PROTOCOL%"}}
			}),
		},
		{spec: headers("{name: X-Key, value: a b}"), want: plain(func(out *ir.Tracing) {
			out.Headers = []ir.Header{{Name: "x-key", Value: "a b"}}
		})},

		{spec: with("samplingRate: 101"), refused: "samplingRate: 101 is not a share"},
		{spec: with("samplingRate: 1, samplingFraction: {numerator: 1}"), refused: "exclude each other"},
		{spec: with("samplingFraction: {numerator: 2, denominator: 1}"), refused: "samplingFraction: 2 of 1 is not a share"},
		{spec: with("samplingFraction: {numerator: 1, denominator: 3000000}"), refused: "less than one in a million"},
		{spec: with("clientSamplingFraction: {numerator: 1, denominator: 0}"), refused: "clientSamplingFraction: 1 of 0"},
		{spec: "{provider: {}}", refused: "provider.backendRefs: has 0 entries"},
		{spec: "{provider: {type: Zipkin, backendRefs: [{name: a, port: 1}]}}", refused: `provider.type: "Zipkin" is not supported`},
		{spec: "{provider: {serviceName: '', backendRefs: [{name: a, port: 1}]}}", refused: "provider.serviceName is empty"},
		{spec: with("tags: {a: '%ENVIRONMENT(HOME)%'}"), refused: `tags["a"]: %ENVIRONMENT(HOME)%: reads the environment`},
		{spec: with("tags: {a: '%FILE_CONTENT(/etc/kedify/xds/tls.key)%'}"), refused: "reads files"},
		{spec: with("tags: {'': a}"), refused: `tags[""]: the name is empty`},
		{spec: with("spanName: {client: '%SECRET(a)%', server: a}"), refused: "spanName.client: %SECRET(a)%: reads secrets"},
		{spec: with("spanName: {client: a, server: ''}"), refused: "spanName.server: is empty"},
		{spec: with("customTags: {a: {type: Environment}}"), refused: `customTags["a"].type: "Environment" is not supported`},
		{spec: with("customTags: {a: {type: RequestHeader, literal: {value: a}}}"), refused: "set the field of its type"},
		{spec: with("customTags: {a: {literal: {value: ''}}}"), refused: `customTags["a"].literal.value is empty`},
		{spec: with("customTags: {a: {type: RequestHeader, requestHeader: {name: x-gw-reason}}}"), refused: "is removed by the proxy"},
		{spec: with("customTags: {a: {type: RequestHeader, requestHeader: {name: 'a b'}}}"), refused: "invalid character"},
		{spec: headers("{name: host, value: a}"), refused: "headers[0]: header Host"},
		{spec: headers("{name: a, value: b}, {name: A, value: c}"), refused: `headers[1]: header "a" is there twice`},
		{spec: headers("{name: grpc-timeout, value: 1S}"), refused: "is written by the proxy itself"},
		{spec: headers("{name: TE, value: trailers}"), refused: "is written by the proxy itself"},
		{spec: headers("{name: key-bin, value: a}"), refused: "is one of bytes"},
		{spec: headers("{name: a, value: ' b'}"), refused: "begins or ends with a space"},
		{spec: headers("{name: a, value: '%ENVIRONMENT(A)%'}"), refused: "the value has a percent sign"},
		{spec: headers("{name: a, value: ü}"), refused: "not visible ASCII, at 0"},
		{spec: headers("{name: x-envoy-a, value: a}"), refused: "is one of the proxy itself"},
	} {
		spec := &v1alpha1.ProxyTracing{}
		if err := yaml.UnmarshalStrict([]byte(c.spec), spec); err != nil {
			t.Fatalf("%s: %v", c.spec, err)
		}
		got, err := Parameters(spec)
		if (err == nil) != (c.refused == "") || err != nil && !strings.HasPrefix(err.Error(), "spec.telemetry.tracing.") ||
			err != nil && !strings.Contains(err.Error(), c.refused) {
			t.Errorf("%s: %v, want %q", c.spec, err, c.refused)
		}
		if err == nil && !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, want %+v", c.spec, got, c.want)
		}
	}
}

const (
	otel = `
kind: Service
metadata: {name: otel, namespace: app}
spec: {clusterIP: 10.0.0.1, ports: [{name: grpc, port: 4317}, {name: web, port: 80, appProtocol: http}]}
---
kind: Service
metadata: {name: otel, namespace: monitoring}
spec: {clusterIP: 10.0.0.2, ports: [{name: grpc, port: 4317}]}
`
	granted = `
kind: ReferenceGrant
metadata: {name: traces, namespace: monitoring}
spec:
  from:
  - {group: gateway.networking.x-k8s.io, kind: XTelemetryPolicy, namespace: app}
  - {group: gateway.kedify.io, kind: GatewayParameters, namespace: app}
  to: [{group: "", kind: Service}]
`
)

func policyYAML(name, created, tracing string) string {
	return `
kind: XTelemetryPolicy
metadata: {name: ` + name + `, namespace: app, generation: 3, creationTimestamp: "` + created + `"}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: web}]
  tracing: ` + tracing + "\n"
}

const (
	early, late = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"
	toOtel      = "provider: {backendRef: {name: otel, port: 4317}}"
	gatewayName = "web"
)

var web = types.NamespacedName{Namespace: "app", Name: gatewayName}

// TestPolicy: what a policy makes of a Gateway without parameters, and what its status says.
func TestPolicy(t *testing.T) {
	for _, c := range []struct {
		name, tracing, accepted, resolved, says string
		granted, traced                         bool
	}{
		{name: "enabled", tracing: "{mode: Enabled, " + toOtel + "}", traced: true, accepted: "Accepted", resolved: "ResolvedRefs"},
		{name: "disabled", tracing: "{mode: Disabled}", accepted: "Accepted", resolved: "ResolvedRefs"},
		{name: "default", tracing: "{}", accepted: "Accepted", resolved: "ResolvedRefs", says: "leaves tracing to the GatewayParameters"},
		{name: "zero", tracing: "{mode: Enabled, samplingRate: {numerator: 0}, " + toOtel + "}", accepted: "Accepted", resolved: "ResolvedRefs"},
		{
			name: "missing", tracing: "{mode: Enabled, provider: {backendRef: {name: absent, port: 4317}}}", accepted: "Accepted",
			resolved: "BackendNotFound",
			says:     "spec.tracing.provider.backendRef: Service app/absent does not exist",
		},
		{
			name: "port", tracing: "{mode: Enabled, provider: {backendRef: {name: otel, port: 1}}}", accepted: "Accepted",
			resolved: "BackendNotFound",
		},
		{
			name: "kind", tracing: "{mode: Enabled, provider: {backendRef: {group: a.b, kind: XBackend, name: otel, port: 1}}}",
			accepted: "Accepted", resolved: "InvalidKind", says: "cannot take spans; use a Service",
		},
		{
			name: "not granted", tracing: "{mode: Enabled, provider: {backendRef: {name: otel, namespace: monitoring, port: 4317}}}",
			accepted: "Accepted", resolved: "RefNotPermitted", says: "allows XTelemetryPolicy of namespace app",
		},
		{
			name: "granted", tracing: "{mode: Enabled, provider: {backendRef: {name: otel, namespace: monitoring, port: 4317}}}", granted: true,
			traced: true, accepted: "Accepted", resolved: "ResolvedRefs",
		},
		{
			name: "HTTP/1.1", tracing: "{mode: Enabled, provider: {backendRef: {name: otel, port: 80}}}", accepted: "Accepted",
			resolved: "UnsupportedProtocol", says: "over which gRPC cannot be sent",
		},
		{
			name: "attribute", tracing: "{mode: Enabled, " + toOtel + ", attributes: [{name: a, sourceType: Attribute, attributeKey: url.query}]}",
			accepted: "Invalid", resolved: "ResolvedRefs", says: `spec.tracing.attributes[0].attributeKey: "url.query" is not one of`,
		},
		{
			name: "header", tracing: "{mode: Enabled, provider: {backendRef: {name: otel, port: 4317}, headers: [{name: te, value: a}]}}",
			accepted: "Invalid", resolved: "ResolvedRefs", says: "spec.tracing.provider.headers[0]: header",
		},
		{
			name: "rate", tracing: "{mode: Enabled, " + toOtel + ", samplingRate: {numerator: 1, denominator: 2000001}}", accepted: "Invalid",
			resolved: "ResolvedRefs", says: "spec.tracing.samplingRate: 1 of 2000001 is less than",
		},
		{
			name: "parent", tracing: "{mode: Enabled, " + toOtel +
				", parentBasedSampling: {mode: Enabled, samplingRate: {numerator: 3, denominator: 2}}}",
			accepted: "Invalid", resolved: "ResolvedRefs", says: "spec.tracing.parentBasedSampling.samplingRate: 3 of 2",
		},
	} {
		documents := []string{otel, policyYAML("p", early, c.tracing)}
		if c.granted {
			documents = append(documents, granted)
		}
		v := fixture.Store(t, documents...).View(nil)
		traced := Of(v, web, resolve.TracingParameters{})
		if (len(traced.Clusters()) > 0) != c.traced || !traced.OfParameters().None() {
			t.Errorf("%s: %+v", c.name, traced)
		}
		accepted, resolved := statusOf(t, v, "p")
		if accepted.Reason != c.accepted || resolved.Reason != c.resolved || !strings.Contains(accepted.Message+resolved.Message, c.says) {
			t.Errorf("%s: %s %q, %s %q; want %q", c.name, accepted.Reason, accepted.Message, resolved.Reason, resolved.Message, c.says)
		}
		if accepted.ObservedGeneration != 3 {
			t.Errorf("%s: generation %d", c.name, accepted.ObservedGeneration)
		}
	}
}

func statusOf(t *testing.T, v store.View, name string) (accepted, resolved metav1.Condition) {
	t.Helper()
	entries := Status(v, v.XTelemetryPolicy(types.NamespacedName{Namespace: "app", Name: name}), []types.NamespacedName{web})
	if len(entries) != 1 || entries[0].AncestorRef.Name != gatewayName || entries[0].ControllerName != v1alpha1.ControllerName {
		t.Fatalf("%+v", entries)
	}
	return resolve.FindCondition(entries[0].Conditions, "Accepted"), resolve.FindCondition(entries[0].Conditions, "ResolvedRefs")
}

// TestPolicyIsRead: every field of a policy that is served.
func TestPolicyIsRead(t *testing.T) {
	v := fixture.Store(t, otel, policyYAML("p", early, `{
    mode: Enabled, serviceName: shop, spanName: all requests, samplingRate: {numerator: 1, denominator: 1000},
    parentBasedSampling: {mode: Enabled}, provider: {backendRef: {name: otel, port: 4317}, headers: [{name: X-Key, value: a}]},
    attributes: [{name: code, sourceType: Attribute, attributeKey: http.response.status_code},
      {name: b, sourceType: Literal, literalValue: x},
      {name: a, sourceType: Header, headerName: X-Team}]}`)).View(nil)
	got := Of(v, web, resolve.TracingParameters{}).Tracing
	want := &ir.Tracing{
		Collector: ir.ClusterKey{Kind: ir.BackendService, Namespace: "app", Name: "otel", Port: 4317, Route: ir.RouteTraces},
		Headers:   []ir.Header{{Name: "x-key", Value: "a"}}, ServiceName: "shop", SpanName: "all requests", Sampling: 1000,
		Parent: ptr.To(uint32(ir.Million)),
		Tags:   []ir.Tag{{Name: "a", Header: "x-team"}, {Name: "b", Literal: "x"}, {Name: "code", Format: "%RESPONSE_CODE%", Integer: true}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestPrecedence: the oldest policy is in force, and it goes before the parameters unless it leaves tracing to them.
func TestPrecedence(t *testing.T) {
	parameters := resolve.TracingParameters{Namespace: "app", Spec: &v1alpha1.ProxyTracing{}}
	if err := yaml.Unmarshal([]byte("{samplingRate: 7, provider: {backendRefs: [{name: otel, port: 4317, namespace: monitoring}]}}"),
		parameters.Spec); err != nil {
		t.Fatal(err)
	}
	enabled := "{mode: Enabled, samplingRate: {numerator: 9}, " + toOtel + "}"
	invalid := "{mode: Enabled, " + toOtel + ", attributes: [{name: a, sourceType: Attribute, attributeKey: no}]}"
	const ofParameters, ofPolicy = 70_000, 90_000
	for _, c := range []struct {
		name       string
		policies   []string
		conflicted string
		sampling   uint32 // 0: not traced
		unresolved string
		granted    bool
	}{
		{name: "parameters", granted: true, sampling: ofParameters},
		{name: "parameters without a grant", unresolved: "RefNotPermitted", sampling: ofParameters},
		{name: "a policy needs no grant of theirs", policies: []string{policyYAML("p", early, enabled)}, sampling: ofPolicy},
		{name: "disabled", granted: true, policies: []string{policyYAML("p", early, "{mode: Disabled}")}},
		{name: "default", granted: true, policies: []string{policyYAML("p", early, "{mode: ImplementationDefault}")}, sampling: ofParameters},
		{name: "invalid", granted: true, sampling: ofParameters, policies: []string{policyYAML("p", early, invalid)}},
		{
			name: "an older one is invalid", sampling: ofPolicy,
			policies: []string{policyYAML("a", early, invalid), policyYAML("b", late, enabled)},
		},
		{
			name: "a younger one is invalid", sampling: ofPolicy,
			policies: []string{policyYAML("a", early, enabled), policyYAML("b", late, invalid)},
		},
		{
			name: "unresolved", granted: true, sampling: 1_000_000,
			policies: []string{policyYAML("p", early, "{mode: Enabled, provider: {backendRef: {name: absent, port: 1}}}")},
		},
		{
			name: "the older", policies: []string{policyYAML("a", late, "{mode: Disabled}"), policyYAML("b", early, enabled)}, sampling: ofPolicy,
			conflicted: "a",
		},
		{
			name: "the first by name", policies: []string{policyYAML("b", early, enabled), policyYAML("a", early, "{mode: Disabled}")},
			conflicted: "b",
		},
	} {
		documents := append([]string{otel}, c.policies...)
		if c.granted {
			documents = append(documents, granted)
		}
		v := fixture.Store(t, documents...).View(nil)
		of := Of(v, web, parameters)
		traced := of.Tracing
		if of.OfParameters().Reason != c.unresolved || (traced != nil) != (c.sampling > 0) || traced != nil && traced.Sampling != c.sampling {
			t.Errorf("%s: %+v %+v", c.name, traced, of)
		}
		if (len(of.Clusters()) > 0) != (c.sampling > 0 && of.Unresolved.None()) {
			t.Errorf("%s: clusters %v", c.name, of.Clusters())
		}
		if traced != nil && traced.ServiceName != "web.app" {
			t.Errorf("%s: the service is called %q", c.name, traced.ServiceName)
		}
		for _, policy := range v.XTelemetryPoliciesOf(web) {
			accepted, _ := statusOf(t, v, policy.Name)
			if (accepted.Reason == "Conflicted") != (policy.Name == c.conflicted) {
				t.Errorf("%s: %s is %s: %s", c.name, policy.Name, accepted.Reason, accepted.Message)
			}
			if (accepted.Reason == "Invalid") != (len(policy.Spec.Tracing.Attributes) > 0) {
				t.Errorf("%s: %s is %s: %s", c.name, policy.Name, accepted.Reason, accepted.Message)
			}
		}
	}
}

// TestTargets: each Gateway once; a policy with another target is refused as a whole.
func TestTargets(t *testing.T) {
	policy := &gwxv1.XTelemetryPolicy{}
	if err := yaml.Unmarshal([]byte(`{metadata: {namespace: app}, spec: {targetRefs: [
    {group: gateway.networking.k8s.io, kind: Gateway, name: web}, {group: gateway.networking.k8s.io, kind: Gateway, name: web},
    {group: "", kind: Service, name: a}]}}`), policy); err != nil {
		t.Fatal(err)
	}
	if got := Targets(policy); !reflect.DeepEqual(got, []types.NamespacedName{web}) {
		t.Errorf("%v", got)
	}
	if entries := Status(fixture.Store(t).View(nil), policy, nil); entries == nil || len(entries) > 0 {
		t.Errorf("without a Gateway of this controller: %v", entries)
	}
	if said := read(fixture.Store(t).View(nil), policy); !strings.Contains(said.invalid.Message,
		`spec.targetRefs[2]: kind "Service"`) || said.decides() {
		t.Errorf("%+v", said)
	}
}

// TestCollectorComesAndGoes: what proxies are told about tracing is the same whether the collector can be called or not. They have its
// cluster while it can.
func TestCollectorComesAndGoes(t *testing.T) {
	const foreign = "{mode: Enabled, provider: {backendRef: {name: otel, namespace: monitoring, port: 4317}}}"
	with := Of(fixture.Store(t, otel, granted, policyYAML("p", early, foreign)).View(nil), web, resolve.TracingParameters{})
	if len(with.Clusters()) != 1 || with.Clusters()[0] != with.Tracing.Collector {
		t.Fatalf("%+v", with)
	}
	for reason, documents := range map[string][]string{
		"RefNotPermitted": {otel, policyYAML("p", early, foreign)},
		"BackendNotFound": {granted, policyYAML("p", early, foreign)},
	} {
		without := Of(fixture.Store(t, documents...).View(nil), web, resolve.TracingParameters{})
		if without.Unresolved.Reason != reason || len(without.Clusters()) > 0 || !reflect.DeepEqual(without.Tracing, with.Tracing) {
			t.Errorf("%s: %+v, want the tracing of %+v", reason, without, with)
		}
	}
}
