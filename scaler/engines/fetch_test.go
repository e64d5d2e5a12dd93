package engines_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/engines"
)

// A request says nothing of the product but its name, and the answer leads nowhere.
func TestRequest(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://10.9.9.9:3128")
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		p, elsewhere := n.pod("app", "a", 1, 0.1), n.pod("kube-system", "secret", 9, 0.9)
		r := n.replica("one")
		pods := podsOf(p)
		pods.Path = "/internal/metrics?format=prometheus"
		r.Set(chat, pods)
		synctest.Wait()
		r.knows(t, "at once", 1, 0.1)
		var names []string
		for name := range p.last.Header {
			names = append(names, name)
		}
		slices.Sort(names)
		if got := fmt.Sprint(p.last.Method, p.last.RequestURI, p.last.Host, names, p.last.ContentLength); got !=
			"GET/internal/metrics?format=prometheus10.1.0.0:8000[Accept Connection User-Agent] 0" {
			t.Errorf("the request: %s", got)
		}
		p.answers(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Set-Cookie", "a=b")
			http.Redirect(w, r, "http://"+elsewhere.address.String()+"/metrics", http.StatusFound)
		})
		time.Sleep(10 * time.Second)
		if _, err := r.Waiting(chat); err == nil || !strings.Contains(err.Error(), "HTTP status 302") {
			t.Errorf("a redirect: %v", err)
		}
		if p.last.Header.Get("Cookie") != "" || len(elsewhere.read()) > 0 {
			t.Errorf("a redirect was followed, or a cookie kept: %v", p.last.Header)
		}
	})
}

// Whatever a path says, the request goes to the Pod.
func TestPaths(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		p, elsewhere := n.pod("app", "a", 1, 0.1), n.pod("kube-system", "secret", 9, 0.9)
		r := n.replica("one")
		for path, want := range map[string]string{
			"/metrics": "/metrics", "//" + elsewhere.address.String() + "/metrics": "//" + elsewhere.address.String() + "/metrics",
			"/a b": "/a%20b", "/../x": "/../x", "/%2e": "/%2e",
			"metrics": "", "": "", "http://" + elsewhere.address.String() + "/metrics": "", "@" + elsewhere.address.String() + "/": "",
			"/a\r\nHost: other": "",
		} {
			pods := podsOf(p)
			pods.Path = path
			r.Set(chat, pods)
			synctest.Wait()
			reads := len(p.read())
			if got := p.last; want != "" && (reads != 1 || got.RequestURI != want || got.Host != p.address.String()) || want == "" && reads > 0 {
				t.Errorf("%q: %d reads, %v", path, reads, got)
			}
			if _, err := r.Waiting(chat); (err == nil) != (want != "") {
				t.Errorf("%q: %v", path, err)
			}
		}
		if len(elsewhere.read()) > 0 {
			t.Error("another Pod was read")
		}
	})
}

// Answers that are none end in a word of the product's own.
func TestFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		p := n.pod("app", "a", 1, 0.1)
		r := n.replica("one")
		const secret = "password"
		raw := func(text string) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				connection, _, _ := w.(http.Hijacker).Hijack()
				io.WriteString(connection, text)
				connection.Close()
			}
		}
		for _, c := range []struct {
			name   string
			answer http.HandlerFunc
			want   string
		}{
			{"no answer", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "did not answer within 1.5s"},
			{"an endless one", func(w http.ResponseWriter, r *http.Request) {
				for r.Context().Err() == nil {
					fmt.Fprint(w, "vllm:num_requests_waiting 1\n"+secret+"\n")
					w.(http.Flusher).Flush()
					rest(r, 300*time.Millisecond)
				}
			}, "did not answer within 1.5s"},
			{"a long one", func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprint(w, strings.Repeat(secret+" 1\n", 1<<18))
			}, "longer than 1 MiB"},
			{"an error", func(w http.ResponseWriter, _ *http.Request) {
				http.Error(w, secret, http.StatusInternalServerError)
			}, "HTTP status 500"},
			{"a text of others", func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprint(w, secret+" 1\n")
			}, "none of the metrics of a known engine"},
			{"broken metrics", func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprint(w, "vllm:num_requests_waiting{x=\""+secret+"\"\n")
			}, "no text of Prometheus metrics"},
			{"no HTTP", raw(secret + "\r\n\r\n"), "cut off, or is no HTTP"},
			{"cut off", raw("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + secret), "cut off, or is no HTTP"},
			{"endless headers", raw("HTTP/1.1 200 OK\r\n" + strings.Repeat("X: "+secret+"\r\n", 10_000)), "cut off, or is no HTTP"},
			{"another protocol", raw("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"), "HTTP status 101"},
		} {
			p.answers(c.answer)
			r.Set(chat, nil)
			r.Set(chat, podsOf(p))
			time.Sleep(1600 * time.Millisecond)
			_, err := r.Waiting(chat)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), secret) {
				t.Errorf("%s: %v; want %q", c.name, err, c.want)
			}
		}
		if open, _ := n.connections(""); open > 1 {
			t.Errorf("%d connections are open", open)
		}
	})
}

// Over real sockets, each engine's own text.
func TestRealServers(t *testing.T) {
	files, err := os.ReadDir("exposition/testdata")
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	pods := &scaler.ModelPods{Engine: "auto", Path: "/metrics"}
	served := atomic.Int32{}
	for _, file := range files {
		text, err := os.ReadFile("exposition/testdata/" + file.Name())
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			served.Add(1)
			w.Write(text)
		}))
		t.Cleanup(server.Close)
		address := netip.MustParseAddrPort(server.Listener.Addr().String())
		pods.Pods = append(pods.Pods, scaler.ModelPod{Name: file.Name(), ID: file.Name(), Address: address})
	}
	r := engines.New(engines.Options{Replica: "one"})
	done := make(chan error, 1)
	go func() { done <- r.Run(t.Context()) }()
	t.Cleanup(func() { <-done })
	r.Set(chat, pods)
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		waiting, err := r.Waiting(chat)
		if err == nil && int(served.Load()) >= len(files) && waiting == 7+11+4+9+3+5+6 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%v wait, %v", waiting, err)
		}
	}
	if cache, err := r.CacheUsage(chat); err != nil || cache < 0.35 || cache > 0.352 { // of six
		t.Errorf("%v, %v", cache, err)
	}
}
