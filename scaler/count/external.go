package count

import (
	"context"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/go-logr/logr"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/peer"

	"github.com/kedify/inference-gateway/api/debug"
	"github.com/kedify/inference-gateway/internal/grpcserve"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand"
)

const (
	// maxMessage bounds a message in bytes; an Envoy with 5,000 clusters and all of its
	// statistics sends 17 MB.
	maxMessage = 64 << 20
	// maxStreams bounds the streams of one connection.
	maxStreams = 16
)

// ExternalOptions of an External.
type ExternalOptions struct {
	Registry Registry
	// Catalog says which clusters count, by Spec.Metric.ExternalProxyMetricKey. It is
	// observed, so the service is to be made before the first trigger is set.
	Catalog *scaler.Catalog
	// Flush is how often Envoys report at most. Zero: demand.DefaultFlush.
	Flush   time.Duration
	Metrics *Metrics
	Log     logr.Logger
}

// External is the metrics service for Envoys that users run. It has no authentication, so it is
// to be reachable inside the cluster only.
//
// Such an Envoy has a MetricsServiceConfig sink with emit_tags_as_labels: the family
// cluster.upstream_rq_total with the label envoy.cluster_name counts for the triggers whose
// externalProxyMetricKey is that name. Counters may be cumulative or deltas
// (report_counters_as_deltas): an Envoy that reports a cluster's counter that is zero reports
// deltas, because unused counters are not sent at all. An Envoy is its node id and its
// address: node ids are often equal. With batch_size a retry may be counted as a
// request.
type External struct {
	options ExternalOptions
	ending

	mu sync.RWMutex
	// keys are the demand keys that a cluster counts for, sorted; clusters is the inverse.
	keys     map[string][]types.NamespacedName
	clusters map[types.NamespacedName]string
	// open are the names of the Envoys that have a stream.
	open map[string]bool
}

// NewExternal returns a service that is not served yet.
func NewExternal(options ExternalOptions) *External {
	if options.Flush <= 0 {
		options.Flush = demand.DefaultFlush
	}
	if options.Metrics == nil {
		options.Metrics = NewMetrics()
	}
	x := &External{
		options: options, ending: newEnding(),
		keys: map[string][]types.NamespacedName{}, clusters: map[types.NamespacedName]string{}, open: map[string]bool{},
	}
	options.Catalog.Observe(x.observe)
	return x
}

// observe takes a trigger that came, changed or went.
func (x *External) observe(key types.NamespacedName, now *scaler.Scaler) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if was, ok := x.clusters[key]; ok {
		delete(x.clusters, key)
		x.keys[was] = slices.DeleteFunc(slices.Clone(x.keys[was]), func(other types.NamespacedName) bool { return other == key })
		if len(x.keys[was]) == 0 {
			delete(x.keys, was)
		}
	}
	if now == nil || now.Spec.Metric.ExternalProxyMetricKey == "" {
		return
	}
	cluster := now.Spec.Metric.ExternalProxyMetricKey
	x.clusters[key] = cluster
	x.keys[cluster] = append(slices.Clone(x.keys[cluster]), key)
}

// of returns the demand keys that a cluster counts for. They must not be modified.
func (x *External) of(cluster string) []types.NamespacedName {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.keys[cluster]
}

// Clusters returns, for each cluster that counts, the demand keys that it counts for.
func (x *External) Clusters() debug.EnvoyMetricsMap {
	x.mu.RLock()
	defer x.mu.RUnlock()
	all := debug.EnvoyMetricsMap{}
	for cluster, keys := range x.keys {
		for _, key := range keys {
			all[cluster] = append(all[cluster], key.String())
		}
		slices.Sort(all[cluster])
	}
	return all
}

// Register adds the service to a server.
func (x *External) Register(on *grpc.Server) { on.RegisterService(&description, x) }

// Serve serves it in cleartext until the context ends. It owns the listener.
func (x *External) Serve(ctx context.Context, accept net.Listener) error {
	serving := grpc.NewServer(
		grpc.MaxRecvMsgSize(maxMessage), grpc.MaxConcurrentStreams(maxStreams),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Second, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 10 * time.Second, Timeout: 5 * time.Second}),
	)
	x.Register(serving)
	return grpcserve.Run(ctx, serving, accept, x.stop)
}

// receive takes the messages of one Envoy until its stream ends.
func (x *External) receive(from grpc.ServerStream) error {
	address := ""
	if p, ok := peer.FromContext(from.Context()); ok && p.Addr != nil {
		address = p.Addr.String()
		if host, _, err := net.SplitHostPort(address); err == nil {
			address = host
		}
	}
	st := &externalStream{service: x, address: address, clusters: map[string]*cluster{}}
	return x.follow(from, x.options.Metrics.external, st.take, st.end)
}

// enter names the Envoy of a stream: by its node and address, and by a number when two Envoys
// behind one address have the same node id.
func (x *External) enter(id string) (name string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	name = id
	for i := 2; x.open[name]; i++ {
		name = id + "#" + strconv.Itoa(i)
	}
	x.open[name] = true
	return name
}

func (x *External) leave(name string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.open, name)
}
