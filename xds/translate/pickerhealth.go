package translate

import (
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	rawbufferv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/raw_buffer/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
)

const (
	// listening is how soon a picker is asked after its port accepts connections.
	listening = 200 * time.Millisecond
	// listens is how often a port that accepted connections is tried again.
	listens = 10 * time.Second
	// refusals in a row take a picker out: what has to go at once, its Pod, leaves by its
	// endpoint. This is for nodes that vanish.
	refusals       = 3
	refusalTimeout = time.Second

	plainConnection = "plain"
)

// listensFirst keeps requests away from a picker until its port accepts connections. The
// reference picker is ready up to two seconds before (it makes a key in between), and a body
// that is on its way to a picker cannot be sent elsewhere, so that a pool that fails open
// would answer 503.
//
// It is a connection and no more: no request is made, and no TLS handshake, which a thousand
// pickers would make costly.
func listensFirst(message *clusterv3.Cluster) error {
	plain, err := packed(&rawbufferv3.RawBuffer{})
	if err != nil {
		return err
	}
	criteria := &structpb.Struct{Fields: map[string]*structpb.Value{plainConnection: structpb.NewBoolValue(true)}}
	message.TransportSocketMatches = []*clusterv3.Cluster_TransportSocketMatch{{
		Name: plainConnection, Match: criteria,
		TransportSocket: &corev3.TransportSocket{
			Name:       "envoy.transport_sockets.raw_buffer",
			ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: plain},
		},
	}}
	message.HealthChecks = []*corev3.HealthCheck{{
		HealthChecker:                &corev3.HealthCheck_TcpHealthCheck_{TcpHealthCheck: &corev3.HealthCheck_TcpHealthCheck{}},
		TransportSocketMatchCriteria: criteria,
		Timeout:                      durationpb.New(refusalTimeout),
		Interval:                     durationpb.New(listens),
		UnhealthyInterval:            durationpb.New(listening),
		// A cluster that was never asked has an interval of its own: a minute, by default.
		NoTrafficInterval:        durationpb.New(listening),
		NoTrafficHealthyInterval: durationpb.New(listens),
		UnhealthyThreshold:       number(refusals),
		HealthyThreshold:         number(1),
	}}
	// An endpoint that was removed is gone, whether or not its port still answers.
	message.IgnoreHealthOnHostRemoval = true
	return nil
}
