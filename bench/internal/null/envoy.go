package null

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"

	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/xds/bootstrap"
	"github.com/kedify/inference-gateway/xds/ir"
)

// StartEnvoy runs the Envoy of this server until ctx ends. Its bootstrap is the product's but
// for the connection to the control plane, which is without TLS.
func (s *Server) StartEnvoy(ctx context.Context, binary string) error {
	if binary == "" {
		return errors.New("no Envoy binary for the null control plane: set ENVOY")
	}
	directory, err := os.MkdirTemp("", "null")
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = os.RemoveAll(directory) })
	file := filepath.Join(directory, bootstrap.BootstrapFile)
	config, err := s.bootstrap(directory)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, config, 0o600); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(directory, "envoy.log"))
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, binary, "--config-path", file, "--concurrency", "2", "--disable-hot-restart", "--log-level", "warning")
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	// It must not outlive this process: the next one would share its port.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	go func() {
		defer log.Close()
		// The death signal is tied to the thread that started the process.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		if err := cmd.Wait(); ctx.Err() == nil {
			text, _ := os.ReadFile(log.Name())
			fmt.Fprintf(os.Stderr, "the Envoy of the null control plane ended: %v\n%s", err, text)
			os.Exit(1)
		}
	}()
	return <-started
}

// bootstrap takes the product's own and replaces the cluster of the control plane.
func (s *Server) bootstrap(directory string) ([]byte, error) {
	text, err := bootstrap.Render(bootstrap.Config{
		Gateway: ir.Key{Namespace: "bench", Name: "null"}, Directory: directory, CertificateDirectory: directory,
		ServerAddress: "127.0.0.1", ServerPort: uint32(s.port), ServerName: "null",
		AdminSocket: filepath.Join(directory, "admin.sock"),
	})
	if err != nil {
		return nil, err
	}
	config := map[string]any{}
	if err := yaml.Unmarshal(text, &config); err != nil {
		return nil, err
	}
	static, ok := config["static_resources"].(map[string]any)
	if !ok {
		return nil, errors.New("the product's bootstrap has no static resources")
	}
	// The health endpoint's port is taken by nobody here, but it is of no use either.
	delete(static, "listeners")
	clusters, ok := static["clusters"].([]any)
	if !ok || len(clusters) != 1 {
		return nil, fmt.Errorf("the product's bootstrap has %d static clusters, want the control plane's alone", len(clusters))
	}
	cluster, ok := clusters[0].(map[string]any)
	if !ok {
		return nil, errors.New("the product's bootstrap has a cluster that is none")
	}
	delete(cluster, "transport_socket")
	return json.Marshal(config)
}
