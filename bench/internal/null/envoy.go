package null

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/kedify/inference-gateway/bench/internal/envoy"
	"github.com/kedify/inference-gateway/xds/bootstrap"
	"github.com/kedify/inference-gateway/xds/ir"
)

// StartEnvoy runs the Envoy of this server until ctx ends. Its bootstrap is the product's but
// for the connection to the control plane, which is without TLS, and the reports of what it
// counted, which have no receiver here.
func (s *Server) StartEnvoy(ctx context.Context, binary string) error {
	directory, err := os.MkdirTemp("", "null")
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = os.RemoveAll(directory) })
	_, err = envoy.Start(ctx, binary, bootstrap.Config{
		Gateway: ir.Key{Namespace: "bench", Name: "null"}, Directory: directory, CertificateDirectory: directory,
		ServerAddress: "127.0.0.1", ServerPort: uint32(s.port), ServerName: "null",
		AdminSocket: filepath.Join(directory, "admin.sock"),
	}, cleartext, "--concurrency", "2")
	return err
}

// cleartext takes the TLS out of the cluster of the control plane.
func cleartext(config map[string]any) error {
	envoy.WithoutSink(config)
	static, ok := config["static_resources"].(map[string]any)
	if !ok {
		return errors.New("the product's bootstrap has no static resources")
	}
	clusters, ok := static["clusters"].([]any)
	if !ok || len(clusters) != 1 {
		return fmt.Errorf("the product's bootstrap has %d static clusters, want the control plane's alone", len(clusters))
	}
	cluster, ok := clusters[0].(map[string]any)
	if !ok {
		return errors.New("the product's bootstrap has a cluster that is none")
	}
	delete(cluster, "transport_socket")
	return nil
}
