package translate

import (
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

	"github.com/kedify/inference-gateway/xds/ir"
)

// unlimited stands for a limit on what Envoy may queue: its defaults (1,024 requests and
// connections per cluster) silently turn load into 503 or second waves; see
// docs/adr/0005-picker-per-target.md for the figures.
const unlimited = 1_000_000

// typedConfig wraps a message deterministically. The messages come from this package: marshalling them fails
// only on invalid UTF-8, which the caller has to have refused (xds/ir/check).
func typedConfig(message proto.Message) (*anypb.Any, error) {
	out := &anypb.Any{}
	err := anypb.MarshalFrom(out, message, proto.MarshalOptions{Deterministic: true})
	return out, err
}

// extension is a named typed extension.
func extension(name string, message proto.Message) (*corev3.TypedExtensionConfig, error) {
	config, err := typedConfig(message)
	if err != nil {
		return nil, err
	}
	return &corev3.TypedExtensionConfig{Name: name, TypedConfig: config}, nil
}

// adsConfigSource is where every dynamic resource comes from.
//
// The initial fetch timeout stays at Envoy's 15 s: one name that is never answered may
// delay a starting proxy, but not for ever. (CDS and LDS have none, see xds/bootstrap.)
func adsConfigSource() *corev3.ConfigSource {
	return &corev3.ConfigSource{
		ResourceApiVersion:    corev3.ApiVersion_V3,
		ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}},
	}
}

func boolTrue() *wrapperspb.BoolValue                  { return wrapperspb.Bool(true) }
func uint32Value(value uint32) *wrapperspb.UInt32Value { return wrapperspb.UInt32(value) }

// sorted returns the distinct strings in order.
func sorted(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

// distinct returns the sources without repetition, in the order of first appearance, and
// without nodes that no object caused.
func distinct(sources []ir.Source) []ir.Source {
	seen := make(map[ir.Source]bool, len(sources))
	var out []ir.Source
	for _, source := range sources {
		if source == (ir.Source{}) || seen[source] {
			continue
		}
		seen[source] = true
		out = append(out, source)
	}
	return out
}
