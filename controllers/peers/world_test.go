package peers_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/xds/ir"

	"github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/types"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/kedify/inference-gateway/controllers/certs"
	"github.com/kedify/inference-gateway/controllers/peers"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand"
	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	serverName = "kedify-gateway.kedify-system.svc"
	grace      = 400 * time.Millisecond
	fadeDelay  = 100 * time.Millisecond
)

var gatewayKey = types.NamespacedName{Namespace: "default", Name: "gateway"}

// cluster is what replicas have in common: the CA Secret and their addresses.
type cluster struct {
	t      *testing.T
	client client.Client

	mu        sync.Mutex
	addresses []string
}

func newCluster(t *testing.T) *cluster {
	return &cluster{t: t, client: fake.NewClientBuilder().Build()}
}

// replica is a publisher with its xDS server on loopback, its exchange and the last merged
// delivery of each gateway.
type replica struct {
	*gomega.WithT
	t         *testing.T
	name      string
	address   string
	keeper    *certs.Keeper
	publisher *publish.Publisher
	exchange  *peers.Exchange
	catalog   *scaler.Catalog
	registry  *demand.Registry
	stop      func()

	mu     sync.Mutex
	merged map[types.NamespacedName][]publish.Delivery
}

func (c *cluster) replica(name string) *replica {
	c.t.Helper()
	return c.replicaAt(name, "127.0.0.1:0")
}

func (c *cluster) replicaAt(name, address string) *replica {
	c.t.Helper()
	r := &replica{WithT: gomega.NewWithT(c.t), t: c.t, name: name, merged: map[types.NamespacedName][]publish.Delivery{}}
	r.SetDefaultEventuallyTimeout(10 * time.Second)
	r.SetDefaultEventuallyPollingInterval(time.Millisecond)
	r.keeper = certs.NewKeeper(certs.Options{Client: c.client, Namespace: "kedify-system", Name: certs.SecretName, Clock: clock.RealClock{}})
	if err := r.keeper.Load(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
	r.catalog = scaler.NewCatalog()
	r.registry = demand.New(demand.Options{Catalog: r.catalog})
	r.exchange = peers.New(peers.Options{
		Registry: r.registry, Replica: name, Deliver: r.take,
		Knows:    func(gateway types.NamespacedName) bool { return r.publisher.Knows(ir.Key(gateway)) },
		Discover: c.discover, Certificates: r.keeper, ServerName: serverName, Grace: grace, FadeDelay: fadeDelay,
	})
	r.publisher = publish.New(publish.Options{OnDelivery: r.exchange.Deliver})
	gateways := server.NewGateways()
	gateways.Set(gatewayKey, "u-1")
	xds, err := server.New(server.Options{Publisher: r.publisher, Gateways: gateways, TLS: r.keeper.ServerTLS(serverName),
		Register: r.exchange.Register})
	if err != nil {
		c.t.Fatal(err)
	}
	accept, err := net.Listen("tcp", address)
	if err != nil {
		c.t.Fatal(err)
	}
	r.address = accept.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = xds.Serve(ctx, accept) })
	running.Go(func() { _ = r.exchange.Run(ctx) })
	r.stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	c.t.Cleanup(r.stop)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Contains(c.addresses, r.address) {
		c.addresses = append(c.addresses, r.address)
	}
	return r
}

// discover names all replicas, the one that asks included: it must recognise itself.
func (c *cluster) discover(context.Context) ([]string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.addresses), nil
}

func (r *replica) take(d publish.Delivery) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.merged[types.NamespacedName(d.Gateway)] = append(r.merged[types.NamespacedName(d.Gateway)], d)
}

// all returns what was delivered of the gateway, oldest first.
func (r *replica) all() []publish.Delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.merged[gatewayKey])
}

func (r *replica) last() publish.Delivery {
	all := r.all()
	if len(all) == 0 {
		return publish.Delivery{}
	}
	return all[len(all)-1]
}

// applies makes replicas desire the same.
func applies(upsert []resource.Resource, replicas ...*replica) {
	for _, r := range replicas {
		r.publisher.Apply(ir.Key(gatewayKey), resource.Change{Upsert: upsert})
		r.publisher.Ready(ir.Key(gatewayKey))
	}
}

func (r *replica) dial(ctx context.Context) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "tcp", r.address)
}

// credentials are those of a client with an identity.
func (r *replica) credentials(identity string) credentials.TransportCredentials {
	r.t.Helper()
	config, err := peers.ClientTLS(r.keeper, identity, serverName)
	if err != nil {
		r.t.Fatal(err)
	}
	return credentials.NewTLS(config)
}

func (r *replica) connection(identity string) *grpc.ClientConn {
	r.t.Helper()
	connection, err := grpc.NewClient("passthrough:///"+r.address, grpc.WithTransportCredentials(r.credentials(identity)))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = connection.Close() })
	return connection
}

// proxy starts an Envoy of the gateway at the replica.
func (r *replica) proxy(options deltatest.Options) *deltatest.Proxy {
	r.t.Helper()
	options.Gateway, options.Dial, options.Credentials = ir.Key(gatewayKey), r.dial, r.credentials(server.Identity(gatewayKey, "u-1"))
	return deltatest.Start(r.t, options)
}

func (r *replica) delivers(what string, condition func(publish.Delivery) bool) {
	r.t.Helper()
	r.Eventually(func() bool { return condition(r.last()) }).Should(gomega.BeTrue(), func() string {
		return fmt.Sprintf("replica %s: %s: %+v", r.name, what, r.last())
	})
}

// follows waits until the replica hears of n others.
func (r *replica) follows(n int) {
	r.t.Helper()
	r.Eventually(func() bool { return len(r.exchange.Elsewhere(gatewayKey)) == n }).Should(gomega.BeTrue(), func() string {
		return fmt.Sprintf("replica %s hears of %v, not of %d others", r.name, r.exchange.Elsewhere(gatewayKey), n)
	})
}

// hears waits until n gateways were delivered.
func (r *replica) hears(n int) {
	r.t.Helper()
	heard := func() int {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.merged)
	}
	r.Eventually(heard).Should(gomega.Equal(n), func() string {
		return fmt.Sprintf("replica %s heard of %d gateways, not of %d", r.name, heard(), n)
	})
}

func served(name string) func(publish.Delivery) bool {
	return func(d publish.Delivery) bool { return d.Connected > 0 && d.Listeners[name] }
}
