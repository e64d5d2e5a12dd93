package plane_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/kedify/inference-gateway/internal/freeport"
)

// monitor is a Prometheus that reads what a site has to say.
type monitor struct {
	*site
	address string
}

// target serves the metrics of a replica as its port does, with those of the process.
func (s *site) target(r *replica) string {
	process := prometheus.NewRegistry()
	s.Expect(process.Register(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))).To(Succeed())
	options := promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError}
	served := httptest.NewServer(promhttp.HandlerFor(prometheus.Gatherers{r.registry, process}, options))
	s.t.Cleanup(served.Close)
	return served.Listener.Addr().String()
}

// envoyTarget serves /stats/prometheus of the Envoy.
func (s *site) envoyTarget() string {
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: "admin"})
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", s.admin)
	}}
	proxy.Transport = transport
	served := httptest.NewServer(proxy)
	s.t.Cleanup(func() { served.Close(); transport.CloseIdleConnections() })
	return served.Listener.Addr().String()
}

// monitor starts a Prometheus with the alerts of the chart. The labels of targets are those that the chart's monitors give them.
func (s *site) monitor(folder string, replicas ...*replica) *monitor {
	s.t.Helper()
	work := s.t.TempDir()
	alerts, err := os.ReadFile("../../charts/kedify-gateway/rules/alerts.yaml")
	s.Expect(err).NotTo(HaveOccurred())
	config := "global: {scrape_interval: 500ms, evaluation_interval: 500ms}\nrule_files: [alerts.yaml]\nscrape_configs:\n" +
		"- {job_name: controller, honor_labels: true, static_configs: [{targets: ["
	for _, r := range replicas {
		config += fmt.Sprintf("%q, ", s.target(r))
	}
	config += fmt.Sprintf("], labels: {namespace: %s}}]}\n- {job_name: proxies, metrics_path: /stats/prometheus, static_configs: "+
		"[{targets: [%q], labels: {namespace: infra, gateway: gw, pod: envoy}}]}\n", installation, s.envoyTarget())
	for name, text := range map[string]string{"prometheus.yaml": config, "alerts.yaml": strings.ReplaceAll(string(alerts), "$peers", "1")} {
		s.Expect(os.WriteFile(filepath.Join(work, name), []byte(text), 0o600)).To(Succeed())
	}
	m := &monitor{site: s, address: fmt.Sprintf("127.0.0.1:%d", freeport.Get(s.t))}
	log := &lockedBuffer{}
	command := exec.Command(filepath.Join(folder, "prometheus"), "--config.file="+filepath.Join(work, "prometheus.yaml"),
		"--storage.tsdb.path="+filepath.Join(work, "data"), "--web.listen-address="+m.address, "--log.level=warn")
	command.Stdout, command.Stderr = log, log
	s.Expect(command.Start()).To(Succeed())
	s.t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		if s.t.Failed() {
			s.t.Logf("Prometheus: %s", log.String())
		}
	})
	s.Eventually(func() error { _, err := m.get("/-/ready", nil); return err }).Should(Succeed())
	return m
}

// get asks the API of Prometheus.
func (m *monitor) get(path string, query url.Values) (data json.RawMessage, err error) {
	response, err := m.client.Get("http://" + m.address + path + "?" + query.Encode())
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if path == "/-/ready" && response.StatusCode == http.StatusOK {
		return nil, nil
	}
	var answer struct {
		Status, Error string
		Data          json.RawMessage
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return nil, fmt.Errorf("%s: %w", response.Status, err)
	}
	if answer.Status != "success" {
		return nil, fmt.Errorf("%s: %s", response.Status, answer.Error)
	}
	return answer.Data, nil
}

// results returns how many series a query has.
func (m *monitor) results(expr string) (int, error) {
	data, err := m.get("/api/v1/query", url.Values{"query": {expr}})
	if err != nil {
		return 0, err
	}
	var vector struct{ Result []json.RawMessage }
	err = json.Unmarshal(data, &vector)
	return len(vector.Result), err
}

// queries are those of the dashboards of the chart, by board and panel, with all values of the variables chosen.
func queries(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	files, err := filepath.Glob("../../charts/kedify-gateway/dashboards/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var board struct {
			Panels []struct {
				Title   string
				Targets []struct{ Expr, RefID string }
			}
		}
		if err := json.Unmarshal(text, &board); err != nil {
			t.Fatal(err)
		}
		chosen := strings.NewReplacer("$__rate_interval", "10s", "$namespace", ".*", "$gateway", ".*", "$scaledobject", ".*")
		for _, panel := range board.Panels {
			for _, target := range panel.Targets {
				all[filepath.Base(file)+": "+panel.Title+" "+target.RefID] = chosen.Replace(target.Expr)
			}
		}
	}
	return all
}

// TestBoards: a Prometheus that reads two replicas and an Envoy, while requests are routed, held, refused and fail, has an answer to
// every query of the dashboards, and evaluates every alert and its texts. With ANSWERS set to a path it takes a minute longer, and
// writes the answers there.
func TestBoards(t *testing.T) {
	folder := os.Getenv("PROMETHEUS")
	if folder == "" {
		t.Skip("PROMETHEUS is not set to the folder of prometheus")
	}
	s := newSite(t, 1, 1, nil)
	s.set(strings.Replace(scaledObjectYAML, "web.example.com", "h0.example.com", 1)) // the host of the route
	other := s.replica("127.0.0.2")
	keda := s.leader.scaler()
	m := s.monitor(folder, s.leader, other)
	flow := s.traffic()
	demand := func() string { return s.leader.view("/demand") }
	s.Eventually(s.leader.metric("kedify_gateway_trigger_requests_total")).ShouldNot(BeZero(), demand)
	s.hold(0)
	busy := func() {
		_, _ = keda.IsActive(t.Context(), scaledObjectRef())
		s.ask(0, goodPath(0)+"/fail")
		s.ask(0, "/nowhere")
		time.Sleep(300 * time.Millisecond)
	}
	missing := map[string]string{}
	deadline := time.Now().Add(2 * patience)
	for begun := time.Now(); time.Now().Before(deadline); {
		busy()
		if missing = m.unanswered(queries(t)); len(missing) == 0 && time.Since(begun) > 5*time.Second {
			break
		}
	}
	if path := os.Getenv("ANSWERS"); path != "" {
		m.record(path, busy)
	}
	flow.stop()
	for query, why := range missing {
		t.Errorf("%s: %s", query, why)
	}
	m.checkRules()
}

// hold has a request held while the last Pod is gone, and released after a time. The cluster of the hold names files at
// the place where the Pods of Envoys have them, so that the Envoy of a test refuses it: the test asks in its place.
func (s *site) hold(takes time.Duration) {
	s.t.Helper()
	s.set(serviceYAML("a"))
	state := func() string { return s.leader.held().State }
	s.Eventually(state).Should(BeElementOf("awaitingACK", "lingering", "awaitingConfirmation", "cold"))
	node := s.leader.dump(gatewayKey).Proxies[0].Node
	answered := answerOf(s.leader.request(gatewayKey, node, s.leader.held().Name, "apps/web-0"))
	s.Eventually(s.leader.metric("kedify_gateway_trigger_held_requests")).ShouldNot(BeZero())
	time.Sleep(takes)
	s.set(serviceAt(s.backend))
	s.Eventually(answered).Should(Receive())
	s.Eventually(s.leader.metric("kedify_gateway_trigger_hold_answers_total")).ShouldNot(BeZero())
}

// unanswered are the queries that are refused, or have no data.
func (m *monitor) unanswered(all map[string]string) map[string]string {
	missing := map[string]string{}
	for name, expr := range all {
		switch n, err := m.results(expr); {
		case err != nil:
			missing[name] = fmt.Sprintf("%s: %v", expr, err)
		case n == 0:
			missing[name] = expr + ": no data"
		}
	}
	return missing
}

// record has a minute of traffic, with a cold start in the middle, and writes what Prometheus answers to all queries for that time: a
// matrix for each, which hack/dashboards draws.
func (m *monitor) record(path string, busy func()) {
	m.t.Helper()
	begun := time.Now()
	busyUntil := func(after time.Duration) {
		for time.Since(begun) < after {
			busy()
		}
	}
	busyUntil(25 * time.Second)
	m.hold(5 * time.Second)
	busyUntil(time.Minute)
	answers := map[string]json.RawMessage{}
	for name, expr := range queries(m.t) {
		data, err := m.get("/api/v1/query_range", url.Values{
			"query": {expr}, "start": {begun.Format(time.RFC3339)}, "end": {time.Now().Format(time.RFC3339)}, "step": {"1"},
		})
		m.Expect(err).NotTo(HaveOccurred())
		var found struct{ Result json.RawMessage }
		m.Expect(json.Unmarshal(data, &found)).To(Succeed())
		answers[name] = found.Result
	}
	text, err := json.Marshal(answers)
	m.Expect(err).NotTo(HaveOccurred())
	m.Expect(os.WriteFile(path, text, 0o600)).To(Succeed())
}

// checkRules fails for each alert that is not evaluated, or whose texts are not.
func (m *monitor) checkRules() {
	m.t.Helper()
	data, err := m.get("/api/v1/rules", nil)
	m.Expect(err).NotTo(HaveOccurred())
	var found struct {
		Groups []struct {
			Rules []struct {
				Name, Health, LastError string
				Alerts                  []struct{ Annotations map[string]string }
			}
		}
	}
	m.Expect(json.Unmarshal(data, &found)).To(Succeed())
	m.Expect(found.Groups).To(HaveLen(1))
	m.Expect(found.Groups[0].Rules).To(HaveLen(8))
	for _, rule := range found.Groups[0].Rules {
		if rule.Health != "ok" || rule.LastError != "" {
			m.t.Errorf("%s is %s: %s", rule.Name, rule.Health, rule.LastError)
		}
		for _, alert := range rule.Alerts {
			for name, text := range alert.Annotations {
				if strings.Contains(text, "error expanding template") {
					m.t.Errorf("%s: %s: %s", rule.Name, name, text)
				}
			}
		}
	}
}
