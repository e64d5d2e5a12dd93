// Package envoytest runs a real Envoy against an xDS server of the test.
//
// Job: start the binary that the environment variable ENVOY names, with a minimal bootstrap
// whose dynamic part is delta ADS, and stop it when the test ends. Tests that need it skip
// when the variable is not set. Inputs: the address of the server. Outputs: the process and
// its admin interface. Ownership: one goroutine, locked to its thread, owns the process,
// because Envoy asks the kernel to be killed when the thread that started it ends.
package envoytest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	product "github.com/kedify/inference-gateway/xds/bootstrap"
	"github.com/kedify/inference-gateway/xds/ir"
)

// Variable names the Envoy binary.
const Variable = "ENVOY"

// Binary returns the path of Envoy, and skips the test when there is none.
func Binary(t testing.TB) string {
	t.Helper()
	path := os.Getenv(Variable)
	if path == "" {
		t.Skipf("set %s to the path of an Envoy 1.40 binary to run this test", Variable)
	}
	return path
}

// Options describe an Envoy.
type Options struct {
	Gateway ir.Key
	Node    string // node id; empty: "envoy"
	// XDS is the address of the xDS server, host:port, cleartext.
	XDS string
	// Heap is where the heap ends, in bytes: memory is then managed as the product's bootstrap has it. Zero: it is not.
	Heap uint64
}

// Envoy is a running process.
type Envoy struct {
	t     testing.TB
	node  string
	admin http.Client
	log   *bytes.Buffer
	pid   int
	kill  func()
}

// Start runs Envoy until the test ends or Stop is called. It does not wait for it to serve.
func Start(t testing.TB, options Options) *Envoy {
	t.Helper()
	path := Binary(t)
	if options.Node == "" {
		options.Node = "envoy"
	}
	directory, err := os.MkdirTemp("", "envoytest")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(directory) })
	socket := filepath.Join(directory, "admin.sock")
	config := filepath.Join(directory, "bootstrap.json")
	if err := os.WriteFile(config, bootstrap(t, options, socket), 0o600); err != nil {
		t.Fatal(err)
	}
	e := &Envoy{t: t, node: options.Node, log: &bytes.Buffer{}}
	e.admin.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}
	command := exec.Command(path, "-c", config, "--concurrency", "2", "--use-dynamic-base-id", "--log-level", "warn",
		"--drain-time-s", "1", "--parent-shutdown-time-s", "2")
	command.Stdout, command.Stderr = e.log, e.log
	e.run(command)
	t.Cleanup(e.Stop)
	return e
}

// run starts the process on a thread that lives as long as it does.
func (e *Envoy) run(command *exec.Cmd) {
	started, ended := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer close(ended)
		err := command.Start()
		started <- err
		if err == nil {
			_ = command.Wait()
		}
	}()
	if err := <-started; err != nil {
		e.t.Fatalf("start Envoy: %v", err)
	}
	e.pid = command.Process.Pid
	stopped := false
	e.kill = func() {
		if stopped {
			return
		}
		stopped = true
		_ = command.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			_ = command.Process.Kill()
			<-ended
		}
		e.admin.CloseIdleConnections()
		if e.t.Failed() {
			e.t.Logf("log of %s:\n%s", e.node, e.log.String())
		}
	}
}

// PID is that of the process.
func (e *Envoy) PID() int { return e.pid }

// Stop ends the process. It may be called more than once.
func (e *Envoy) Stop() { e.kill() }

// Admin returns the answer of the admin interface to GET path.
func (e *Envoy) Admin(path string) (string, error) {
	response, err := e.admin.Get("http://admin" + path)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("admin %s: %s", path, response.Status)
	}
	return string(body), nil
}

// bootstrap is the static configuration: the xDS cluster and the options that the design
// measured.
func bootstrap(t testing.TB, options Options, socket string) []byte {
	t.Helper()
	host, port, err := net.SplitHostPort(options.XDS)
	if err != nil {
		t.Fatal(err)
	}
	type object = map[string]any
	type list = []any
	config := object{
		"node":                 object{"id": options.Node, "cluster": options.Gateway.String()},
		"admin":                object{"address": object{"pipe": object{"path": socket, "mode": 0o600}}},
		"stats_flush_on_admin": true,
		"stats_config": object{"stats_matcher": object{"inclusion_list": object{"patterns": list{
			object{"prefix": "control_plane"}, object{"prefix": "cluster_manager"}, object{"prefix": "server."},
		}}}},
		"deferred_stat_options": object{"enable_deferred_creation_stats": true},
		"cluster_manager":       object{"enable_deferred_cluster_creation": true},
		"layered_runtime": object{"layers": list{
			object{"name": "static", "static_layer": object{"re2.max_program_size.error_level": 1000}},
		}},
		"dynamic_resources": object{
			"ads_config": object{
				"api_type": "DELTA_GRPC", "transport_api_version": "V3",
				"grpc_services": list{object{"envoy_grpc": object{"cluster_name": "xds"}}},
			},
			"cds_config": object{"ads": object{}, "resource_api_version": "V3"},
			"lds_config": object{"ads": object{}, "resource_api_version": "V3"},
		},
		"static_resources": object{"clusters": list{object{
			"name": "xds", "type": "STATIC", "connect_timeout": "1s",
			"typed_extension_protocol_options": object{
				"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": object{
					"@type":                "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
					"explicit_http_config": object{"http2_protocol_options": object{}},
				},
			},
			"load_assignment": object{"cluster_name": "xds", "endpoints": list{object{"lb_endpoints": list{object{
				"endpoint": object{"address": object{"socket_address": object{"address": host, "port_value": json.Number(port)}}},
			}}}}},
		}}},
	}
	if options.Heap > 0 {
		maps.Copy(config, managedMemory(t, options))
	}
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// managedMemory are the parts of the product's bootstrap that are about memory.
func managedMemory(t testing.TB, options Options) map[string]any {
	t.Helper()
	files, err := product.Files(product.Config{
		Gateway: options.Gateway, Directory: "/etc/envoy", ServerAddress: "localhost", ServerPort: 1, ServerName: "localhost",
		CertificateDirectory: "/etc/keys", AdminSocket: "/run/admin.sock", MaxHeapBytes: options.Heap,
	})
	if err != nil {
		t.Fatal(err)
	}
	var whole map[string]any
	if err := yaml.Unmarshal(files[product.BootstrapFile], &whole); err != nil {
		t.Fatal(err)
	}
	return map[string]any{"overload_manager": whole["overload_manager"], "memory_allocator_manager": whole["memory_allocator_manager"]}
}
