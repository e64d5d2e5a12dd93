package standby

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"github.com/onsi/gomega"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand"
	"github.com/kedify/inference-gateway/scaler/demand/metric"
	"github.com/kedify/inference-gateway/scaler/keda"
	"github.com/kedify/inference-gateway/scaler/trigger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const address = "kedify-gateway.kedify-system:9090"

// reference is KEDA's to the trigger of ScaledObject shop/web.
func reference() *pb.ScaledObjectRef {
	return &pb.ScaledObjectRef{Namespace: "shop", Name: "web", ScalerMetadata: map[string]string{
		"scalerAddress": address, "hosts": "web.example.com", "service": "web", "port": "8080",
		"scalingMetric": "requestRate", "targetValue": "10",
	}}
}

// httpScaler is what the controllers make of it.
func httpScaler(t *testing.T, wiring *v1alpha1.HTTPScalerWiring) *v1alpha1.HTTPScaler {
	t.Helper()
	result := trigger.Parse(trigger.Object{
		Name: "web", Target: v1alpha1.HTTPScalerTarget{Name: "web"},
		Triggers: []trigger.Trigger{{Type: "external-push", Metadata: reference().GetScalerMetadata()}},
	}, address)
	if len(result.Triggers) != 1 || !result.Triggers[0].Accepted {
		t.Fatalf("the test's trigger: %+v", result.Problems)
	}
	return &v1alpha1.HTTPScaler{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: result.Triggers[0].Name},
		Spec:       result.Triggers[0].Spec, Status: v1alpha1.HTTPScalerStatus{Wiring: wiring},
	}
}

// serve runs a server on loopback until the test ends.
func serve(t *testing.T, run func(context.Context, net.Listener) error) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return listener.Addr().String()
}

// dial returns a client that asks the target for its server at each connection, as kube-proxy leads KEDA.
func dial(t *testing.T, target func() string) pb.ExternalScalerClient {
	t.Helper()
	connection, err := grpc.NewClient("passthrough:///scaler", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig": [{"round_robin":{}}]}`), // as KEDA does
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", target())
		}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	return pb.NewExternalScalerClient(connection)
}

func metrics(ctx context.Context, client pb.ExternalScalerClient) (*pb.GetMetricsResponse, error) {
	return client.GetMetrics(ctx, &pb.GetMetricsRequest{ScaledObjectRef: reference(), MetricName: metric.RequestRateName})
}

// TestT52AnswersWithoutControllers: KEDA gets the specification and no value, so that it counts failures towards its fallback. A
// trigger is active while its requests go past the proxies, and not because a controller is away.
func TestT52AnswersWithoutControllers(t *testing.T) {
	now := metav1.Now()
	for name, c := range map[string]struct {
		objects func(t *testing.T) []*v1alpha1.HTTPScaler
		problem string
		active  bool
	}{
		"no HTTPScaler": {
			func(*testing.T) []*v1alpha1.HTTPScaler { return nil }, "ScaledObject shop/web has no trigger in force", false,
		},
		"without a wired Service": {
			func(t *testing.T) []*v1alpha1.HTTPScaler { return []*v1alpha1.HTTPScaler{httpScaler(t, nil)} },
			"trigger shop/web-0: the demand is unknown: no controller is ready, and a standby answers", false,
		},
		"through the proxies": {
			func(t *testing.T) []*v1alpha1.HTTPScaler {
				return []*v1alpha1.HTTPScaler{httpScaler(t, &v1alpha1.HTTPScalerWiring{Path: v1alpha1.PathProxy, Since: now})}
			},
			"trigger shop/web-0: the demand is unknown: no controller is ready, and a standby answers", false,
		},
		"direct": {
			func(t *testing.T) []*v1alpha1.HTTPScaler {
				return []*v1alpha1.HTTPScaler{httpScaler(t, nil), httpScaler(t, &v1alpha1.HTTPScalerWiring{Path: v1alpha1.PathDirect, Since: now})}
			},
			"trigger shop/web-0: the demand is unknown: wired Services lead to the application past the proxies", true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := New(Options{})
			at := serve(t, server.Serve)
			for _, object := range c.objects(t) {
				server.Set(object)
			}
			client := dial(t, func() string { return at })
			spec, err := client.GetMetricSpec(t.Context(), reference())
			if err != nil || len(spec.GetMetricSpecs()) != 1 || spec.GetMetricSpecs()[0].GetTargetSizeFloat() != 10 {
				t.Errorf("specification %v, %v", spec, err)
			}
			_, err = metrics(t.Context(), client)
			if status.Code(err) != codes.Unavailable || !strings.HasPrefix(status.Convert(err).Message(), c.problem) {
				t.Errorf("metrics: %v, want %q", err, c.problem)
			}
			answer, err := client.IsActive(t.Context(), reference())
			if answer.GetResult() != c.active || (err == nil) != c.active {
				t.Errorf("active %v, %v", answer.GetResult(), err)
			}
		})
	}
}

// TestActiveWhenDirect: KEDA hears at once that requests go past the proxies, and nothing of a trigger
// that is gone.
func TestActiveWhenDirect(t *testing.T) {
	server := New(Options{})
	at := serve(t, server.Serve)
	server.Set(httpScaler(t, nil))
	stream, err := dial(t, func() string { return at }).StreamIsActive(t.Context(), reference())
	if err != nil {
		t.Fatal(err)
	}
	server.Set(httpScaler(t, &v1alpha1.HTTPScalerWiring{Path: v1alpha1.PathDirect}))
	if push, err := stream.Recv(); err != nil || !push.GetResult() {
		t.Errorf("pushed %v, %v", push.GetResult(), err)
	}
	key := types.NamespacedName{Namespace: "shop", Name: "web-0"}
	server.Delete(key)
	if server.catalog.Get(key) != nil {
		t.Error("a trigger that is gone is in force")
	}
}

// readings is a demand that is known.
type readings struct{ noDemand }

func (readings) Read(types.NamespacedName) (demand.Reading, error) {
	return demand.Reading{Value: 3, Settled: true}, nil
}

// TestKEDAFindsTheControllersAgain: a connection to a standby does not last when a controller is back behind
// the same address, and its streams end without an error, after which KEDA comes back soon.
func TestKEDAFindsTheControllersAgain(t *testing.T) {
	g := gomega.NewWithT(t)
	server := New(Options{ConnectionAge: 300 * time.Millisecond})
	server.Set(httpScaler(t, nil))
	standby := serve(t, server.Serve)
	catalog := scaler.NewCatalog()
	controller := keda.New(keda.Options{Catalog: catalog, Registry: readings{}})
	object := httpScaler(t, nil)
	key := types.NamespacedName{Namespace: object.Namespace, Name: object.Name}
	catalog.Set(key, &scaler.Scaler{Key: key, Spec: object.Spec})
	var target atomic.Value
	target.Store(standby)
	client := dial(t, func() string { return target.Load().(string) })
	stream, err := client.StreamIsActive(t.Context(), reference())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := metrics(t.Context(), client); status.Code(err) != codes.Unavailable {
		t.Fatalf("the standby answers %v", err)
	}
	target.Store(serve(t, controller.Serve))
	for {
		if _, err = stream.Recv(); err != nil {
			break
		}
	}
	if !errors.Is(err, io.EOF) {
		t.Errorf("the stream ended with %v", err)
	}
	g.Eventually(func() error {
		_, err := metrics(t.Context(), client)
		return err
	}).WithTimeout(10 * time.Second).Should(gomega.Succeed())
}
