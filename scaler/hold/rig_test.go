package hold_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/kedify/inference-gateway/api/debug"
	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/hold"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
	"github.com/kedify/inference-gateway/xds/translate"
)

const here, there = "10.0.0.1:18000", "10.0.0.2:18000"

// rig is a gate and an activator in front of a real publisher, with a clock that stands still,
// and proxies that do what the test says.
type rig struct {
	t         *testing.T
	clock     *deltatest.Clock
	publisher *publish.Publisher
	gate      *hold.Gate
	activator *hold.Activator
	catalog   *scaler.Catalog
	backend   ir.ClusterKey
	demand    types.NamespacedName
	registry  *prometheus.Registry

	mu      sync.Mutex
	last    time.Time // LastArrival; zero: unknown
	told    []string  // by Options.Held, "held arrived"
	running sync.WaitGroup
}

func newRig(t *testing.T, backend ir.ClusterKey, change func(*hold.Options)) *rig {
	r := &rig{t: t, clock: deltatest.NewClock(), catalog: scaler.NewCatalog(), registry: prometheus.NewRegistry(),
		backend: backend, demand: webKey}
	r.publisher = publish.New(publish.Options{
		Clock: r.clock, RemoveGrace: -1, OnAccepted: func(a publish.Acceptance) { r.gate.Accepted(a) },
	})
	options := hold.Options{
		Publisher: r.publisher, Catalog: r.catalog, Clock: r.clock, Metrics: hold.NewMetrics(),
		LastArrival: func(types.NamespacedName) (time.Time, bool) {
			r.mu.Lock()
			defer r.mu.Unlock()
			return r.last, !r.last.IsZero()
		},
		Held: func(_ types.NamespacedName, held int, arrived uint64) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.told = append(r.told, fmt.Sprintf("%d %d", held, arrived))
		},
	}
	if change != nil {
		change(&options)
	}
	if err := options.Metrics.Register(r.registry); err != nil {
		t.Fatal(err)
	}
	r.gate = hold.NewGate(options)
	r.activator = hold.NewActivator(r.gate,
		hold.ActivatorOptions{Gateway: func(context.Context) (types.NamespacedName, error) { return gatewayKey, nil }})
	r.gate.SetAddresses(hold.Addresses{Own: here, Others: []string{there}})
	r.trigger(func(*scaler.Scaler) {})
	t.Cleanup(func() { r.activator.Stop(); r.running.Wait() })
	return r
}

// serviceRig is a rig whose engine said everything, with the endpoints of a Service.
func serviceRig(t *testing.T, ports ...uint32) *rig {
	r := newRig(t, service(), nil)
	r.world(ports...)
	r.gate.Ready(ir.Key(gatewayKey))
	return r
}

// world is what the engine says first.
func (r *rig) world(ports ...uint32) {
	counting := r.backend
	counting.Demand = r.demand.Name
	r.apply(r.one(translate.Cluster(ir.Cluster{Key: counting, Protocol: ir.HTTP1})), r.assignment(ports...),
		r.holdAssignment())
}

func (r *rig) one(made resource.Resource, err error) resource.Resource {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
	return made
}

func (r *rig) name() string { return translate.EndpointsName(r.backend) }

func (r *rig) assignment(ports ...uint32) resource.Resource {
	wanted := ir.Endpoints{Key: r.backend}
	for _, port := range ports {
		wanted.Addresses = append(wanted.Addresses, ir.Endpoint{Address: "127.0.0.1", Port: port})
	}
	return r.one(translate.Endpoints(wanted))
}

// holdAssignment is the wish of the engine that requests to the backend wait.
func (r *rig) holdAssignment() resource.Resource {
	return r.one(translate.Endpoints(ir.Endpoints{Key: r.backend.HoldCluster()}))
}

func (r *rig) apply(all ...resource.Resource) {
	r.gate.Apply(ir.Key(gatewayKey), resource.Change{Upsert: all})
}

func (r *rig) remove(key resource.Key) {
	r.gate.Apply(ir.Key(gatewayKey), resource.Change{Remove: []resource.Key{key}})
}

// disarmTraffic is as much traffic as disarms a backend.
func (r *rig) disarmTraffic() {
	r.t.Helper()
	for range hold.DefaultDisarmAnswers {
		r.ask("a").wants("go")
	}
}

// endpoints is what the engine says of the backend.
func (r *rig) endpoints(ports ...uint32) { r.apply(r.assignment(ports...)) }

// trigger puts the trigger of the backend in force.
func (r *rig) trigger(change func(*scaler.Scaler)) {
	s := &scaler.Scaler{Key: r.demand, Gateways: []types.NamespacedName{gatewayKey},
		Spec: v1alpha1.HTTPScalerSpec{Metric: v1alpha1.HTTPScalerMetric{Type: v1alpha1.Concurrency, Target: 100}}}
	change(s)
	r.catalog.Set(r.demand, s)
}

// arrival is a request that counting saw.
func (r *rig) arrival() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = r.clock.Now()
}

// gaveUp counts the waits for proxies that were given up: "ack" or "confirmation".
func (r *rig) gaveUp(wait string) float64 {
	return counted(r.t, r.registry, "waits_exceeded_total", "wait", wait)
}

func (r *rig) dump() debug.HoldBackend {
	r.t.Helper()
	for _, b := range r.gate.Dump(gatewayKey).Backends {
		if b.Name == r.name() {
			return b
		}
	}
	return debug.HoldBackend{}
}

func (r *rig) eventually(what string, condition func() bool) {
	r.t.Helper()
	gomega.NewWithT(r.t).Eventually(func() bool {
		r.clock.Advance(0) // for timers that were set when their time had come
		return condition()
	}).WithTimeout(10*time.Second).WithPolling(100*time.Microsecond).Should(gomega.BeTrue(), func() string {
		return fmt.Sprintf("%s: %+v", what, r.gate.Dump(gatewayKey))
	})
}

// bubble is a subtest in a bubble, where quiet and what uses it may be called.
func bubble(test func(*testing.T)) func(*testing.T) {
	return func(t *testing.T) { synctest.Test(t, test) }
}

// quiet waits until nothing happens any more at this time of the clock: every goroutine of the
// bubble waits for the test.
func (r *rig) quiet() {
	synctest.Wait()
	r.clock.Advance(0) // for timers that were set when their time had come
	synctest.Wait()
}

// advance moves the clock and waits for what comes of it.
func (r *rig) advance(d time.Duration) {
	r.clock.Advance(d)
	r.quiet()
}

// holds fails unless so many requests are held when nothing happens any more.
func (r *rig) holds(count int) {
	r.t.Helper()
	r.quiet()
	if d := r.dump(); d.Held != count {
		r.t.Fatalf("%d held requests, want %d: %+v", d.Held, count, d)
	}
}

// proxy is an Envoy as far as endpoints go: what it is sent waits until the test has it taken.
type proxy struct {
	rig     *rig
	node    string
	session *publish.Session

	mu      sync.Mutex
	auto    bool // takes everything at once
	pending []*discovery.DeltaDiscoveryResponse
	bodies  map[string]*endpointv3.ClusterLoadAssignment
	version map[string]string
	applied func() // called with mu held after something was taken
	sent    func() // and after something was sent
}

// connect makes a proxy that takes what it is sent at once.
func (r *rig) connect(node string) *proxy {
	p := &proxy{rig: r, node: node, auto: true, bodies: map[string]*endpointv3.ClusterLoadAssignment{}, version: map[string]string{}}
	p.reconnect()
	r.t.Cleanup(p.disconnect)
	r.eventually(node+" has everything", p.upToDate)
	r.eventually("the gate knows what "+node+" has", func() bool { return r.knows(node) })
	return p
}

// knows reports whether the gate knows what a proxy has that has everything.
func (r *rig) knows(node string) bool {
	b := r.dump()
	for _, p := range b.Proxies {
		if p.Node == node {
			return p.Connected && (b.State == "unheld" || b.State == "withdrawn" || b.State == "unknown" || p.Ready == (len(b.Endpoints) > 0))
		}
	}
	return b.Name == ""
}

func (p *proxy) reconnect() {
	p.mu.Lock()
	p.pending = nil
	known := map[string]string{}
	for name, version := range p.version {
		known[name] = version
	}
	p.mu.Unlock()
	p.session = p.rig.publisher.Connect(ir.Key(gatewayKey), p.node, p.receive)
	p.answer(&discovery.DeltaDiscoveryRequest{
		ResourceNamesSubscribe: []string{p.rig.name(), p.rig.name() + hold.Suffix}, InitialResourceVersions: known,
	})
}

func (p *proxy) disconnect() {
	p.session.Close()
	<-p.session.Done()
}

func (p *proxy) answer(request *discovery.DeltaDiscoveryRequest) {
	request.TypeUrl = string(resource.Endpoint)
	_ = p.session.Receive(request) // fails when the session ended
}

func (p *proxy) receive(response *discovery.DeltaDiscoveryResponse) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pending = append(p.pending, response)
	if p.sent != nil {
		p.sent()
	}
	if p.auto {
		p.takeAll()
	}
	return nil
}

// takeAll takes what it was sent and says so. mu is held.
func (p *proxy) takeAll() {
	for len(p.pending) > 0 {
		p.takeOne()
	}
}

func (p *proxy) takeOne() {
	response := p.pending[0]
	p.pending = p.pending[1:]
	for _, got := range response.GetResources() {
		body := &endpointv3.ClusterLoadAssignment{}
		if err := proto.Unmarshal(got.GetResource().GetValue(), body); err != nil {
			panic(err)
		}
		p.bodies[got.GetName()], p.version[got.GetName()] = body, got.GetVersion()
	}
	if p.applied != nil {
		p.applied()
	}
	p.answer(&discovery.DeltaDiscoveryRequest{ResponseNonce: response.GetNonce()})
}

// pause keeps what it is sent from now on; resume takes it, and what comes.
func (p *proxy) pause() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.auto = false
}

func (p *proxy) resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.auto = true
	p.takeAll()
}

// waits reports whether it was sent something that it did not take.
func (p *proxy) waits() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.pending) > 0
}

// upToDate reports whether it has what the publisher wants it to have.
func (p *proxy) upToDate() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.rig.publisher.Dump(ir.Key(gatewayKey)).Resources {
		if r.Type == string(resource.Endpoint) && p.version[r.Name] != r.Version {
			return false
		}
	}
	return len(p.pending) == 0
}

// addresses returns what it has of a name, "priority/address:port", sorted, without the address
// of no server.
func (p *proxy) addresses(name string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.addressesLocked(name)
}

func (p *proxy) addressesLocked(name string) (found []string) {
	for _, group := range p.bodies[name].GetEndpoints() {
		for _, endpoint := range group.GetLbEndpoints() {
			at := endpoint.GetEndpoint().GetAddress().GetSocketAddress()
			if address := fmt.Sprintf("%s:%d", at.GetAddress(), at.GetPortValue()); address != hold.Nowhere {
				found = append(found, fmt.Sprintf("%d/%s", group.GetPriority(), address))
			}
		}
	}
	slices.Sort(found)
	return found
}

func (p *proxy) ports() string {
	var ports []string
	for _, address := range p.addresses(p.rig.name()) {
		ports = append(ports, address[strings.LastIndexByte(address, ':')+1:])
	}
	return strings.Join(ports, " ")
}

func (p *proxy) armed() bool { return len(p.addresses(p.rig.name()+hold.Suffix)) > 0 }

// request is a call of a proxy about one request.
type request struct {
	grpc.ServerStream
	rig     *rig
	ctx     context.Context
	end     func()
	first   *extprocv3.ProcessingRequest
	read    bool
	answers chan *extprocv3.ProcessingResponse
	failed  chan error // how the call ended
	sending func(*extprocv3.ProcessingResponse)
}

// ask opens a call; node "": the proxy does not say who it is. Pairs are headers.
func (r *rig) ask(node string, headers ...string) *request {
	return r.askSending(node, nil, headers...)
}

// askSending calls sending before an answer is there.
func (r *rig) askSending(node string, sending func(*extprocv3.ProcessingResponse), headers ...string) *request {
	q := r.request(sending)
	q.first = firstMessage(node, headers...)
	return r.run(q)
}

// askWith is ask with pairs of metadata that the route of the request adds.
func (r *rig) askWith(node string, pairs ...string) *request {
	q := r.request(nil, pairs...)
	q.first = firstMessage(node)
	return r.run(q)
}

func (r *rig) request(sending func(*extprocv3.ProcessingResponse), pairs ...string) *request {
	q := &request{rig: r, sending: sending, answers: make(chan *extprocv3.ProcessingResponse, 4), failed: make(chan error, 1)}
	pairs = append([]string{translate.HoldBackend, r.name(), translate.HoldDemand, r.demand.String()}, pairs...)
	ctx := metadata.NewIncomingContext(context.Background(), metadata.Pairs(pairs...))
	q.ctx, q.end = context.WithCancel(ctx)
	return q
}

func (r *rig) run(q *request) *request {
	r.running.Go(func() { q.failed <- r.activator.Process(q) })
	r.t.Cleanup(q.end)
	return q
}

func firstMessage(node string, headers ...string) *extprocv3.ProcessingRequest {
	if len(headers) == 0 {
		headers = []string{":method", "GET", ":path", "/"}
	}
	all := &corev3.HeaderMap{}
	for i := 0; i < len(headers); i += 2 {
		all.Headers = append(all.Headers, &corev3.HeaderValue{Key: headers[i], RawValue: []byte(headers[i+1])})
	}
	first := &extprocv3.ProcessingRequest{
		Request: &extprocv3.ProcessingRequest_RequestHeaders{RequestHeaders: &extprocv3.HttpHeaders{Headers: all}},
	}
	if node != "" {
		first.Attributes = map[string]*structpb.Struct{"envoy.filters.http.ext_proc": {
			Fields: map[string]*structpb.Value{translate.HoldNode: structpb.NewStringValue(node)},
		}}
	}
	return first
}

func (q *request) Context() context.Context { return q.ctx }

func (q *request) Recv() (*extprocv3.ProcessingRequest, error) {
	if !q.read {
		q.read = true
		return q.first, nil
	}
	<-q.ctx.Done()
	return nil, io.EOF
}

func (q *request) Send(answer *extprocv3.ProcessingResponse) error {
	if q.sending != nil {
		q.sending(answer)
	}
	q.answers <- answer
	return nil
}

// answered reports the answer, if there is one: "go", "go cold", or a status.
func (q *request) answered() (string, bool) {
	select {
	case got := <-q.answers:
		q.answers <- got
		return describe(got), true
	default:
		return "", false
	}
}

// wants waits for the answer.
func (q *request) wants(want string) {
	q.rig.t.Helper()
	got := ""
	q.rig.eventually("the answer "+want, func() bool {
		var ok bool
		got, ok = q.answered()
		return ok
	})
	if got != want {
		q.rig.t.Fatalf("answered %q, want %q", got, want)
	}
}

// waits fails when there is an answer or the call ended, or when that comes of what happened
// before.
func (q *request) waits() {
	q.rig.t.Helper()
	q.rig.quiet()
	if len(q.failed) > 0 {
		q.rig.t.Fatal("the call ended, must wait")
	}
	if got, ok := q.answered(); ok {
		q.rig.t.Fatalf("answered %q, must wait", got)
	}
}

// confirm is the proxy that ends the call when it has read the answer.
func (q *request) confirm() {
	q.end()
	<-q.failed
}

func describe(got *extprocv3.ProcessingResponse) string {
	if got.GetRequestHeaders() != nil {
		cold := got.GetDynamicMetadata().GetFields()[translate.HoldNamespace].GetStructValue().GetFields()[translate.HoldCold].GetStringValue()
		return map[string]string{"true": "go cold", "false": "go"}[cold]
	}
	immediate := got.GetImmediateResponse()
	text := fmt.Sprint(int(immediate.GetStatus().GetCode()))
	if immediate.GetGrpcStatus() != nil {
		text += fmt.Sprintf(" grpc %d", immediate.GetGrpcStatus().GetStatus())
	}
	for _, header := range immediate.GetHeaders().GetSetHeaders() {
		if header.GetHeader().GetKey() == "retry-after" {
			text += " after " + string(header.GetHeader().GetRawValue())
		}
	}
	return text
}

// code waits for the end of the call and returns its gRPC code.
func (q *request) code() string {
	q.rig.t.Helper()
	var err error
	q.rig.eventually("the end of the call", func() bool {
		select {
		case err = <-q.failed:
			return true
		default:
			return false
		}
	})
	return status.Code(err).String()
}
