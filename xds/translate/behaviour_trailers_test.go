package translate_test

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/proxytest"
)

// withTrailers sends a request with a trailer, announced or not, and returns the answer with its trailers.
func (w *world) withTrailers(client *http.Client, host, path string) (status int, body string, answer *http.Response) {
	w.t.Helper()
	request, err := http.NewRequest(http.MethodPost, "http://127.0.0.1:"+strconv.Itoa(int(w.port))+path,
		io.MultiReader(strings.NewReader("prompt")))
	if err != nil {
		w.t.Fatal(err)
	}
	request.Host, request.Trailer = host, http.Header{"X-Sent": {"sent"}}
	response, err := client.Do(request)
	if err != nil {
		w.t.Fatalf("%s%s: %v", host, path, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatalf("%s%s: %v", host, path, err)
	}
	return response.StatusCode, string(text), response
}

// speaking is a client of one version of HTTP.
func speaking(http2 bool) *http.Client {
	protocols := &http.Protocols{}
	protocols.SetHTTP1(!http2)
	protocols.SetUnencryptedHTTP2(http2)
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{Protocols: protocols}}
}

// trailing answers with the trailer that it got, and with one of its own.
func trailing(t *testing.T) string {
	return server(t, func(out http.ResponseWriter, in *http.Request) {
		body, _ := io.ReadAll(in.Body)
		out.Header().Set("Trailer", "X-Sum")
		_, _ = out.Write(append(body, in.Trailer.Get("X-Sent")...))
		out.Header().Set("X-Sum", "sum")
	})
}

// TestTrailersReachServices: trailers arrive in both directions between a client that speaks HTTP/2 and a
// backend of any protocol. With HTTP/1.1 a client gets and sends none (RFC 9110 6.5), and the
// rest of the request is unharmed.
func TestTrailersReachServices(t *testing.T) {
	w := newWorld(t)
	hosts := w.everywhere(route("r", prefix("/"), to(w.cluster(ir.Cluster{Key: serviceKey("trailing"), Protocol: ir.HTTP1}, trailing(t)))))
	w.apply()
	for _, host := range hosts {
		status, body, answer := w.withTrailers(speaking(true), host, "/")
		if status != 200 || body != "promptsent" || answer.Trailer.Get("X-Sum") != "sum" {
			t.Errorf("HTTP/2 to %s: %d %q with trailers %v", host, status, body, answer.Trailer)
		}
		if status, body, _ = w.withTrailers(speaking(false), host, "/"); status != 200 || body != "prompt" {
			t.Errorf("HTTP/1.1 to %s: %d %q", host, status, body)
		}
	}
}

// TestTrailersToPoolsAreRefused: a picker waits for the end of the body, and the trailers that a request ends
// with are no end to it. So a request with trailers is refused as soon as they are there, and hangs nowhere.
func TestTrailersToPoolsAreRefused(t *testing.T) {
	w := newWorld(t)
	pod := trailing(t)
	picker := proxytest.StartPicker(t, "picker")
	picker.Pick(pod)
	var routes []ir.Route
	for name, open := range map[string]bool{"closed": false, "open": true} {
		routes = append(routes, route(name, prefix("/"+name), &ir.Forward{Targets: []ir.Target{w.pool(name, open, picker, pod)}}))
	}
	hosts := w.everywhere(routes...)
	w.apply()
	for _, host := range hosts {
		for _, path := range []string{"/closed", "/open"} {
			begun := time.Now()
			status, body, _ := w.withTrailers(speaking(true), host, path)
			if took := time.Since(begun); status != 400 || took > 2*time.Second {
				t.Errorf("HTTP/2 to %s%s: %d %q after %v", host, path, status, body, took)
			}
			if status, body, _ = w.withTrailers(speaking(false), host, path); status != 200 || body != "prompt" {
				t.Errorf("HTTP/1.1 to %s%s: %d %q", host, path, status, body)
			}
		}
	}
}
