package translate_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"
	"k8s.io/utils/ptr"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/proxytest"
)

// logged waits for the line about a path, and returns its fields.
func (w *world) logged(path string) (fields map[string]any) {
	w.t.Helper()
	gomega.NewWithT(w.t).Eventually(func() map[string]any {
		for line := range strings.SplitSeq(w.proxy.Output(), "\n") {
			var object map[string]any
			if json.Unmarshal([]byte(line), &object) == nil && object["path"] == path {
				fields = object
			}
		}
		return fields
	}, 10*time.Second, 50*time.Millisecond).ShouldNot(gomega.BeNil(), path)
	return fields
}

// streaming sends its headers at once, and the first token of its body a while later.
func streaming(t *testing.T, pause time.Duration) string {
	return server(t, func(out http.ResponseWriter, _ *http.Request) {
		out.Header().Set("content-type", "text/event-stream")
		out.WriteHeader(http.StatusOK)
		out.(http.Flusher).Flush()
		time.Sleep(pause)
		for token := range 3 {
			fmt.Fprintf(out, "data: %d\n\n", token)
			out.(http.Flusher).Flush()
			time.Sleep(pause)
		}
	})
}

// TestLogOfAColdStart: how long the request waited, for which ScaledObject, and when the first token came.
func TestLogOfAColdStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const pause = 150 * time.Millisecond
	holder := proxytest.StartHolder(t)
	model := serviceKey("model")
	model.Demand = "model-http"
	w.cluster(ir.Cluster{Key: model, ScaledObject: "model"}, streaming(t, pause))
	target := w.held(ir.Target{Cluster: model, Weight: 1}, holder)
	plain := w.cluster(ir.Cluster{Key: serviceKey("stream")}, streaming(t, pause))
	w.host("log.test",
		route("plain", prefix("/plain"), to(plain)),
		route("held", prefix("/"), &ir.Forward{Targets: []ir.Target{target}}))
	w.apply()

	release := holder.Hold()
	go func() {
		for len(holder.Asked()) == 0 {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(2 * pause)
		release()
	}()
	w.expect(ask{host: "log.test", path: "/cold"}, 200, "")
	cold := w.logged("/cold")
	held, ttft := milliseconds(t, cold, "held_ms"), milliseconds(t, cold, "ttft_ms")
	if cold["cold_start"] != "true" || cold["scaled_object"] != "test/model" || held < 290 || ttft < held+140 || cold["reason"] != nil {
		t.Errorf("%v", cold)
	}
	if start := milliseconds(t, cold, "response_start"); start >= ttft {
		t.Errorf("the headers of the answer came after %v ms, the first token after %v", start, ttft)
	}

	w.expect(ask{host: "log.test", path: "/warm"}, 200, "")
	if warm := w.logged("/warm"); warm["cold_start"] != "false" || warm["held_ms"] != 0.0 || warm["scaled_object"] != "test/model" {
		t.Errorf("%v", warm)
	}
	asked := len(holder.Asked())
	release = holder.Hold()
	holder.Refuse(504)
	go func() {
		for len(holder.Asked()) == asked {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(pause)
		release()
	}()
	w.expect(ask{host: "log.test", path: "/late"}, 504, "")
	if late := w.logged("/late"); late["cold_start"] != "true" || milliseconds(t, late, "held_ms") < 140 || late["details"] != "hold_test" ||
		late["scaled_object"] != "test/model" || late["ttft_ms"] != nil {
		t.Errorf("%v", late)
	}
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2"} {
		path := "/plain/" + protocol
		w.askOver(protocol, "log.test", path)
		line := w.logged(path)
		ttft, all := milliseconds(t, line, "ttft_ms"), milliseconds(t, line, "duration")
		if line["protocol"] != protocol || ttft < 140 || ttft > all-300 { // three pauses follow
			t.Errorf("%v", line)
		}
		if line["held_ms"] != nil || line["cold_start"] != nil || line["scaled_object"] != nil {
			t.Errorf("%v", line)
		}
	}
}

// askOver reads a whole answer to a request over a protocol without TLS.
func (w *world) askOver(protocol, host, path string) {
	w.t.Helper()
	protocols := new(http.Protocols)
	protocols.SetHTTP1(protocol == "HTTP/1.1")
	protocols.SetUnencryptedHTTP2(protocol == "HTTP/2")
	transport := &http.Transport{Protocols: protocols}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequest(http.MethodGet, "http://"+local(w.port)+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	request.Host = host
	response, err := (&http.Client{Transport: transport, Timeout: 10 * time.Second}).Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		w.t.Fatal(err)
	}
}

func milliseconds(t *testing.T, line map[string]any, field string) float64 {
	t.Helper()
	value, ok := line[field].(float64)
	if !ok {
		t.Errorf("%s is %v in %v", field, line[field], line)
	}
	return value
}

// TestLogSaysWhyTheProxyAnswers: with the reason, for the share of the requests that has one, and never by the word of a client.
func TestLogSaysWhyTheProxyAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := ir.Target{Cluster: w.service("good"), Weight: 1}
	bad := func(reason string) ir.Target { return ir.Target{Invalid: true, Weight: 1, Reason: reason} }
	w.host("why.test",
		route("mixed", prefix("/mixed"), &ir.Forward{Targets: []ir.Target{good, bad("BackendNotFound"), bad("RefNotPermitted")}}),
		route("failed", prefix("/failed"), &ir.Respond{StatusCode: 500, Reason: "UnsupportedValue"}),
		route("page", prefix("/page"), &ir.Respond{StatusCode: 200}),
		route("good", prefix("/good"), to(good.Cluster)))
	elsewhere := ir.Respond{StatusCode: 421, Reason: "Misdirected"}
	w.wildcards(ir.Host{Chain: w.chain, Hostname: "*.why.test"}.Answering("misdirected", elsewhere, ir.Source{}))
	w.apply()

	said := map[string]string{"x-gw-reason": "forged"}
	for _, c := range []struct {
		host, path string
		status     int
		reason     any
	}{
		{"why.test", "/failed", 500, "UnsupportedValue"}, {"why.test", "/page", 200, nil}, {"why.test", "/good", 200, nil},
		{"why.test", "/nothing", 404, nil}, {"a.why.test", "/elsewhere", 421, "Misdirected"},
	} {
		w.do(ask{host: c.host, path: c.path, headers: said})
		if line := w.logged(c.path); line["status"] != float64(c.status) || line["reason"] != c.reason {
			t.Errorf("%s: %v %v", c.path, line["status"], line["reason"])
		}
	}
	reasons := map[any]bool{}
	for i := range 60 {
		path := fmt.Sprintf("/mixed/%d", i)
		status := w.do(ask{host: "why.test", path: path, headers: said}).status
		line := w.logged(path)
		if reasons[line["reason"]] = true; (status == 200) != (line["reason"] == nil) || status != 200 && status != 500 {
			t.Fatalf("%d: %v", status, line)
		}
	}
	if len(reasons) != 3 {
		t.Errorf("%v", reasons)
	}
}

// TestLogAsTheUserWants: format and filter.
func TestLogAsTheUserWants(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	slow := w.cluster(ir.Cluster{Key: serviceKey("slow")}, server(t, func(http.ResponseWriter, *http.Request) {
		time.Sleep(300 * time.Millisecond)
	}))
	w.host("format.test",
		route("slow", prefix("/slow"), to(slow)),
		route("failed", prefix("/failed"), &ir.Respond{StatusCode: 503}),
		route("good", prefix("/"), &ir.Respond{StatusCode: 200}))
	wait := 200 * time.Millisecond
	w.listener(ir.Listener{Port: w.port, Transport: ir.TCP, Chains: []ir.Chain{{ID: w.chain, Log: &ir.AccessLog{
		Text:   "logged %REQ(:PATH)% %RESPONSE_CODE% 100%%",
		Filter: &ir.LogFilter{MinStatus: ptr.To(uint32(500)), MinDuration: &wait},
	}}}})
	w.apply()
	for _, path := range []string{"/good", "/failed", "/slow", "/good/2", "/failed/2"} {
		w.do(ask{host: "format.test", path: path})
	}
	want := "logged /failed 503 100%\nlogged /slow 200 100%\nlogged /failed/2 503 100%\n"
	gomega.NewWithT(t).Eventually(w.proxy.Output, 10*time.Second, 50*time.Millisecond).Should(gomega.ContainSubstring(want))
	if log := w.proxy.Output(); strings.Contains(log, "/good") {
		t.Error(log)
	}
}
