package request_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/controllers/certs"
	"github.com/kedify/inference-gateway/internal/cli/chain"
	"github.com/kedify/inference-gateway/internal/cli/request"
	"github.com/kedify/inference-gateway/xds/proxytest"
	"github.com/kedify/inference-gateway/xds/resource"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"
)

const (
	worlds   = 4
	perWorld = 250
)

// TestExplainAgreesWithEnvoy: on random routes and requests, the answer that is explained is the one that a real Envoy gives: the
// backend that takes the request, a redirect, an error of the proxy's own, or a connection that is closed.
func TestExplainAgreesWithEnvoy(t *testing.T) {
	proxytest.Binary(t)
	answers := map[string]int{}
	for seed := range int64(worlds) {
		random := rand.New(rand.NewSource(seed))
		w := newRandomWorld(t, random)
		for range perWorld {
			asked, headers := w.question(random)
			parsed, err := request.Parse(asked.method, asked.url, headers)
			if err != nil {
				t.Fatal(err)
			}
			lists := w.world.Explain(parsed, types.NamespacedName{})
			got, want := said(lists), w.ask(t, asked, headers)
			if got != want {
				t.Fatalf("seed %d: %s %s %v: explained as %q, Envoy says %q\n%+v\n%s", seed, asked.method, asked.url, headers, got, want, lists, w.text)
			}
			answers[strings.Fields(got)[0]]++
		}
	}
	for _, kind := range []string{"backend", "404", "301", "closed", "500", "503"} {
		if answers[kind] < worlds {
			t.Errorf("only %d requests of %v were answered %s: the test shows little", answers[kind], answers, kind)
		}
	}
}

// said is the answer in a checklist: "backend NAME", a status, or "closed".
func said(lists []chain.Checklist) string {
	last := lists[0].Links[len(lists[0].Links)-1]
	switch {
	case last.Name == "backend" && last.State == chain.OK:
		name := strings.TrimPrefix(last.Subject, "Service app/")
		name, _, _ = strings.Cut(name, ":")
		return "backend " + name
	case last.Name == "listener":
		return "closed"
	}
	for _, status := range []string{"301", "404", "421", "500", "503"} {
		if strings.Contains(last.Evidence, status) {
			return status
		}
	}
	return last.Name + " " + last.Evidence
}

// randomWorld is a Gateway with a cleartext port and a TLS port, random routes, and an Envoy that serves it.
type randomWorld struct {
	world      request.World
	text       string
	http, tls  int
	httpClient *http.Client
}

var (
	worldHosts = []string{"a.x.test", "b.x.test", "c.b.x.test", "y.test", "x.test", "z.y.test"}
	worldPaths = []string{"/", "/a", "/a/", "/a/b", "/ab", "/a/../b", "/b/./c", "/%61/b", "/a%2Fb", "/a//b"}
)

func newRandomWorld(t *testing.T, random *rand.Rand) *randomWorld {
	w := &randomWorld{http: proxytest.Port(t), tls: proxytest.Port(t)}
	text := w.gateway(t)
	for i := range 2 + random.Intn(4) {
		text += w.route(random, i)
	}
	for i := range 4 {
		text += backendYAML(t, fmt.Sprintf("s%d", i), i < 3) // the last one has no endpoint
	}
	w.text, w.world = text, worldOf(t, text)
	proxy := proxytest.Start(t)
	for _, gateway := range w.world.Gateways {
		proxy.Apply(resource.Change{Upsert: gateway.Resources})
	}
	w.httpClient = &http.Client{
		Timeout: 10 * time.Second,
		Transport: &http.Transport{
			DisableKeepAlives: true,
			TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, // the certificate is any
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				_, port, err := net.SplitHostPort(address)
				if err != nil {
					return nil, err
				}
				return (&net.Dialer{}).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
			},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return w
}

func (w *randomWorld) gateway(t *testing.T) string {
	authority, err := certs.NewAuthority(certs.DefaultLifetimes, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	secret, err := authority.Secret("app", "certificate")
	if err != nil {
		t.Fatal(err)
	}
	secret.APIVersion, secret.Kind, secret.Type = "v1", "Secret", "kubernetes.io/tls"
	text, err := yaml.Marshal(secret)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {namespace: app, name: gw}
spec:
  gatewayClassName: kedify
  listeners:
  - {name: any, port: %[1]d, protocol: HTTP}
  - {name: wild, port: %[1]d, protocol: HTTP, hostname: "*.x.test"}
  - {name: tls, port: %[2]d, protocol: HTTPS, hostname: "*.x.test", tls: {certificateRefs: [{name: certificate}]}}
  - {name: one, port: %[2]d, protocol: HTTPS, hostname: a.x.test, tls: {certificateRefs: [{name: certificate}]}}
---
%s`, w.http, w.tls, text)
}

func some[T any](random *rand.Rand, values ...T) T { return values[random.Intn(len(values))] }

func (w *randomWorld) route(random *rand.Rand, index int) string {
	var rules []string
	for range 1 + random.Intn(3) {
		var matches []string
		for range random.Intn(3) {
			match := fmt.Sprintf("path: {type: %s, value: %s}", some(random, "PathPrefix", "PathPrefix", "Exact"),
				some(random, "/", "/a", "/a/b", "/ab", "/b"))
			if random.Intn(6) == 0 {
				match = "path: {type: RegularExpression, value: '/a/[a-z]+'}"
			}
			if random.Intn(3) == 0 {
				match += ", method: " + some(random, "GET", "POST")
			}
			if random.Intn(3) == 0 {
				match += fmt.Sprintf(", headers: [{name: X-H, value: '%s'}]", some(random, "1", "2"))
			}
			if random.Intn(4) == 0 {
				match += ", queryParams: [{name: q, value: '1'}]"
			}
			matches = append(matches, "{"+match+"}")
		}
		rule := fmt.Sprintf("{matches: [%s], backendRefs: [{name: %s, port: 80}]}", strings.Join(matches, ", "),
			some(random, "s0", "s1", "s2", "s3", "missing"))
		if random.Intn(6) == 0 {
			rule = fmt.Sprintf("{matches: [%s], filters: [{type: RequestRedirect, requestRedirect: {hostname: other.test, statusCode: 301}}]}",
				strings.Join(matches, ", "))
		}
		rules = append(rules, strings.ReplaceAll(rule, "matches: [], ", ""))
	}
	var hosts []string
	for range random.Intn(3) {
		hosts = append(hosts, some(random, `"*.x.test"`, "a.x.test", "b.x.test", "y.test", `"*.b.x.test"`))
	}
	section := some(random, "", ", sectionName: any", ", sectionName: wild", ", sectionName: tls", ", sectionName: one")
	return fmt.Sprintf(`
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {namespace: app, name: r%d}
spec:
  parentRefs: [{name: gw%s}]
  hostnames: [%s]
  rules: [%s]
`, index, section, strings.Join(unique(hosts), ", "), strings.Join(rules, ", "))
}

func unique(texts []string) (kept []string) {
	for _, text := range texts {
		if !strings.Contains(strings.Join(kept, " ")+" ", text+" ") {
			kept = append(kept, text)
		}
	}
	return kept
}

// backendYAML is a Service whose endpoint answers with its name.
func backendYAML(t *testing.T, name string, ready bool) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, name) }))
	t.Cleanup(server.Close)
	return fmt.Sprintf(`
---
apiVersion: v1
kind: Service
metadata: {namespace: app, name: %[1]s}
spec: {ports: [{name: web, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {namespace: app, name: %[1]s-a, labels: {kubernetes.io/service-name: %[1]s}}
addressType: IPv4
ports: [{name: web, port: %[2]d}]
endpoints: [{addresses: [127.0.0.1], conditions: {ready: %[3]t}}]
`, name, server.Listener.Addr().(*net.TCPAddr).Port, ready)
}

type question struct{ method, url string }

func (w *randomWorld) question(random *rand.Rand) (question, []string) {
	scheme, port := "http", w.http
	if random.Intn(2) == 0 {
		scheme, port = "https", w.tls
	}
	host := some(random, worldHosts...)
	q := question{some(random, "GET", "POST", "PUT"),
		fmt.Sprintf("%s://%s:%d%s%s", scheme, host, port, some(random, worldPaths...), some(random, "", "", "?q=1", "?q=2&q=1"))}
	var headers []string
	if random.Intn(2) == 0 {
		headers = append(headers, "X-H: "+some(random, "1", "2"))
	}
	if random.Intn(5) == 0 {
		headers = append(headers, "Host: "+some(random, "A.x.test", "b.x.test.", "y.test:1234"))
	}
	return q, headers
}

// ask sends a request through Envoy.
func (w *randomWorld) ask(t *testing.T, q question, headers []string) string {
	t.Helper()
	sent, err := http.NewRequest(q.method, q.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		if name == "Host" {
			sent.Host = value
		} else {
			sent.Header.Add(name, value)
		}
	}
	response, err := w.httpClient.Do(sent)
	if err != nil {
		return "closed"
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode == http.StatusOK {
		return "backend " + string(body)
	}
	return fmt.Sprint(response.StatusCode)
}
