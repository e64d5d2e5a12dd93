package contain_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/go-logr/logr/funcr"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/kedify/inference-gateway/internal/contain"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCall(t *testing.T) {
	value, err := contain.Call(func() (int, error) { return 7, nil })
	if value != 7 || err != nil {
		t.Errorf("%d, %v", value, err)
	}
	if _, err := contain.Call(func() (int, error) { return 0, io.EOF }); !errors.Is(err, io.EOF) {
		t.Errorf("error %v, want that of the function", err)
	}
	value, err = contain.Call(func() (result int, _ error) {
		defer func() { result = 7 }()
		var none []int
		return none[3], nil
	})
	var panicked *contain.Panic
	if !errors.As(err, &panicked) || value != 0 {
		t.Fatalf("%d, %v, want a Panic and nothing", value, err)
	}
	if !strings.Contains(panicked.Error(), "index out of range") || !strings.Contains(string(panicked.Stack), "TestCall") {
		t.Errorf("the panic says %s\n%s", panicked, panicked.Stack)
	}
	if err := contain.Do(func() { panic("x") }); err == nil || err.Error() != "panic: x" {
		t.Errorf("error %v", err)
	}
}

// health is a service of which every call panics, but for a name.
type health struct {
	healthv1.UnimplementedHealthServer
}

func (health) Check(_ context.Context, r *healthv1.HealthCheckRequest) (*healthv1.HealthCheckResponse, error) {
	if r.Service != "good" {
		panic("secret of a tenant")
	}
	return &healthv1.HealthCheckResponse{}, nil
}

func (health) Watch(*healthv1.HealthCheckRequest, grpc.ServerStreamingServer[healthv1.HealthCheckResponse]) error {
	panic("secret of a tenant")
}

// TestX10PanicOfACall: a call or a stream that panics ends alone, with a code, and the server answers the next one.
func TestX10PanicOfACall(t *testing.T) {
	var logged strings.Builder
	server := grpc.NewServer(contain.ServerOptions(funcr.New(func(_, args string) { logged.WriteString(args) }, funcr.Options{}))...)
	healthv1.RegisterHealthServer(server, health{})
	listener := bufconn.Listen(1 << 16)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	connection, err := grpc.NewClient("passthrough:///x", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = connection.Close()
		server.Stop()
		<-served
	}()
	client := healthv1.NewHealthClient(connection)
	_, err = client.Check(t.Context(), &healthv1.HealthCheckRequest{})
	if status.Code(err) != codes.Internal || strings.Contains(err.Error(), "secret") {
		t.Errorf("a call that panics: %v", err)
	}
	stream, err := client.Watch(t.Context(), &healthv1.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = stream.Recv(); status.Code(err) != codes.Internal {
		t.Errorf("a stream that panics: %v", err)
	}
	if _, err = client.Check(t.Context(), &healthv1.HealthCheckRequest{Service: "good"}); err != nil {
		t.Errorf("the next call: %v", err)
	}
	for _, wanted := range []string{"secret of a tenant", "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch", "contain_test.go"} {
		if !strings.Contains(logged.String(), wanted) {
			t.Errorf("%q is not logged", wanted)
		}
	}
}
