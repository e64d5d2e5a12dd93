package tracing

import (
	"fmt"
	"maps"
	"slices"

	"k8s.io/utils/ptr"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/xds/ir"
)

const parametersPath = "spec.telemetry.tracing"

// Parameters returns what GatewayParameters say about tracing, without the collector; nil: nothing is to be traced. The error
// names the field.
func Parameters(spec *v1alpha1.ProxyTracing) (*ir.Tracing, error) {
	if spec == nil {
		return nil, nil
	}
	out := &ir.Tracing{Sampling: ir.Million, ServiceName: ptr.Deref(spec.Provider.ServiceName, "")}
	for _, read := range []func(*ir.Tracing, *v1alpha1.ProxyTracing) error{readProvider, readSampling, readNames, readTags} {
		if err := read(out, spec); err != nil {
			return nil, fmt.Errorf("%s.%w", parametersPath, err)
		}
	}
	if out.Sampling == 0 && ptr.Deref(out.Parent, 0) == 0 {
		return nil, nil
	}
	return out, nil
}

func readProvider(out *ir.Tracing, spec *v1alpha1.ProxyTracing) error {
	provider := spec.Provider
	if provider.Type != "" && provider.Type != v1alpha1.TracingOpenTelemetry {
		return fmt.Errorf("provider.type: %q is not supported; use %s", provider.Type, v1alpha1.TracingOpenTelemetry)
	}
	if len(provider.BackendRefs) != 1 {
		return fmt.Errorf("provider.backendRefs: has %d entries; name one Service", len(provider.BackendRefs))
	}
	if provider.ServiceName != nil {
		if err := readText(*provider.ServiceName, maxService); err != nil {
			return fmt.Errorf("provider.serviceName%w", err)
		}
	}
	if provider.OpenTelemetry == nil {
		return nil
	}
	headers, err := readHeaders(provider.OpenTelemetry.Headers)
	if err != nil {
		return fmt.Errorf("provider.openTelemetry.headers%w", err)
	}
	out.Headers = headers
	return nil
}

func readSampling(out *ir.Tracing, spec *v1alpha1.ProxyTracing) error {
	var err error
	switch rate := spec.SamplingRate; {
	case rate != nil && spec.SamplingFraction != nil:
		return fmt.Errorf("samplingRate and samplingFraction exclude each other; remove one")
	case rate != nil && (*rate < 0 || *rate > 100):
		return fmt.Errorf("samplingRate: %d is not a share from 0 to 100 percent", *rate)
	case rate != nil:
		out.Sampling = uint32(*rate) * (ir.Million / 100)
	case spec.SamplingFraction != nil:
		if out.Sampling, err = readShare(spec.SamplingFraction); err != nil {
			return fmt.Errorf("samplingFraction%w", err)
		}
	}
	if spec.ClientSamplingFraction == nil {
		return nil
	}
	share, err := readShare(spec.ClientSamplingFraction)
	if err != nil {
		return fmt.Errorf("clientSamplingFraction%w", err)
	}
	out.Parent = &share
	return nil
}

func readNames(out *ir.Tracing, spec *v1alpha1.ProxyTracing) error {
	if spec.SpanName == nil {
		return nil
	}
	out.SpanName, out.UpstreamSpanName = spec.SpanName.Client, spec.SpanName.Server
	if err := readFormat(out.SpanName); err != nil {
		return fmt.Errorf("spanName.client: %w", err)
	}
	if err := readFormat(out.UpstreamSpanName); err != nil {
		return fmt.Errorf("spanName.server: %w", err)
	}
	return nil
}

func readTags(out *ir.Tracing, spec *v1alpha1.ProxyTracing) error {
	tags := map[string]ir.Tag{}
	for _, name := range slices.Sorted(maps.Keys(spec.CustomTags)) {
		tag, err := readCustomTag(name, spec.CustomTags[name])
		if err != nil {
			return fmt.Errorf("customTags[%q]%w", name, err)
		}
		tags[name] = tag
	}
	for _, name := range slices.Sorted(maps.Keys(spec.Tags)) {
		if err := readText(name, maxName); err != nil {
			return fmt.Errorf("tags[%q]: the name%w", name, err)
		}
		if err := readFormat(spec.Tags[name]); err != nil {
			return fmt.Errorf("tags[%q]: %w", name, err)
		}
		tags[name] = ir.Tag{Name: name, Format: spec.Tags[name]}
	}
	if len(tags) > maxTags {
		return fmt.Errorf("tags: with customTags these are %d attributes, more than %d", len(tags), maxTags)
	}
	out.Tags = sortedTags(tags)
	return nil
}

func readCustomTag(name string, tag v1alpha1.CustomTag) (ir.Tag, error) {
	if err := readText(name, maxName); err != nil {
		return ir.Tag{}, fmt.Errorf(": the name%w", err)
	}
	literal := tag.Type == "" || tag.Type == v1alpha1.CustomTagLiteral
	switch {
	case !literal && tag.Type != v1alpha1.CustomTagRequestHeader:
		return ir.Tag{}, fmt.Errorf(".type: %q is not supported; use %s or %s",
			tag.Type, v1alpha1.CustomTagLiteral, v1alpha1.CustomTagRequestHeader)
	case literal != (tag.Literal != nil) || literal == (tag.RequestHeader != nil):
		return ir.Tag{}, fmt.Errorf(": set the field of its type, literal or requestHeader, and no other")
	case literal:
		if err := readText(tag.Literal.Value, maxText); err != nil {
			return ir.Tag{}, fmt.Errorf(".literal.value%w", err)
		}
		return ir.Tag{Name: name, Literal: tag.Literal.Value}, nil
	}
	read, err := readHeaderTag(name, string(tag.RequestHeader.Name), ptr.Deref(tag.RequestHeader.DefaultValue, ""))
	if err != nil {
		return ir.Tag{}, fmt.Errorf(".requestHeader: %w", err)
	}
	return read, nil
}
