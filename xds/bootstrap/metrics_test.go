package bootstrap_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/xds/bootstrap"
	"github.com/kedify/inference-gateway/xds/proxytest"
	"github.com/kedify/inference-gateway/xds/resource"
)

// scraper asks the metrics listener of a proxy from an address of the loopback.
type scraper struct {
	t    *testing.T
	port int
}

func startScraped(t *testing.T) scraper {
	proxy := proxytest.Start(t)
	proxy.Apply(resource.Change{}) // the port opens with the first configuration
	s := scraper{t: t, port: proxy.Metrics}
	for range 100 {
		if connection, err := net.Dial("tcp", s.address()); err == nil {
			connection.Close()
			return s
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the port does not open")
	return s
}

func (s scraper) address() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// ask sends one request over a connection of its own.
func (s scraper) ask(from, method, target string, headers ...string) (status int, header http.Header, body string) {
	s.t.Helper()
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, address)
	}}
	request, err := http.NewRequest(method, "http://"+s.address(), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	request.URL.Opaque = target
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := (&http.Client{Transport: transport, Timeout: 20 * time.Second}).Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(text)
}

// TestMetricsListener: the statistics and nothing else of the admin interface, to GET alone.
func TestMetricsListener(t *testing.T) {
	s := startScraped(t)
	status, _, body := s.ask("127.0.0.1", "GET", bootstrap.MetricsPath)
	if status != 200 || !strings.Contains(body, "envoy_server_live") || !strings.Contains(body, `envoy_cluster_name="xds"`) {
		t.Errorf("%d %.300s", status, body)
	}
	for _, target := range []string{
		"/", "/stats", "/quitquitquit", "/config_dump", "/certs", bootstrap.MetricsPath + "/", "/" + bootstrap.MetricsPath,
		bootstrap.MetricsPath + "?usedonly", bootstrap.MetricsPath + "?filter=a", "/stats/../stats/prometheus", "/stats/%70rometheus",
	} {
		if status, _, body := s.ask("127.0.0.1", "GET", target); status != 404 || body != "" {
			t.Errorf("%s: %d %.100q", target, status, body)
		}
	}
	for _, method := range []string{"POST", "HEAD", "DELETE"} {
		if status, header, _ := s.ask("127.0.0.1", method, bootstrap.MetricsPath); status != 405 || header.Get("allow") != "GET" {
			t.Errorf("%s: %d, allow %q", method, status, header.Get("allow"))
		}
	}
}

// TestMetricsAreBounded: an address that asks often is refused, under any name that it gives, and takes nothing from others;
// all together are refused when they are too many.
func TestMetricsAreBounded(t *testing.T) {
	s := startScraped(t)
	begun, served := time.Now(), 0
	for i := range 20 {
		status, header, _ := s.ask("127.0.0.2", "GET", bootstrap.MetricsPath, "x-forwarded-for", fmt.Sprintf("10.0.0.%d", i))
		switch status {
		case 200:
			served++
		case 429:
			if header.Get("retry-after") == "" {
				t.Errorf("429 without retry-after: %v", header)
			}
		default:
			t.Errorf("%d", status)
		}
	}
	if most := 2 + int(time.Since(begun)/(5*time.Second)) + 1; served < 2 || served > most {
		t.Errorf("%d scrapes of one address in %s, at most %d", served, time.Since(begun), most)
	}
	if status, _, _ := s.ask("127.0.0.3", "GET", bootstrap.MetricsPath); status != 200 {
		t.Errorf("another address: %d", status)
	}
	served = 0
	for i := range 40 {
		if status, _, _ := s.ask(fmt.Sprintf("127.0.2.%d", i+1), "GET", bootstrap.MetricsPath); status == 200 {
			served++
		}
	}
	if most := 8 + int(time.Since(begun)/time.Second) + 1; served > most || served == 40 {
		t.Errorf("%d scrapes of 40 addresses in %s, at most %d", served, time.Since(begun), most)
	}
}

// TestMetricsConnectionsAreBounded: the 129th connection is closed at once, and those before it are served.
func TestMetricsConnectionsAreBounded(t *testing.T) {
	s := startScraped(t)
	connect := func() net.Conn {
		connection, err := net.Dial("tcp", s.address())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { connection.Close() })
		if err := connection.SetDeadline(time.Now().Add(4 * time.Second)); err != nil { // before those that are silent are closed
			t.Fatal(err)
		}
		return connection
	}
	first := connect()
	for range 127 {
		connect()
	}
	if n, err := connect().Read(make([]byte, 1)); n > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the 129th connection is open: %v", err)
	}
	if _, err := first.Write([]byte("GET / HTTP/1.1\r\nhost: a\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if answer, err := bufio.NewReader(first).ReadString('\n'); err != nil || !strings.Contains(answer, "404") {
		t.Errorf("the first connection: %q %v", answer, err)
	}
}
