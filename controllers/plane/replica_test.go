package plane_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"
	k8sevents "k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/api/debug"
	"github.com/kedify/inference-gateway/controllers"
	"github.com/kedify/inference-gateway/controllers/apitest"
	"github.com/kedify/inference-gateway/controllers/certs"
	"github.com/kedify/inference-gateway/controllers/lead"
	"github.com/kedify/inference-gateway/controllers/plane"
	"github.com/kedify/inference-gateway/controllers/scope"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/controllers/watch"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/server"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
	"github.com/kedify/inference-gateway/xds/stage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	installation = "kedify-system"
	serverName   = "kedify-gateway.kedify-system.svc"
	// patience of everything that is waited for.
	patience = 20 * time.Second
)

// cluster is what replicas have in common: the API server, and their Pods as an EndpointSlice has
// them.
type cluster struct {
	*WithT
	t      *testing.T
	api    *apitest.Server
	client client.Client
	keeper *certs.Keeper
	port   int
	// log, listPatience and routeGrace of replicas that are made.
	log          logr.Logger
	listPatience time.Duration
	routeGrace   time.Duration
	// sharedProxy and proxyValues are options of replicas that are made.
	sharedProxy bool
	proxyValues string
	// before is plane.Deps.Before of replicas that are made.
	before func(stage.Stage) stage.Stage
	// tracing is the endpoint of a collector; empty: none.
	tracing string
	// dialPod is plane.Deps.DialPod of replicas that are made.
	dialPod func(ctx context.Context, network, address string) (net.Conn, error)
	// kedaTLS: mutual TLS with KEDA, and the wiring runs.
	kedaTLS bool
	// elect makes the election of a replica; nil: by replica.elected.
	elect func(replica string) lead.Elect
	// watch are options.WatchNamespaces of replicas that are made, which may then read and write objects of no other namespace.
	watch []string
	// away: no API server answers; nil: one does, always.
	away *atomic.Bool

	mu       sync.Mutex
	replicas []*replica
}

func newCluster(t *testing.T, texts ...string) *cluster {
	t.Helper()
	api := newAPIServer(t)
	c := &cluster{WithT: NewWithT(t), t: t, api: api, client: api.Client, log: logr.Discard()}
	c.SetDefaultEventuallyTimeout(patience)
	c.SetDefaultEventuallyPollingInterval(2 * time.Millisecond)
	c.create(texts...)
	c.keeper = certs.NewKeeper(certs.Options{Client: c.client, Namespace: installation, Name: certs.SecretName, Clock: clock.RealClock{}})
	c.Expect(c.keeper.Load(t.Context())).To(Succeed())
	return c
}

// kedaListen is no address of another listener.
const kedaListen = "127.0.0.9:0"

// replica is a running plane.
type replica struct {
	*plane.Plane
	cluster  *cluster
	ip       string
	recorder *k8sevents.FakeRecorder
	// elected says whether the replica leads.
	elected  chan bool
	registry *prometheus.Registry
	// keda is where KEDA asks.
	keda chan net.Addr
	stop func()
}

// replica is one that is ready.
func (c *cluster) replica(ip string) *replica {
	c.t.Helper()
	r := c.start(ip)
	c.Eventually(r.Ready).Should(Succeed(), "the replica is ready")
	return r
}

// start runs a plane on an address of its own on loopback. All listen on one port, as Pods do.
func (c *cluster) start(ip string) *replica {
	c.t.Helper()
	accept, err := net.Listen("tcp", net.JoinHostPort(ip, strconv.Itoa(c.port)))
	c.Expect(err).NotTo(HaveOccurred())
	c.port = accept.Addr().(*net.TCPAddr).Port
	address := accept.Addr().String()

	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	r := &replica{cluster: c, ip: ip, recorder: k8sevents.NewFakeRecorder(1000), keda: make(chan net.Addr, 1),
		registry: prometheus.NewRegistry(), elected: make(chan bool)}
	caches := c.caches()
	r.Plane, err = plane.New(plane.Deps{
		API: plane.API{
			Cache: c.api.CacheOf(ctx, &running, caches), Refusals: caches.Refusals,
			Client: c.direct(), Direct: c.direct(), Mapper: c.api.Mapper(), Resources: c.api, Scheme: c.api.Scheme,
			Recorder: r.recorder, Owned: owned{c.client}, Scales: scales{},
		},
		Options: controllers.Options{
			Namespace: installation, XDSListen: address, XDSAddress: net.JoinHostPort(serverName, strconv.Itoa(c.port)), PodIP: ip,
			KEDAListen: kedaListen, MetricsServiceListen: "127.0.0.1:0", ClassName: "kedify", AdmissionName: "kedify-gateway",
			KEDAAuthentication: "kedify-gateway", SharedProxy: c.sharedProxy, ProxyValues: c.proxyValues,
			WatchNamespaces: c.watch, KEDATLS: c.kedaTLS, KEDANamespace: "keda", Autowire: c.kedaTLS, TriggerMetrics: true,
			TracingEndpoint: c.tracing,
		},
		Elect: r.elect, Before: c.before, DialPod: c.dialPod,
		Replica: ip, Registry: r.registry, Log: c.log,
		Timing: plane.Timing{
			RemoveGrace: 10 * time.Millisecond, PeerGrace: time.Second, ListPatience: c.listPatience, RouteGrace: c.routeGrace,
			Patience: 100 * time.Millisecond,
		},
		Listen: func(at string) (net.Listener, error) {
			if at == address {
				return accept, nil
			}
			listener, err := net.Listen("tcp", at)
			if err == nil && at == kedaListen {
				r.keda <- listener.Addr()
			}
			return listener, err
		},
	})
	c.Expect(err).NotTo(HaveOccurred())
	c.Expect(r.Load(ctx)).To(Succeed())
	for _, one := range r.Runnables() {
		running.Go(func() {
			if err := one(ctx); err != nil && ctx.Err() == nil {
				c.t.Errorf("replica %s: %v", ip, err)
			}
		})
	}
	r.stop = sync.OnceFunc(func() {
		c.setReplicas(func(all []*replica) []*replica {
			return slices.DeleteFunc(all, func(other *replica) bool { return other == r })
		})
		cancel()
		running.Wait()
	})
	c.t.Cleanup(r.stop)
	c.setReplicas(func(all []*replica) []*replica { return append(all, r) })
	return r
}

// caches are those of a replica.
func (c *cluster) caches() watch.Caches {
	dispensable, err := watch.KindsOf(c.api.Scheme, store.Dispensable())
	c.Expect(err).NotTo(HaveOccurred())
	return watch.Caches{
		Own: installation, Watched: scope.Of(installation, c.watch), Dispensable: dispensable,
		Refusals: watch.NewRefusals(hurried{}, c.log.WithName("watch")),
	}
}

// hurried is a clock on which a pause takes a moment.
type hurried struct{ clock.RealClock }

func (c hurried) NewTimer(time.Duration) clock.Timer {
	return c.RealClock.NewTimer(10 * time.Millisecond)
}

// leader is a replica that leads.
func (c *cluster) leader(ip string) *replica {
	c.t.Helper()
	r := c.replica(ip)
	r.elected <- true
	return r
}

// elect has the replica lead as the test says.
func (r *replica) elect(ctx context.Context, leads func(bool)) error {
	if r.cluster.elect != nil {
		return r.cluster.elect(r.ip)(ctx, leads)
	}
	for {
		select {
		case now := <-r.elected:
			leads(now)
		case <-ctx.Done():
			leads(false)
			return nil
		}
	}
}

// setReplicas changes which replicas the Service of the installation has.
func (c *cluster) setReplicas(change func([]*replica) []*replica) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.replicas = change(c.replicas)
	slice := &discoveryv1.EndpointSlice{AddressType: discoveryv1.AddressTypeIPv4}
	slice.Namespace, slice.Name = installation, "kedify-gateway-a"
	slice.Labels = map[string]string{discoveryv1.LabelServiceName: "kedify-gateway"}
	slice.Ports = []discoveryv1.EndpointPort{{Port: ptr.To(int32(c.port))}}
	for _, r := range c.replicas {
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
			Addresses: []string{r.ip}, Conditions: discoveryv1.EndpointConditions{Ready: ptr.To(true)},
		})
	}
	c.write(slice)
}

// credentials are those of the Envoys of a Gateway.
func (c *cluster) credentials(gateway types.NamespacedName) credentials.TransportCredentials {
	c.t.Helper()
	object := gatewayNamed(gateway)
	c.Eventually(func() (types.UID, error) { // the API server of the test gives what is applied its UID a moment later
		err := c.client.Get(c.t.Context(), client.ObjectKeyFromObject(object), object)
		return object.UID, err
	}).ShouldNot(BeEmpty(), "the Gateway of a certificate")
	return c.credentialsOf(server.Identity(gateway, object.UID))
}

// credentialsOf are those of any client of the control plane.
func (c *cluster) credentialsOf(identity string) credentials.TransportCredentials {
	c.t.Helper()
	made, err := c.keeper.ClientCertificate(nil, identity)
	c.Expect(err).NotTo(HaveOccurred())
	pair, err := tls.X509KeyPair(made.Data[corev1.TLSCertKey], made.Data[corev1.TLSPrivateKeyKey])
	c.Expect(err).NotTo(HaveOccurred())
	trusted := x509.NewCertPool()
	c.Expect(trusted.AppendCertsFromPEM(made.Data[corev1.ServiceAccountRootCAKey])).To(BeTrue())
	return credentials.NewTLS(&tls.Config{
		MinVersion: tls.VersionTLS12, ServerName: serverName, RootCAs: trusted, Certificates: []tls.Certificate{pair},
	})
}

func (r *replica) dial(ctx context.Context) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "tcp", r.address())
}

func (r *replica) address() string { return net.JoinHostPort(r.ip, strconv.Itoa(r.cluster.port)) }

// proxy is an Envoy of a Gateway that is connected to the replica.
func (r *replica) proxy(gateway types.NamespacedName, options deltatest.Options) *deltatest.Proxy {
	r.cluster.t.Helper()
	options.Gateway, options.Dial, options.Credentials = ir.Key(gateway), r.dial, r.cluster.credentials(gateway)
	options.Missing = append(options.Missing, "invalid")
	return deltatest.Start(r.cluster.t, options)
}

// connection is one to the replica, with any certificate.
func (r *replica) connection(as credentials.TransportCredentials) *grpc.ClientConn {
	r.cluster.t.Helper()
	made, err := grpc.NewClient("passthrough:///"+r.address(), grpc.WithTransportCredentials(as))
	r.cluster.Expect(err).NotTo(HaveOccurred())
	r.cluster.t.Cleanup(func() { _ = made.Close() })
	return made
}

// dump is the debug view of a Gateway.
func (r *replica) dump(gateway types.NamespacedName) debug.Gateway {
	r.cluster.t.Helper()
	answer := httptest.NewRecorder()
	r.Dumps()["/xds/"].ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/xds/"+gateway.String(), nil))
	var dumps []debug.Gateway
	r.cluster.Expect(json.Unmarshal(answer.Body.Bytes(), &dumps)).To(Succeed())
	r.cluster.Expect(dumps).To(HaveLen(1))
	return dumps[0]
}
