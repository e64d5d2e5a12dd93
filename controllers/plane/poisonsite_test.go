package plane_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/xds/bootstrap"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/proxytest"
	"github.com/kedify/inference-gateway/xds/server"
)

// hosts of the good routes, in turn exact and wildcard, as routes have them and as requests do.
func poisonHost(i, hosts int) (pattern, asked string) {
	if i %= hosts; i%2 == 0 {
		return fmt.Sprintf("h%d.example.com", i), fmt.Sprintf("h%d.example.com", i)
	}
	return fmt.Sprintf("*.w%d.example.com", i), fmt.Sprintf("any.w%d.example.com", i)
}

// site is a cluster with one Gateway, a real Envoy, and a backend that says what it was asked.
type site struct {
	*cluster
	spoiler *poisoner
	leader  *replica
	envoy   *realEnvoy
	port    int
	good    int
	hosts   int
	client  *http.Client
	keys    string
	admin   string        // socket of the admin interface of envoy
	backend string        // address of what answers
	bound   time.Duration // poisonBound and an edit without poison
}

func newSite(t *testing.T, good, hosts int, kinds map[string]poison) *site {
	t.Helper()
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/fail") {
			w.WriteHeader(http.StatusInternalServerError)
		}
		fmt.Fprint(w, r.URL.Path)
	}))
	t.Cleanup(backend.Close)
	s := &site{port: proxytest.Port(t), good: good, hosts: hosts, spoiler: &poisoner{kinds: kinds}, backend: backend.Listener.Addr().String()}
	s.client = &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	t.Cleanup(s.client.CloseIdleConnections)
	texts := []string{strings.Replace(gatewayYAML, "port: 80", "port: "+strconv.Itoa(s.port), 1), serviceAt(s.backend)}
	for i := range good {
		host, _ := poisonHost(i, hosts)
		texts = append(texts, routeYAML(goodName(i), host, goodRules(i, 0)))
	}
	s.cluster = newCluster(t, texts...)
	s.before = s.spoiler.before
	s.leader = s.cluster.leader("127.0.0.1")
	s.keys = t.TempDir()
	object := gatewayNamed(gatewayKey)
	s.Eventually(func() string {
		_ = s.cluster.client.Get(t.Context(), client.ObjectKeyFromObject(object), object)
		return string(object.UID)
	}).ShouldNot(BeEmpty())
	made, err := s.keeper.ClientCertificate(nil, server.Identity(gatewayKey, object.UID))
	s.Expect(err).NotTo(HaveOccurred())
	for name, data := range made.Data {
		s.Expect(os.WriteFile(filepath.Join(s.keys, name), data, 0o600)).To(Succeed())
	}
	s.startEnvoy()
	return s
}

// serviceAt is Service a with what listens at an address of loopback as its endpoint.
func serviceAt(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return strings.NewReplacer("targetPort: 3000", "targetPort: "+port, "port: 3000", "port: "+port).Replace(serviceYAML("a", "127.0.0.1"))
}

func goodName(i int) string { return fmt.Sprint("good-", i) }

// goodRules answer at a path that ends with the version.
func goodRules(i, version int) string {
	return fmt.Sprintf("  - {matches: [{path: {value: /good/%d}}, {path: {value: /good/%d/v%d}}], backendRefs: [{name: a, port: 80}], "+
		"filters: [{type: ResponseHeaderModifier, responseHeaderModifier: {set: [{name: x-version, value: \"%d\"}]}}]}", i, i, version, version)
}

// ask sends a request of a good route, or of another path of its host, and returns status and version.
func (s *site) ask(i int, path string) (status int, version string) {
	_, host := poisonHost(i, s.hosts)
	request, err := http.NewRequest(http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d%s", s.port, path), nil)
	if err != nil {
		panic(err)
	}
	request.Host = host
	response, err := s.client.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode, response.Header.Get("x-version")
}

func goodPath(i int) string { return fmt.Sprint("/good/", i) }

// served counts the good routes that answer.
func (s *site) served() (served int) {
	for i := range s.good {
		if status, _ := s.ask(i, goodPath(i)); status == http.StatusOK {
			served++
		}
	}
	return served
}

// edit changes a good route and returns how long it takes until requests are answered by the new version.
func (s *site) edit(i, version int) time.Duration {
	s.t.Helper()
	host, _ := poisonHost(i, s.hosts)
	begun := time.Now()
	s.set(routeYAML(goodName(i), host, goodRules(i, version)))
	wanted := strconv.Itoa(version)
	for {
		if status, has := s.ask(i, goodPath(i)); status == http.StatusOK && has == wanted {
			return time.Since(begun)
		}
		if time.Since(begun) > patience {
			s.t.Errorf("an edit of %s is not served", goodName(i))
			return time.Since(begun)
		}
	}
}

// realEnvoy is the process as the product starts it.
type realEnvoy struct {
	stop func()
	log  *lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(data []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(data)
}

// startEnvoy starts a fresh Envoy and waits until it serves all good routes.
func (s *site) startEnvoy() {
	t := s.t
	t.Helper()
	directory := t.TempDir()
	s.admin = filepath.Join(directory, "admin.sock")
	files, err := bootstrap.Files(bootstrap.Config{
		Gateway: ir.Key(gatewayKey), Directory: directory, ServerAddress: "127.0.0.1", ServerPort: uint32(s.cluster.port), ServerName: serverName,
		CertificateDirectory: s.keys, AdminSocket: s.admin,
	})
	s.Expect(err).NotTo(HaveOccurred())
	files[bootstrap.BootstrapFile] = bytes.Replace(files[bootstrap.BootstrapFile],
		[]byte(fmt.Sprintf("port_value: %d", bootstrap.ReadyPort)), []byte("port_value: "+strconv.Itoa(proxytest.Port(t))), 1)
	for name, data := range files {
		s.Expect(os.WriteFile(filepath.Join(directory, name), data, 0o600)).To(Succeed())
	}
	s.envoy = runEnvoy(t, append(bootstrap.Args(directory, gatewayKey.String()+"-"+strconv.Itoa(int(envoys.Add(1)))), "--concurrency", "1"))
	begun := time.Now()
	for i := 0; i < s.good; {
		if status, _ := s.ask(i, goodPath(i)); status == http.StatusOK {
			i++
		} else if time.Since(begun) > patience {
			t.Fatalf("route %d is not served by a fresh Envoy: %d\n%s", i, status, s.envoy.log.String())
		} else {
			time.Sleep(5 * time.Millisecond)
		}
	}
}

var envoys atomic.Int64

// runEnvoy runs the process on a thread that lives as long as it: Envoy ends with the thread that started it.
func runEnvoy(t *testing.T, args []string) *realEnvoy {
	t.Helper()
	e := &realEnvoy{log: &lockedBuffer{}}
	command := exec.Command(proxytest.Binary(t), args...)
	command.Stdout, command.Stderr = e.log, e.log
	started, ended := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := command.Start()
		started <- err
		if err == nil {
			_ = command.Wait()
		}
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	e.stop = sync.OnceFunc(func() {
		_ = command.Process.Signal(syscall.SIGKILL) // as a node that is lost
		<-ended
	})
	t.Cleanup(e.stop)
	return e
}

// traffic asks for good routes until it is stopped, and counts what was not answered.
type traffic struct {
	stop              func()
	requests, failing atomic.Int64
	mu                sync.Mutex
	examples          []string
}

func (s *site) traffic() *traffic {
	flow := &traffic{}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for i := 0; ctx.Err() == nil; i = (i + 7) % s.good {
			flow.requests.Add(1)
			if status, text := s.ask(i, goodPath(i)); status != http.StatusOK {
				flow.failing.Add(1)
				flow.mu.Lock()
				flow.examples = append(flow.examples, fmt.Sprintf("%s: %d %s", goodName(i), status, text))
				flow.mu.Unlock()
			}
			time.Sleep(time.Millisecond)
		}
	})
	flow.stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	s.t.Cleanup(flow.stop)
	return flow
}

// percentile of durations.
func percentile(all []time.Duration, share float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))]
}
