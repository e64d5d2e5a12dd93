package count

import (
	"context"
	"crypto/tls"
	"maps"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/go-logr/logr"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/kedify/inference-gateway/api/debug"
	"github.com/kedify/inference-gateway/internal/contain"
	"github.com/kedify/inference-gateway/internal/grpcserve"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand"
	"github.com/kedify/inference-gateway/xds/server"
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
	// TLS must verify client certificates. Nil serves cleartext: for tests that set Identify.
	TLS *tls.Config
	// Identify returns the namespace of a connection. Nil: server.PeerMetrics, the one that the client
	// certificate names.
	Identify func(context.Context) (namespace string, err error)
	// Changed is called when Namespaces returns others. It must not block. May be nil.
	Changed func()
	// Flush is how often Envoys report at most. Zero: demand.DefaultFlush.
	Flush   time.Duration
	Metrics *Metrics
	Log     logr.Logger
}

// External is the metrics service for Envoys that users run. Their certificate names a namespace, and
// what they report counts for triggers of that namespace alone.
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
	// keys are the demand keys that a cluster counts for; clusters is the inverse.
	keys     map[clusterKey][]types.NamespacedName
	clusters map[types.NamespacedName]string
	// open are the names of the Envoys that have a stream.
	open map[types.NamespacedName]bool
}

// clusterKey is a cluster of the Envoys of a namespace.
type clusterKey struct{ namespace, cluster string }

// NewExternal returns a service that is not served yet.
func NewExternal(options ExternalOptions) *External {
	if options.Flush <= 0 {
		options.Flush = demand.DefaultFlush
	}
	if options.Metrics == nil {
		options.Metrics = NewMetrics()
	}
	if options.Changed == nil {
		options.Changed = func() {}
	}
	if options.Identify == nil {
		options.Identify = server.PeerMetrics
	}
	x := &External{
		options: options, ending: newEnding(),
		keys: map[clusterKey][]types.NamespacedName{}, clusters: map[types.NamespacedName]string{}, open: map[types.NamespacedName]bool{},
	}
	options.Catalog.Observe(x.observe)
	return x
}

// observe takes a trigger that came, changed or went.
func (x *External) observe(key types.NamespacedName, now *scaler.Scaler) {
	if now == nil || now.Spec.Metric.ExternalProxyMetricKey == "" {
		if !x.counts(key) {
			return
		}
	}
	before := x.Namespaces()
	x.set(key, now)
	if !slices.Equal(before, x.Namespaces()) {
		x.options.Changed()
	}
}

// counts reports whether an Envoy of the user counts for a trigger.
func (x *External) counts(key types.NamespacedName) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	_, known := x.clusters[key]
	return known
}

func (x *External) set(key types.NamespacedName, now *scaler.Scaler) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if cluster, ok := x.clusters[key]; ok {
		was := clusterKey{key.Namespace, cluster}
		delete(x.clusters, key)
		x.keys[was] = slices.DeleteFunc(slices.Clone(x.keys[was]), func(other types.NamespacedName) bool { return other == key })
		if len(x.keys[was]) == 0 {
			delete(x.keys, was)
		}
	}
	if now == nil || now.Spec.Metric.ExternalProxyMetricKey == "" {
		return
	}
	cluster := clusterKey{key.Namespace, now.Spec.Metric.ExternalProxyMetricKey}
	x.clusters[key] = cluster.cluster
	x.keys[cluster] = append(slices.Clone(x.keys[cluster]), key)
}

// of returns the demand keys that a cluster counts for. They must not be modified.
func (x *External) of(cluster clusterKey) []types.NamespacedName {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.keys[cluster]
}

// Namespaces returns those with a trigger that an Envoy of the user counts for, sorted.
func (x *External) Namespaces() []string {
	x.mu.RLock()
	defer x.mu.RUnlock()
	namespaces := map[string]bool{}
	for cluster := range x.keys {
		namespaces[cluster.namespace] = true
	}
	return slices.Sorted(maps.Keys(namespaces))
}

// Clusters returns, for each cluster that counts, the demand keys that it counts for.
func (x *External) Clusters() debug.EnvoyMetricsMap {
	x.mu.RLock()
	defer x.mu.RUnlock()
	all := debug.EnvoyMetricsMap{}
	for cluster, keys := range x.keys {
		for _, key := range keys {
			all[cluster.cluster] = append(all[cluster.cluster], key.String())
		}
		slices.Sort(all[cluster.cluster])
	}
	return all
}

// Register adds the service to a server.
func (x *External) Register(on *grpc.Server) { on.RegisterService(&description, x) }

// Serve serves it until the context ends. It owns the listener.
func (x *External) Serve(ctx context.Context, accept net.Listener) error {
	settings := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(maxMessage), grpc.MaxConcurrentStreams(maxStreams), grpc.ConnectionTimeout(grpcserve.HandshakeTimeout),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Second, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 10 * time.Second, Timeout: 5 * time.Second}),
	}
	if x.options.TLS != nil {
		settings = append(settings, grpc.Creds(credentials.NewTLS(x.options.TLS)))
	}
	serving := grpc.NewServer(append(settings, contain.ServerOptions(x.options.Log)...)...)
	x.Register(serving)
	return grpcserve.Run(ctx, serving, accept, x.stop)
}

// receive takes the messages of one Envoy until its stream ends.
func (x *External) receive(from grpc.ServerStream) error {
	namespace, err := x.options.Identify(from.Context())
	if err != nil {
		return status.Error(codes.Unauthenticated, err.Error())
	}
	address := ""
	if p, ok := peer.FromContext(from.Context()); ok && p.Addr != nil {
		address = p.Addr.String()
		if host, _, err := net.SplitHostPort(address); err == nil {
			address = host
		}
	}
	st := &externalStream{service: x, namespace: namespace, address: address, clusters: map[string]*cluster{}}
	return x.follow(from, x.options.Metrics.external, st.take, st.end)
}

// enter names the Envoy of a stream within its namespace: by its node and address, and by a number when two Envoys
// behind one address have the same node id.
func (x *External) enter(namespace, id string) (name string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	name = id
	for i := 2; x.open[types.NamespacedName{Namespace: namespace, Name: name}]; i++ {
		name = id + "#" + strconv.Itoa(i)
	}
	x.open[types.NamespacedName{Namespace: namespace, Name: name}] = true
	return name
}

func (x *External) leave(namespace, name string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.open, types.NamespacedName{Namespace: namespace, Name: name})
}
