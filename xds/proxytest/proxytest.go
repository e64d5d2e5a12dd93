// Package proxytest runs a real Envoy against a small control plane, for tests of what the
// rendered resources do.
//
// Job: one Envoy process on loopback, started from the product's own bootstrap over mutual
// TLS, and an incremental ADS server that holds a set of resources and reports rejections.
// Inputs: resources. Outputs: HTTP behaviour, rejections. Ownership: one Proxy per test; its
// methods are safe for concurrent use. It is no production server: xds/publish and
// xds/server are.
package proxytest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/kedify/inference-gateway/internal/freeport"
	"github.com/kedify/inference-gateway/xds/bootstrap"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/pickerrelay"
	"github.com/kedify/inference-gateway/xds/resource"
)

// Binary returns the path of the Envoy to test with, or skips the test.
func Binary(t testing.TB) string {
	t.Helper()
	path := os.Getenv("ENVOY")
	if path == "" {
		t.Skip("ENVOY is not set: it names the Envoy binary to test with (the Makefile sets it)")
	}
	return path
}

// Proxy is a running Envoy.
type Proxy struct {
	t      testing.TB
	server *server
	// Ready and Metrics are the ports of the proxy's own listeners, AdminSocket the path of the admin socket.
	Ready, Metrics int
	AdminSocket    string
	output         *syncBuffer
	keys           string // directory of the proxy's key material
	// StopRelay ends the relay of calls to endpoint pickers.
	StopRelay func()
}

// Start starts an Envoy and its control plane; both end with the test.
func Start(t testing.TB) *Proxy {
	t.Helper()
	return StartWith(t, func(*bootstrap.Config) {})
}

// StartWith is Start with another bootstrap, and with more services on the port of the control plane.
func StartWith(t testing.TB, change func(*bootstrap.Config), services ...func(*grpc.Server)) *Proxy {
	t.Helper()
	binary := Binary(t)
	directory := t.TempDir()
	p := &Proxy{
		t: t, Ready: Port(t), Metrics: Port(t), AdminSocket: filepath.Join(directory, "admin.sock"), output: &syncBuffer{},
		keys: filepath.Join(directory, "keys"),
	}
	if err := os.Mkdir(p.keys, 0o700); err != nil {
		t.Fatal(err)
	}
	keys := NewKeys(t)
	keys.mount(t, p.keys)
	p.server = newServer(services)
	p.server.listen(t, keys)
	config := bootstrap.Config{
		Gateway:              ir.Key{Namespace: "test", Name: "gateway"},
		Directory:            directory,
		ServerAddress:        "localhost",
		ServerPort:           uint32(p.server.port),
		ServerName:           serverName,
		CertificateDirectory: p.keys,
		AdminSocket:          p.AdminSocket,
		RelaySocket:          filepath.Join(directory, "relay.sock"),
		PickersSocket:        filepath.Join(directory, "pickers.sock"),
		MetricsPort:          uint32(p.Metrics),
	}
	change(&config)
	files, err := bootstrap.Files(config)
	if err != nil {
		t.Fatal(err)
	}
	// Tests share the loopback interface, so the fixed readiness port moves out of the way.
	files[bootstrap.BootstrapFile] = bytes.Replace(files[bootstrap.BootstrapFile],
		[]byte(fmt.Sprintf("port_value: %d", bootstrap.ReadyPort)), []byte("port_value: "+strconv.Itoa(p.Ready)), 1)
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(directory, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p.relay(config)
	// The access log is written as it comes, not every ten seconds.
	run(t, p.output, binary, append(bootstrap.Args(directory, "test/proxy"), "--concurrency", "1", "--file-flush-interval-msec", "100")...)
	return p
}

// relay starts the relay beside the proxy, as the Pod of a proxy has it.
func (p *Proxy) relay(config bootstrap.Config) {
	p.t.Helper()
	if config.RelaySocket == "" {
		return
	}
	relay, err := pickerrelay.New(pickerrelay.Options{Socket: config.RelaySocket, Pickers: config.PickersSocket})
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := relay.Run(ctx); err != nil {
			p.t.Errorf("the relay of calls to pickers: %v", err)
		}
	})
	p.StopRelay = sync.OnceFunc(func() { cancel(); running.Wait() })
	p.t.Cleanup(p.StopRelay)
}

// Rotate replaces the authority, the certificates of both sides and the connection.
func (p *Proxy) Rotate() {
	p.t.Helper()
	p.server.stop()
	keys := NewKeys(p.t)
	keys.mount(p.t, p.keys)
	p.server.listen(p.t, keys)
}

// Output is what the proxy has written so far, its access log among it.
func (p *Proxy) Output() string { return p.output.String() }

// Apply changes what the control plane holds and waits until the proxy has taken all of it.
// It fails the test when the proxy rejects something.
func (p *Proxy) Apply(change resource.Change) {
	p.t.Helper()
	if err := p.Try(change); err != nil {
		p.t.Fatalf("%v\n%s", err, p.Output())
	}
}

// Try is Apply that returns a rejection.
func (p *Proxy) Try(change resource.Change) error {
	return p.server.apply(change, 20*time.Second)
}

// Ask changes resources that the proxy has already and returns its answer, without a wait for what it
// may ask for next. It is for many small questions.
func (p *Proxy) Ask(change resource.Change) error {
	return p.server.ask(change, 20*time.Second)
}

// Statistics are those that the proxy has, as lines of text.
func (p *Proxy) Statistics() string {
	p.t.Helper()
	client := p.admin()
	defer client.CloseIdleConnections()
	response, err := client.Get("http://admin/stats")
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}

// admin is a client of the admin interface.
func (p *Proxy) admin() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", p.AdminSocket)
	}}}
}

// SetRuntime sets a runtime key of Envoy.
func (p *Proxy) SetRuntime(key, value string) {
	p.t.Helper()
	client := p.admin()
	defer client.CloseIdleConnections()
	response, err := client.Post("http://admin/runtime_modify?"+url.Values{key: {value}}.Encode(), "", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		p.t.Fatalf("runtime_modify %s=%s: %s", key, value, response.Status)
	}
}

// run starts a process that ends with the test, by SIGKILL: on SIGTERM Envoy waits for the thread that gives memory
// back, which sleeps for a second (bootstrap.Render), and no test reads what it does then. Envoy asks the kernel to die
// with its parent thread, hence the locked thread that lives as long.
func run(t testing.TB, output *syncBuffer, binary string, args ...string) {
	t.Helper()
	command := exec.Command(binary, args...)
	command.Stdout, command.Stderr = output, output
	started, stop := make(chan error), make(chan struct{})
	var done sync.WaitGroup
	done.Add(1)
	go func() {
		defer done.Done()
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := command.Start()
		started <- err
		if err != nil {
			return
		}
		exited := make(chan error, 1)
		go func() { exited <- command.Wait() }()
		select {
		case <-stop:
			_ = command.Process.Kill()
			<-exited
		case err := <-exited:
			t.Errorf("the proxy exited: %v\n%s", err, output)
			<-stop
		}
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		close(stop)
		done.Wait()
	})
}

// Port returns a port that was free a moment ago.
func Port(t testing.TB) int {
	t.Helper()
	return freeport.Get(t)
}

type syncBuffer struct {
	mu     sync.Mutex
	buffer strings.Builder
}

func (b *syncBuffer) Write(data []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(data)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
