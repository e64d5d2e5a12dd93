package translate_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/proxytest"
	"github.com/kedify/inference-gateway/xds/translate"
)

// secret adds a certificate pair for names.
func (w *world) secret(name string, keys *proxytest.Keys, names ...string) {
	w.t.Helper()
	certificate, key := keys.Issue(w.t, names...)
	w.one(translate.Secret(ir.Secret{Name: name, Certificate: certificate, PrivateKey: key}))
}

// https asks over TLS with a server name, and maybe a client certificate. It returns the
// status, or zero when the connection failed.
func https(t *testing.T, port uint32, sni, host string, config *tls.Config) (int, string) {
	t.Helper()
	config = config.Clone()
	config.ServerName = sni
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequest(http.MethodGet, "https://127.0.0.1:"+strconv.Itoa(int(port))+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = host
	response, err := (&http.Client{Transport: transport, Timeout: 5 * time.Second}).Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	return response.StatusCode, response.Proto
}

func TestTLS(t *testing.T) {
	w := newWorld(t)
	keys, strangers := proxytest.NewKeys(t), proxytest.NewKeys(t)
	port := uint32(proxytest.Port(t))
	id := func(name string) string { return strconv.Itoa(int(port)) + "/" + name }
	chain := func(sni, certificate string, optional bool) ir.Chain {
		c := ir.Chain{ID: id(sni), SNI: sni, TLS: &ir.ServerTLS{Certificates: []string{certificate}}}
		if sni == "strict.test" || optional {
			c.TLS.ClientCA, c.TLS.ClientOptional = "clients", optional
		}
		return c
	}
	w.listener(ir.Listener{Port: port, Transport: ir.TCP, Chains: []ir.Chain{
		chain("*.wild.test", "wild", false), chain("optional.test", "optional", true), chain("strict.test", "strict", false),
	}})
	w.secret("wild", keys, "*.wild.test")
	w.secret("optional", keys, "optional.test")
	w.secret("strict", keys, "strict.test")
	w.one(translate.Secret(ir.Secret{Name: "clients", CA: keys.CA}))
	backend := w.service("backend")
	for sni, host := range map[string]string{"*.wild.test": "a.wild.test", "optional.test": "optional.test", "strict.test": "strict.test"} {
		scope, table, err := translate.Host(ir.Host{Chain: id(sni), Hostname: host, Routes: []ir.Route{route("r", prefix("/"), to(backend))}})
		if err != nil {
			t.Fatal(err)
		}
		w.add(scope, table)
	}
	w.apply()

	trust := &tls.Config{RootCAs: keys.Pool(), MinVersion: tls.VersionTLS12}
	with := func(k *proxytest.Keys) *tls.Config {
		c := trust.Clone()
		c.Certificates = []tls.Certificate{k.TLS(t, "client")}
		return c
	}
	for _, c := range []struct {
		name, sni, host string
		config          *tls.Config
		status          int
	}{
		{"wildcard", "a.wild.test", "a.wild.test", trust, 200},
		{"wildcard, upper case", "A.wild.test", "A.Wild.test:443", trust, 200},
		{"no chain", "unknown.test", "unknown.test", trust, 0},
		{"no server name", "", "a.wild.test", trust, 0},
		{"host of another chain", "a.wild.test", "strict.test", trust, 404},
		{"strict without a certificate", "strict.test", "strict.test", trust, 0},
		{"strict with a stranger's", "strict.test", "strict.test", with(strangers), 0},
		{"strict", "strict.test", "strict.test", with(keys), 200},
		{"optional without a certificate", "optional.test", "optional.test", trust, 200},
		{"optional with a stranger's", "optional.test", "optional.test", with(strangers), 200},
		{"optional", "optional.test", "optional.test", with(keys), 200},
	} {
		status, detail := https(t, port, c.sni, c.host, c.config)
		if status != c.status || (status == 200 && detail != "HTTP/2.0") {
			t.Errorf("%s: %d %s, want %d over HTTP/2", c.name, status, detail, c.status)
		}
	}
	old := trust.Clone()
	old.MaxVersion = tls.VersionTLS11
	old.MinVersion = tls.VersionTLS10
	if status, _ := https(t, port, "a.wild.test", "a.wild.test", old); status != 0 {
		t.Errorf("TLS 1.1 is accepted")
	}

	// A renewed certificate reaches the proxy as one secret.
	renewed := proxytest.NewKeys(t)
	w.secret("wild", renewed, "*.wild.test")
	w.apply()
	status, detail := https(t, port, "a.wild.test", "a.wild.test", &tls.Config{RootCAs: renewed.Pool(), MinVersion: tls.VersionTLS13})
	if status != 200 {
		t.Errorf("after the renewal: %d %s", status, detail)
	}
}

func TestBackendTLS(t *testing.T) {
	w := newWorld(t)
	keys := proxytest.NewKeys(t)
	secure := func(name string, protocols ...string) string {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
			fmt.Fprintf(out, `{"Backend":%q,"Body":%q}`, in.TLS.ServerName, in.Proto+" "+strconv.Itoa(len(in.TLS.PeerCertificates)))
		}))
		s.TLS = &tls.Config{
			Certificates: []tls.Certificate{keys.TLS(t, name)}, NextProtos: protocols, MinVersion: tls.VersionTLS13,
			ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: keys.Pool(),
		}
		s.EnableHTTP2 = len(protocols) > 0
		s.StartTLS()
		t.Cleanup(s.Close)
		return s.Listener.Addr().String()
	}
	w.one(translate.Secret(ir.Secret{Name: "ca", CA: keys.CA}))
	w.one(translate.Secret(ir.Secret{Name: "other", CA: proxytest.NewKeys(t).CA}))
	w.secret("client", keys, "client")
	var routes []ir.Route
	cases := []struct {
		name     string
		protocol ir.Protocol
		tls      ir.UpstreamTLS
		status   int
		body     string
	}{
		{"verified", ir.HTTP1, ir.UpstreamTLS{SNI: "back.test", CA: "ca"}, 200, "HTTP/1.1 0"},
		{"h2", ir.HTTP2, ir.UpstreamTLS{SNI: "back.test", CA: "ca", Certificate: "client"}, 200, "HTTP/2.0 1"},
		{"wrong-ca", ir.HTTP1, ir.UpstreamTLS{SNI: "back.test", CA: "other"}, 503, ""},
		{"wrong-name", ir.HTTP1, ir.UpstreamTLS{SNI: "front.test", CA: "ca"}, 503, ""},
		{"names", ir.HTTP1,
			ir.UpstreamTLS{SNI: "front.test", CA: "ca", Names: []ir.SubjectAltName{{Name: "x.test"}, {Name: "back.test"}}}, 200, "HTTP/1.1 0"},
		{"wrong-names", ir.HTTP1,
			ir.UpstreamTLS{SNI: "back.test", CA: "ca", Names: []ir.SubjectAltName{{URI: true, Name: "spiffe://a/b"}}}, 503, ""},
		{"system", ir.HTTP1, ir.UpstreamTLS{SNI: "back.test", SystemCA: true}, 503, ""},
		{"insecure", ir.HTTP1, ir.UpstreamTLS{SNI: "any.test", Insecure: true}, 200, "HTTP/1.1 0"},
		{"chosen-1", ir.HTTPAny, ir.UpstreamTLS{HostSNI: true, Insecure: true}, 200, "HTTP/1.1 0"},
		{"chosen-2", ir.HTTPAny, ir.UpstreamTLS{HostSNI: true, Insecure: true}, 200, "HTTP/2.0 0"},
	}
	one, two := secure("back.test"), secure("back.test", "h2")
	for i := range cases {
		c := &cases[i]
		address := one
		if c.protocol == ir.HTTP2 || c.name == "chosen-2" {
			address = two
		}
		key := w.cluster(ir.Cluster{Key: serviceKey(c.name), Protocol: c.protocol, TLS: &c.tls}, address)
		routes = append(routes, route(c.name, prefix("/"+c.name), to(key)))
	}
	w.host("tls.test", routes...)
	w.apply()
	for _, c := range cases {
		out := w.do(ask{host: "tls.test", path: "/" + c.name})
		name := c.tls.SNI
		if c.tls.HostSNI {
			name = "tls.test"
		}
		if out.status != c.status || out.Body != c.body || (c.status == 200 && out.Backend != name) {
			t.Errorf("%s: %d, server name %q, %q (%s)", c.name, out.status, out.Backend, out.Body, out.text)
		}
	}
}

func TestHTTP2(t *testing.T) {
	w := newWorld(t)
	key := w.cluster(ir.Cluster{Key: serviceKey("h2"), Protocol: ir.HTTP2}, echo(t, "h2"))
	w.host("h2.test", route("r", prefix("/svc/"), to(key)))
	w.apply()
	// Prior knowledge on the cleartext port, as gRPC clients do it.
	transport := &http2.Transport{AllowHTTP: true,
		DialTLSContext: func(ctx context.Context, network, address string, _ *tls.Config) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		}}
	defer transport.CloseIdleConnections()
	for path, want := range map[string]string{"/svc/Method": "", "/other/Method": "12"} {
		request, err := http.NewRequest(http.MethodPost, "http://127.0.0.1:"+strconv.Itoa(int(w.port))+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = "h2.test"
		request.Header.Set("Content-Type", "application/grpc")
		request.Header.Set("TE", "trailers")
		response, err := transport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
		// A method that no route takes is UNIMPLEMENTED (12), as a response of gRPC.
		if response.StatusCode != 200 || response.Header.Get("grpc-status") != want {
			t.Errorf("%s: %s, grpc-status %q", path, response.Status, response.Header.Get("grpc-status"))
		}
	}
}

func TestLayer4(t *testing.T) {
	w := newWorld(t)
	keys := proxytest.NewKeys(t)
	raw := func(name string) ir.ClusterKey {
		return w.cluster(ir.Cluster{Key: serviceKey(name), Protocol: ir.TCPRaw}, speaker(t, name))
	}
	a, b := raw("a"), raw("b")
	ports := []uint32{uint32(proxytest.Port(t)), uint32(proxytest.Port(t)), uint32(proxytest.Port(t))}
	w.listener(ir.Listener{Port: ports[0], Transport: ir.TCP, Chains: []ir.Chain{{ID: strconv.Itoa(int(ports[0])),
		Forward: &ir.L4Forward{Targets: []ir.L4Target{{Cluster: a, Weight: 1}, {Cluster: b, Weight: 1}, {Cluster: serviceKey("none")}}}}}})
	passed := w.cluster(ir.Cluster{Key: serviceKey("passed"), Protocol: ir.TCPRaw}, secureSpeaker(t, keys, "pass.test"))
	w.secret("term", keys, "term.test")
	w.listener(ir.Listener{Port: ports[1], Transport: ir.TCP, Chains: []ir.Chain{
		{ID: "pass", SNI: "pass.test", Forward: &ir.L4Forward{Targets: []ir.L4Target{{Cluster: passed, Weight: 1}}}},
		{ID: "term", SNI: "term.test", TLS: &ir.ServerTLS{Certificates: []string{"term"}},
			Forward: &ir.L4Forward{Targets: []ir.L4Target{{Cluster: a, Weight: 1}}}},
		{ID: "void", SNI: "void.test", Forward: &ir.L4Forward{}},
	}})
	one := w.cluster(ir.Cluster{Key: serviceKey("udp1"), Protocol: ir.TCPRaw}, datagramServer(t, "one"))
	two := w.cluster(ir.Cluster{Key: serviceKey("udp2"), Protocol: ir.TCPRaw}, datagramServer(t, "two"))
	w.listener(ir.Listener{Port: ports[2], Transport: ir.UDP, Chains: []ir.Chain{{ID: "udp",
		Forward: &ir.L4Forward{Targets: []ir.L4Target{
			{Cluster: serviceKey("none")}, {Cluster: one, Weight: 7}, {Cluster: two, Weight: 3}}}}}})
	w.apply()

	seen := map[string]int{}
	for range 60 {
		seen[said(t, func() (net.Conn, error) { return net.Dial("tcp", local(ports[0])) })]++
	}
	if seen["a"] < 10 || seen["b"] < 10 || seen["a"]+seen["b"] != 60 {
		t.Errorf("connections by weight: %v", seen)
	}
	for name, want := range map[string]string{"pass.test": "pass.test", "term.test": "a", "other.test": "", "void.test": ""} {
		got := said(t, func() (net.Conn, error) {
			return tls.Dial("tcp", local(ports[1]), &tls.Config{ServerName: name, RootCAs: keys.Pool(), MinVersion: tls.VersionTLS13})
		})
		if got != want {
			t.Errorf("TLS to %s: %q, want %q", name, got, want)
		}
	}
	sessions := map[string]int{}
	for range 300 {
		sessions[datagram(t, ports[2])]++
	}
	if sessions["one"]+sessions["two"] != 300 || sessions["two"] < 60 || sessions["two"] > 120 {
		t.Errorf("sessions by weight 7:3 are %v", sessions)
	}
}

// datagram sends one from a new source port and returns the answer.
func datagram(t *testing.T, port uint32) string {
	t.Helper()
	connection, err := net.Dial("udp", local(port))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(5 * time.Second))
	_, _ = connection.Write([]byte("ping"))
	reply := make([]byte, 16)
	n, err := connection.Read(reply)
	if err != nil {
		t.Fatal(err)
	}
	return string(reply[:n])
}

func local(port uint32) string { return "127.0.0.1:" + strconv.Itoa(int(port)) }

// said is what the server says first, "" when the connection fails.
func said(t *testing.T, dial func() (net.Conn, error)) string {
	t.Helper()
	connection, err := dial()
	if err != nil {
		return ""
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(5 * time.Second))
	data, err := io.ReadAll(connection)
	if err != nil && !errors.Is(err, io.EOF) {
		return err.Error()
	}
	return string(data)
}

// speaker says its name and closes.
func speaker(t *testing.T, name string) string {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	speak(t, listener, name)
	return listener.Addr().String()
}

func secureSpeaker(t *testing.T, keys *proxytest.Keys, name string) string {
	t.Helper()
	listener, err := tls.Listen("tcp4", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{keys.TLS(t, name)}, MinVersion: tls.VersionTLS13,
	})
	if err != nil {
		t.Fatal(err)
	}
	speak(t, listener, name)
	return listener.Addr().String()
}

func speak(t *testing.T, listener net.Listener, name string) {
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer connection.Close()
				_, _ = io.WriteString(connection, name)
			}()
		}
	}()
}

func datagramServer(t *testing.T, name string) string {
	t.Helper()
	connection, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	go func() {
		buffer := make([]byte, 1500)
		for {
			_, from, err := connection.ReadFrom(buffer)
			if err != nil {
				return
			}
			_, _ = connection.WriteTo([]byte(name), from)
		}
	}()
	return connection.LocalAddr().String()
}
