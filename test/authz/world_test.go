package authz

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/proxytest"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/translate"
)

// hosts are one for each way in which a request finds its table: an exact name, the same in capitals, a wildcard, none.
var hosts = []string{"shop.test", "SHOP.test", "a.shop.test", "any.example"}

// world is a proxy with what it serves.
type world struct {
	t     *testing.T
	proxy *proxytest.Proxy
	port  int
	set   resource.Change
	// filters of the listener.
	filters *ir.ListenerFilters
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, proxy: proxytest.Start(t), port: proxytest.Port(t)}
	listener, err := translate.Listener(ir.Listener{Port: uint32(w.port), Transport: ir.TCP, Chains: []ir.Chain{{ID: strconv.Itoa(w.port)}}})
	w.add(err, listener)
	return w
}

func (w *world) add(err error, resources ...resource.Resource) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	w.set.Upsert = append(w.set.Upsert, resources...)
}

// service adds a Service with one endpoint.
func (w *world) service(name, address string, route ir.RouteProtocol) ir.ClusterKey {
	w.t.Helper()
	key := ir.ClusterKey{Kind: ir.BackendService, Namespace: "shop", Name: name, Port: 80, Route: route}
	protocol := ir.HTTP1
	if route == ir.RouteGRPC {
		protocol = ir.HTTP2
	}
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		w.t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		w.t.Fatal(err)
	}
	cluster, err := translate.Cluster(ir.Cluster{Key: key, Protocol: protocol})
	w.add(err, cluster)
	endpoints, err := translate.Endpoints(ir.Endpoints{Key: key.Endpoints(), Addresses: []ir.Endpoint{{Address: host, Port: uint32(port)}}})
	w.add(err, endpoints)
	return key
}

// serve has all hosts served by the routes.
func (w *world) serve(routes ...ir.Route) {
	w.t.Helper()
	chain := strconv.Itoa(w.port)
	scope, table, err := translate.Host(ir.Host{Chain: chain, Hostname: "shop.test", Routes: routes, Filters: w.filters})
	w.add(err, scope, table)
	scope, table, err = translate.Wildcards(ir.Wildcards{Chain: chain, Hosts: []ir.Host{
		{Chain: chain, Hostname: "*.shop.test", Routes: routes, Filters: w.filters},
		{Chain: chain, Hostname: "*", Routes: routes, Filters: w.filters},
	}})
	w.add(err, scope, table)
	w.proxy.Apply(w.set)
}

func rule(name, path string, action ir.Action) ir.Route {
	return ir.Route{Name: name, Match: ir.Match{Path: ir.PathMatch{Kind: ir.PathPrefix, Value: path}}, Action: action}
}

func to(key ir.ClusterKey, auth *ir.Auth) *ir.Forward {
	return &ir.Forward{Targets: []ir.Target{{Cluster: key, Weight: 1}}, Filters: ir.Filters{Auth: auth}}
}

// shop is a backend that says what it got.
func shop(t *testing.T) string {
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		body, err := io.ReadAll(in.Body)
		if err != nil {
			return
		}
		_ = json.NewEncoder(out).Encode(got{Path: in.URL.Path, Header: in.Header, Body: len(body)})
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// got is what the backend got.
type got struct {
	Path   string
	Header http.Header
	Body   int
}

type answer struct {
	status int
	header http.Header
	text   string
	got    got
}

// browser keeps cookies and follows no redirect.
func browser(t *testing.T) *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// ask is a request.
type ask struct {
	method, host, path, body string
	header                   map[string]string
}

func (w *world) do(client *http.Client, a ask) answer {
	w.t.Helper()
	request, err := http.NewRequest(a.method, fmt.Sprintf("http://127.0.0.1:%d%s", w.port, a.path), strings.NewReader(a.body))
	if err != nil {
		w.t.Fatal(err)
	}
	request.Host = a.host
	for name, value := range a.header {
		request.Header.Set(name, value)
	}
	response, err := client.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	out := answer{status: response.StatusCode, header: response.Header, text: string(text)}
	_ = json.Unmarshal(text, &out.got)
	return out
}
