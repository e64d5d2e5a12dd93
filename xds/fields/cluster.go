package fields

import (
	"fmt"
	"maps"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	httpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
)

const (
	circuitBreakers = "circuit_breakers"
	commonHTTP      = "common_http_protocol_options"
	httpExtension   = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
)

// Cluster is fields of Cluster.
type Cluster struct {
	message *clusterv3.Cluster
	values  map[string]any
}

// ReadCluster reads a ClusterText.
func ReadCluster(text string) (Cluster, error) {
	if text == "" {
		return Cluster{}, nil
	}
	values, message, err := clusterKind.read([]byte(text))
	if err != nil {
		return Cluster{}, fmt.Errorf("fields of Cluster: %w", err)
	}
	return Cluster{message: message.(*clusterv3.Cluster), values: values}, nil
}

// Sets reports whether a field was written.
func (c Cluster) Sets(name string) bool {
	_, written := c.values[name]
	return written
}

// Over lays the fields over a rendered Cluster, except how it balances load (Balancing).
func (c Cluster) Over(cluster *clusterv3.Cluster) error {
	if len(c.values) == 0 {
		return nil
	}
	if breakers, ok := c.values[circuitBreakers].(map[string]any); ok {
		overBreakers(cluster, c.message.CircuitBreakers, breakers)
	}
	if options, ok := c.values[commonHTTP].(map[string]any); ok {
		from := c.message.ProtoReflect()
		from = from.Get(from.Descriptor().Fields().ByName(commonHTTP)).Message() // deprecated in Go
		if err := overHTTP(cluster, from, options); err != nil {
			return err
		}
	}
	rest := maps.Clone(c.values)
	for _, name := range []string{circuitBreakers, commonHTTP, lbPolicy} {
		delete(rest, name)
	}
	for _, policy := range policies {
		delete(rest, policy.config)
	}
	overlay(cluster.ProtoReflect(), c.message.ProtoReflect(), rest)
	return nil
}

// overBreakers lays thresholds over those of the same priority: a limit that is not set stays what
// the product sets.
func overBreakers(cluster *clusterv3.Cluster, from *clusterv3.CircuitBreakers, values map[string]any) {
	if cluster.CircuitBreakers == nil {
		cluster.CircuitBreakers = &clusterv3.CircuitBreakers{}
	}
	into := cluster.CircuitBreakers
	written, _ := values["thresholds"].([]any)
	for i, thresholds := range from.Thresholds {
		of := thresholdsOf(into, thresholds.Priority)
		overlay(of.ProtoReflect(), thresholds.ProtoReflect(), written[i].(map[string]any))
	}
	if len(from.PerHostThresholds) > 0 {
		into.PerHostThresholds = from.PerHostThresholds
	}
}

func thresholdsOf(breakers *clusterv3.CircuitBreakers, priority corev3.RoutingPriority) *clusterv3.CircuitBreakers_Thresholds {
	for _, thresholds := range breakers.Thresholds {
		if thresholds.Priority == priority {
			return thresholds
		}
	}
	added := &clusterv3.CircuitBreakers_Thresholds{Priority: priority}
	breakers.Thresholds = append(breakers.Thresholds, added)
	return added
}

// overHTTP lays options over those of a cluster that speaks HTTP. Envoy takes them in an extension.
func overHTTP(cluster *clusterv3.Cluster, from protoreflect.Message, values map[string]any) error {
	packed := cluster.TypedExtensionProtocolOptions[httpExtension]
	if packed == nil {
		return nil
	}
	options := &httpv3.HttpProtocolOptions{}
	if err := packed.UnmarshalTo(options); err != nil {
		return fmt.Errorf("%s: %w", commonHTTP, err)
	}
	if options.CommonHttpProtocolOptions == nil {
		options.CommonHttpProtocolOptions = &corev3.HttpProtocolOptions{}
	}
	overlay(options.CommonHttpProtocolOptions.ProtoReflect(), from, values)
	again := &anypb.Any{}
	if err := anypb.MarshalFrom(again, options, proto.MarshalOptions{Deterministic: true}); err != nil {
		return fmt.Errorf("%s: %w", commonHTTP, err)
	}
	cluster.TypedExtensionProtocolOptions[httpExtension] = again
	return nil
}
