package keda

import (
	"context"
	"maps"
	"net"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand"
	"github.com/kedify/inference-gateway/scaler/demand/metric"
	"github.com/kedify/inference-gateway/scaler/trigger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience with an event that a test waits for.
const patience = 10 * time.Second

const address = "kedify-gateway.kedify-system:9090"

const (
	MetricRate        = metric.RequestRateName
	MetricConcurrency = metric.ConcurrencyName
)

// fakeRegistry is a Registry that says what it was told. Keys without a reading are unknown.
type fakeRegistry struct {
	mu       sync.Mutex
	readings map[types.NamespacedName]demand.Reading
	wakes    map[types.NamespacedName]map[chan struct{}]bool
	// stuck: Read hangs until it is closed.
	stuck chan struct{}
}

func newRegistry() *fakeRegistry {
	return &fakeRegistry{readings: map[types.NamespacedName]demand.Reading{}, wakes: map[types.NamespacedName]map[chan struct{}]bool{}}
}

func (b *fakeRegistry) Read(key types.NamespacedName) (demand.Reading, error) {
	b.mu.Lock()
	reading, known := b.readings[key]
	stuck := b.stuck
	b.mu.Unlock()
	if stuck != nil {
		<-stuck
	}
	if !known {
		return demand.Reading{}, demand.ErrUnknown
	}
	return reading, nil
}

func (b *fakeRegistry) Wake(key types.NamespacedName) (<-chan struct{}, func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	wake := make(chan struct{}, 1)
	if b.wakes[key] == nil {
		b.wakes[key] = map[chan struct{}]bool{}
	}
	b.wakes[key][wake] = true
	return wake, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.wakes[key], wake)
	}
}

// set tells a reading, and rings.
func (b *fakeRegistry) set(key types.NamespacedName, reading demand.Reading) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.readings[key] = reading
	for wake := range b.wakes[key] {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

// subscribers returns how many streams follow a key.
func (b *fakeRegistry) subscribers(key types.NamespacedName) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.wakes[key])
}

// metadata of a trigger in the native spelling, with changes; empty: the key is left out.
func metadata(changes map[string]string) map[string]string {
	m := map[string]string{
		"scalerAddress": address, "hosts": "web.example.com", "service": "web", "port": "8080",
		"scalingMetric": "requestRate", "targetValue": "10",
	}
	maps.Copy(m, changes)
	maps.DeleteFunc(m, func(_, value string) bool { return value == "" })
	return m
}

// named is one trigger of an object.
type named struct {
	name     string
	metadata map[string]string
}

// apply puts the triggers of ScaledObject shop/web in force, as the controller does, and
// returns their demand keys.
func apply(t testing.TB, catalog *scaler.Catalog, triggers ...named) []types.NamespacedName {
	t.Helper()
	one := int32(1)
	object := trigger.Object{Name: "web", Target: webTarget, Min: &one}
	for _, n := range triggers {
		object.Triggers = append(object.Triggers, trigger.Trigger{Type: "external-push", Name: n.name, Metadata: n.metadata})
	}
	result := trigger.Parse(object, address)
	if wrong := trigger.Errors(result.Problems); len(wrong) > 0 {
		t.Fatalf("the test's triggers: %v", wrong)
	}
	var keys []types.NamespacedName
	for _, parsed := range result.Triggers {
		key := types.NamespacedName{Namespace: "shop", Name: parsed.Name}
		keys = append(keys, key)
		catalog.Set(key, &scaler.Scaler{Key: key, Spec: parsed.Spec})
	}
	return keys
}

func refTo(metadata map[string]string) *pb.ScaledObjectRef {
	return &pb.ScaledObjectRef{Namespace: "shop", Name: "web", ScalerMetadata: metadata}
}

// world is a server on loopback and a client of KEDA's protocol.
type world struct {
	catalog  *scaler.Catalog
	registry *fakeRegistry
	server   *Server
	client   pb.ExternalScalerClient
	address  string
	// stop ends the server, and waits until it has.
	stop func()

	mu       sync.Mutex
	replicas map[types.NamespacedName]int32
	ready    map[types.NamespacedName]int32
	running  string
}

func (w *world) readied(of scaler.Scaler) (int32, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	ready, known := w.ready[of.Key]
	return ready, known
}

func (w *world) said(scaler.Scaler) (running, known bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.running == "yes", w.running != ""
}

func (w *world) informed(of scaler.Scaler) (int32, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	replicas, known := w.replicas[of.Key]
	return replicas, known
}

func (w *world) scale(key types.NamespacedName, replicas int32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.replicas[key] = replicas
}

// newWorld has no limit of answers: a busy machine fails no test but that of the limit.
func newWorld(t testing.TB) *world { return limitedWorld(t, time.Hour) }

func limitedWorld(t testing.TB, limit time.Duration) *world {
	t.Helper()
	w := &world{catalog: scaler.NewCatalog(), registry: newRegistry(), replicas: map[types.NamespacedName]int32{},
		ready: map[types.NamespacedName]int32{}}
	w.server = New(Options{Catalog: w.catalog, Registry: w.registry, Replicas: w.informed, Ready: w.readied, Running: w.said})
	w.server.limit = limit
	w.address, w.stop = serve(t, w.server)
	connection, err := grpc.NewClient(w.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	w.client = pb.NewExternalScalerClient(connection)
	return w
}

// serve runs a server on loopback until the test ends, or until stop returns.
func serve(t testing.TB, server *Server) (address string, stop func()) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, listener) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	t.Cleanup(stop)
	return listener.Addr().String(), stop
}

// wantCode fails unless an error has a code, and a message if one is given.
func wantCode(t *testing.T, err error, code codes.Code, message string) {
	t.Helper()
	if status.Code(err) != code || message != "" && status.Convert(err).Message() != message {
		t.Errorf("error %v, want %s: %s", err, code, message)
	}
}

// value of a counter or gauge.
func value(t *testing.T, metric prometheus.Metric) float64 {
	t.Helper()
	var written dto.Metric
	if err := metric.Write(&written); err != nil {
		t.Fatal(err)
	}
	return written.GetCounter().GetValue() + written.GetGauge().GetValue() + float64(written.GetHistogram().GetSampleCount())
}
