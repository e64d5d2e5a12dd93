package spans_test

import (
	"context"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kedify/inference-gateway/internal/freeport"
	"github.com/kedify/inference-gateway/scaler/spans"
	"github.com/kedify/inference-gateway/xds/proxytest"
)

// badCollectors are collectors that take nothing, by what they do instead.
var badCollectors = map[string]func(*testing.T) (address string){
	"dead": func(t *testing.T) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(freeport.Get(t))) },
	"silent": func(t *testing.T) string { // it accepts connections, and says nothing
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = listener.Close() })
		return listener.Addr().String()
	},
	"slow": func(t *testing.T) string {
		collector := proxytest.StartCollector(t)
		collector.Answer(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		return collector.Address
	},
	"refusing": func(t *testing.T) string {
		collector := proxytest.StartCollector(t)
		collector.Answer(func(context.Context) error { return status.Error(codes.Unavailable, "later") })
		return collector.Address
	},
}

// TestBadCollector: a collector that takes no spans delays neither requests nor an ending replica, and what it does not take is bounded,
// and counted.
func TestBadCollector(t *testing.T) {
	for name, start := range badCollectors {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := record(t, "http://"+start(t))
			const requests = 3 * spans.MaxWaiting
			ctx, began := call("traceparent", sampled), time.Now()
			for range requests {
				r.Waited(ctx, short())
			}
			took := time.Since(began)
			if took > 5*time.Second { // the machine may be busy
				t.Errorf("%d requests took %s", requests, took)
			}
			dropped := r.results(t)["dropped"]
			if dropped < requests-2*spans.MaxWaiting {
				t.Errorf("%d of %d dropped", dropped, requests)
			}
			began = time.Now()
			r.Close()
			ended := time.Since(began)
			t.Logf("%d requests in %s, %d dropped, ended in %s", requests, took, dropped, ended)
			if ended > spans.CloseTimeout+3*time.Second {
				t.Errorf("the end took %s", ended)
			}
			gomega.NewWithT(t).Eventually(func() int { return r.results(t)["failed"] }).Should(gomega.Equal(requests-dropped),
				"every other span failed")
			r.Waited(ctx, short()) // a request that ends late
		})
	}
}

// TestCollectorComesBack: what a collector refuses is lost, said once, and later spans are exported.
func TestCollectorComesBack(t *testing.T) {
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "1")
	collector := proxytest.StartCollector(t)
	collector.Answer(func(context.Context) error { return status.Error(codes.PermissionDenied, "no token") })
	r := record(t, "http://"+collector.Address)
	ctx := call("traceparent", sampled)
	for i := range 3 {
		r.Waited(ctx, short())
		gomega.NewWithT(t).Eventually(func() int { return r.results(t)["failed"] }).Should(gomega.Equal(i + 1))
	}
	if line := <-r.lines; !strings.Contains(line, "no token") || !strings.Contains(line, collector.Address) || len(r.lines) > 0 {
		t.Errorf("log line %s and %d more", line, len(r.lines))
	}
	collector.Answer(func(context.Context) error { return nil })
	for i := range 3 {
		r.Waited(ctx, short())
		gomega.NewWithT(t).Eventually(func() int { return r.results(t)["exported"] }).Should(gomega.Equal(i + 1))
	}
	if line := <-r.lines; !strings.Contains(line, "again") || len(r.lines) > 0 {
		t.Errorf("log line %s and %d more", line, len(r.lines))
	}
	if got := len(collector.Spans()); got != 3 {
		t.Errorf("%d spans", got)
	}
}

// TestMalformedEnvironment: attributes that cannot be read are an error at the start.
func TestMalformedEnvironment(t *testing.T) {
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "no pair")
	if _, err := spans.New(t.Context(), spans.Options{Endpoint: "http://127.0.0.1:4317"}); err == nil {
		t.Error("accepted")
	}
}
