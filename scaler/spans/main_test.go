package spans_test

import (
	"context"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"google.golang.org/grpc/metadata"

	"github.com/kedify/inference-gateway/scaler/hold"
	"github.com/kedify/inference-gateway/scaler/spans"
)

func TestMain(m *testing.M) {
	gomega.SetDefaultEventuallyTimeout(20 * time.Second)
	gomega.SetDefaultEventuallyPollingInterval(time.Millisecond)
	goleak.VerifyTestMain(m)
}

const (
	traceID  = "4bf92f3577b34da6a3ce929d0e0e4736"
	parentID = "00f067aa0ba902b7"
	sampled  = "00-" + traceID + "-" + parentID + "-01"
)

// call is the context of a call with pairs of metadata.
func call(pairs ...string) context.Context {
	return metadata.NewIncomingContext(context.Background(), metadata.Pairs(pairs...))
}

// recording is a recorder with what it says.
type recording struct {
	*spans.Recorder
	registry *prometheus.Registry
	lines    chan string
}

func record(t testing.TB, endpoint string) *recording {
	t.Helper()
	r := &recording{registry: prometheus.NewRegistry(), lines: make(chan string, 100)}
	metrics := spans.NewMetrics()
	if err := metrics.Register(r.registry); err != nil {
		t.Fatal(err)
	}
	log := funcr.New(func(_, line string) { r.lines <- line }, funcr.Options{})
	r.Recorder = newRecorder(t, spans.Options{Endpoint: endpoint, Metrics: metrics, Log: log})
	return r
}

func newRecorder(t testing.TB, options spans.Options) *spans.Recorder {
	t.Helper()
	options.Namespace, options.Replica = "kedify-system", "kedify-gateway-0"
	if options.Log.GetSink() == nil {
		options.Log = logr.Discard()
	}
	made, err := spans.New(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(made.Close)
	return made
}

// results are the spans so far, by result.
func (r *recording) results(t testing.TB) map[string]int {
	t.Helper()
	families, err := r.registry.Gather()
	if err != nil || len(families) != 1 {
		t.Fatalf("%d families, %v", len(families), err)
	}
	found := map[string]int{}
	for _, metric := range families[0].GetMetric() {
		found[metric.GetLabel()[0].GetValue()] = int(metric.GetCounter().GetValue())
	}
	return found
}

// short is a wait of a second that nothing is known about.
func short() hold.Wait {
	until := time.Now()
	return hold.Wait{Answer: "released", Since: until.Add(-time.Second), Until: until}
}
