package tracing

import (
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"
	gwxv1 "sigs.k8s.io/gateway-api/apisx/v1alpha1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/backend"
	"github.com/kedify/inference-gateway/controllers/resolve/grant"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/ir/logformat"
)

// Traced is how the requests of a Gateway are traced.
type Traced struct {
	// Tracing; nil: they are not. It is the same whether the collector can be called or not: a change of it drains connections.
	Tracing *ir.Tracing
	// Unresolved is why the collector cannot be called, in the reasons of routes. Proxies do not get its cluster then, and spans are lost.
	Unresolved resolve.Problem
	// ByPolicy: an XTelemetryPolicy decides, whose status says it.
	ByPolicy bool
}

// Clusters are those that proxies need.
func (t Traced) Clusters() []ir.ClusterKey {
	if t.Tracing == nil || !t.Unresolved.None() {
		return nil
	}
	return []ir.ClusterKey{t.Tracing.Collector}
}

// OfParameters is why the collector that parameters name cannot be called.
func (t Traced) OfParameters() resolve.Problem {
	if t.ByPolicy {
		return resolve.Problem{}
	}
	return t.Unresolved
}

// Of returns how the requests of a Gateway are traced. The XTelemetryPolicy in force decides, unless it leaves that to the parameters
// of the Gateway.
func Of(v store.View, gateway types.NamespacedName, parameters resolve.TracingParameters) Traced {
	if policy := inForce(v, gateway); policy != nil {
		if said := read(v, policy); said.decides() {
			return Traced{Tracing: named(said.tracing, gateway), Unresolved: said.unresolved, ByPolicy: true}
		}
	}
	tracing, err := Parameters(parameters.Spec)
	if err != nil || tracing == nil { // the error is that of the parameters (class.CheckParameters)
		return Traced{}
	}
	from := grant.From{Group: v1alpha1.GroupName, Kind: string(store.GatewayParameters), Namespace: parameters.Namespace}
	tracing, unresolved := to(v, tracing, parametersPath+".provider.backendRefs[0]", from, parameters.Spec.Provider.BackendRefs[0])
	return Traced{Tracing: named(tracing, gateway), Unresolved: unresolved}
}

// named gives spans the name of the Gateway where the user says none, as Envoy Gateway does.
func named(tracing *ir.Tracing, gateway types.NamespacedName) *ir.Tracing {
	if tracing != nil && tracing.ServiceName == "" {
		tracing.ServiceName = gateway.Name + "." + gateway.Namespace
	}
	return tracing
}

// to has spans sent to the collector that a reference names. Nothing is traced when it can name none.
func to(
	v store.View, tracing *ir.Tracing, path string, from grant.From, ref gwv1.BackendObjectReference,
) (*ir.Tracing, resolve.Problem) {
	called := backend.Called{Path: path, From: from, Ref: ref, Route: ir.RouteTraces, Purpose: "take spans"}
	_, unresolved := called.Cluster(v)
	if tracing.Collector = called.Key(); tracing.Collector == (ir.ClusterKey{}) {
		return nil, unresolved
	}
	return tracing, unresolved
}

// inForce returns the policy in force for a Gateway: of those that are valid the oldest, and then the first by name; nil: there is none.
func inForce(v store.View, gateway types.NamespacedName) (first *gwxv1.XTelemetryPolicy) {
	for _, policy := range v.XTelemetryPoliciesOf(gateway) {
		if !read(v, policy).invalid.None() {
			continue
		}
		if first == nil || store.CompareAge[*gwxv1.XTelemetryPolicy](policy, first) < 0 {
			first = policy
		}
	}
	return first
}

// said is what a policy says about tracing.
type said struct {
	mode gwxv1.TracingMode
	// tracing; nil: none.
	tracing *ir.Tracing
	// invalid is why the policy is not accepted, unresolved why its collector cannot be called.
	invalid, unresolved resolve.Problem
}

// decides reports whether the parameters of the Gateway are not asked.
func (s said) decides() bool {
	return s.invalid.None() && (s.mode == gwxv1.TracingModeEnabled || s.mode == gwxv1.TracingModeDisabled)
}

// read reads a policy.
func read(v store.View, policy *gwxv1.XTelemetryPolicy) (out said) {
	out.mode = policy.Spec.Tracing.Mode
	if out.mode == "" {
		out.mode = gwxv1.TracingModeImplementationDefault
	}
	for i, ref := range policy.Spec.TargetRefs {
		if !targetsGateway(ref) {
			out.invalid = resolve.Problemf(gwv1.PolicyReasonInvalid,
				"spec.targetRefs[%d]: kind %q of group %q is not supported; use a Gateway of group %s.", i, ref.Kind, ref.Group, gwv1.GroupName)
			return out
		}
	}
	switch out.mode {
	case gwxv1.TracingModeEnabled:
	case gwxv1.TracingModeDisabled, gwxv1.TracingModeImplementationDefault:
		return out
	default:
		out.invalid = resolve.Problemf(gwv1.PolicyReasonInvalid,
			"spec.tracing.mode %q is not supported; use Enabled, Disabled or ImplementationDefault.", out.mode)
		return out
	}
	tracing, err := readPolicy(policy.Spec.Tracing)
	if err != nil {
		out.invalid = resolve.Problemf(gwv1.PolicyReasonInvalid, "spec.tracing.%v.", err)
		return out
	}
	from := grant.From{Group: gwxv1.GroupName, Kind: string(store.XTelemetryPolicy), Namespace: policy.Namespace}
	tracing, out.unresolved = to(v, tracing, "spec.tracing.provider.backendRef", from, policy.Spec.Tracing.Provider.BackendRef)
	if tracing != nil && (tracing.Sampling > 0 || ptr.Deref(tracing.Parent, 0) > 0) {
		out.tracing = tracing
	}
	return out
}

func targetsGateway(ref gwv1.LocalObjectReference) bool {
	return ref.Group == gwv1.GroupName && string(ref.Kind) == string(store.Gateway)
}

// readPolicy reads what a policy says, without its collector. The error begins with the field.
func readPolicy(spec gwxv1.TracingConfig) (*ir.Tracing, error) {
	out := &ir.Tracing{Sampling: ir.Million, ServiceName: spec.ServiceName, SpanName: logformat.Literal(spec.SpanName)}
	var err error
	if spec.ServiceName != "" {
		if err := readText(spec.ServiceName, maxService); err != nil {
			return nil, fmt.Errorf("serviceName%w", err)
		}
	}
	if spec.SpanName != "" {
		if err := readText(spec.SpanName, maxText); err != nil {
			return nil, fmt.Errorf("spanName%w", err)
		}
	}
	if out.Headers, err = readHeaders(spec.Provider.Headers); err != nil {
		return nil, fmt.Errorf("provider.headers%w", err)
	}
	if spec.SamplingRate != nil {
		if out.Sampling, err = readShare(spec.SamplingRate); err != nil {
			return nil, fmt.Errorf("samplingRate%w", err)
		}
	}
	if out.Parent, err = readParent(spec.ParentBasedSampling); err != nil {
		return nil, fmt.Errorf("parentBasedSampling%w", err)
	}
	if out.Tags, err = readAttributes(spec.Attributes); err != nil {
		return nil, fmt.Errorf("attributes%w", err)
	}
	return out, nil
}

// readParent reads whether clients decide about their own traces. They do not unless a policy says so: a stranger could have
// everything traced.
func readParent(spec gwxv1.ParentBasedSampling) (*uint32, error) {
	switch spec.Mode {
	case gwxv1.ParentBasedSamplingModeEnabled:
	case gwxv1.ParentBasedSamplingModeDisabled, gwxv1.ParentBasedSamplingModeImplementationDefault, "":
		if spec.SamplingRate != nil {
			return nil, fmt.Errorf(".samplingRate goes with mode Enabled")
		}
		return nil, nil
	default:
		return nil, fmt.Errorf(".mode: %q is not supported; use Enabled, Disabled or ImplementationDefault", spec.Mode)
	}
	share := uint32(ir.Million)
	if spec.SamplingRate != nil {
		var err error
		if share, err = readShare(spec.SamplingRate); err != nil {
			return nil, fmt.Errorf(".samplingRate%w", err)
		}
	}
	return &share, nil
}

func readAttributes(attributes []gwxv1.Attribute) ([]ir.Tag, error) {
	if len(attributes) > maxTags {
		return nil, fmt.Errorf(" has %d entries, more than %d", len(attributes), maxTags)
	}
	tags := make(map[string]ir.Tag, len(attributes))
	for i, attribute := range attributes {
		name := string(attribute.Name)
		if err := readText(name, maxName); err != nil {
			return nil, fmt.Errorf("[%d].name%w", i, err)
		}
		tag, err := readAttribute(name, attribute)
		if err != nil {
			return nil, fmt.Errorf("[%d].%w", i, err)
		}
		tags[name] = tag
	}
	return sortedTags(tags), nil
}

func readAttribute(name string, attribute gwxv1.Attribute) (ir.Tag, error) {
	switch attribute.SourceType {
	case gwxv1.AttributeSourceLiteral:
		if err := readText(attribute.LiteralValue, maxText); err != nil {
			return ir.Tag{}, fmt.Errorf("literalValue%w", err)
		}
		return ir.Tag{Name: name, Literal: attribute.LiteralValue}, nil
	case gwxv1.AttributeSourceHeader:
		tag, err := readHeaderTag(name, string(attribute.HeaderName), "")
		if err != nil {
			return ir.Tag{}, fmt.Errorf("headerName: %w", err)
		}
		return tag, nil
	case gwxv1.AttributeSourceAttribute:
		known, ok := logformat.AttributeOf(attribute.AttributeKey)
		if !ok {
			return ir.Tag{}, fmt.Errorf("attributeKey: %q is not one of the attributes that proxies know; docs/telemetry.md lists them",
				attribute.AttributeKey)
		}
		return ir.Tag{Name: name, Format: known.Format, Integer: known.Integer}, nil
	}
	return ir.Tag{}, fmt.Errorf("sourceType: %q is not supported; use Header, Literal or Attribute", attribute.SourceType)
}
