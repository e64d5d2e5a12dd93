package clients

import (
	"slices"
	"testing"
)

// Client is a program that everyday traffic comes from.
type Client struct {
	// Name is that of the library or program.
	Name      string
	Protocols []Protocol
	Exchanges []Exchange
	// ReadsTrailers and SendsTrailers: the library hands trailers of answers to its user, and takes
	// those of requests.
	ReadsTrailers, SendsTrailers bool
	// Run carries out jobs and hands over a report of each, in any order. A job without a report is a hang.
	Run func(t *testing.T, jobs []Job, report func(Report))
}

// targets of the client's exchanges.
func (c *Client) targets() []Target {
	if c.Exchanges[0] == Unary {
		return []Target{serviceRPC, poolRPC}
	}
	return []Target{service, serviceH2, pool, openPool}
}

var (
	bodies    = []Exchange{Empty, Small, Large, Chunked, Expect, Trailers, Events}
	remote    = []Exchange{Unary, UnaryEmpty, UnaryLarge, Download, Collect, Both}
	talks     = []Exchange{Socket}
	models    = []Exchange{Chat, ChatStream}
	both      = []Protocol{HTTP11, HTTPS11}
	rpc       = []Protocol{HTTP2, HTTPS2}
	allButOld = []Protocol{HTTP11, HTTP2, HTTPS11, HTTPS2}
)

func with(exchanges []Exchange, more ...Exchange) []Exchange {
	return append(append([]Exchange(nil), exchanges...), more...)
}

// without leaves out what a library cannot do.
func without(exchanges []Exchange, less ...Exchange) []Exchange {
	return slices.DeleteFunc(slices.Clone(exchanges), func(e Exchange) bool { return slices.Contains(less, e) })
}

// All are the clients of the matrix, and what their libraries can do.
var All = []*Client{
	{Name: "curl", Protocols: append([]Protocol{HTTP10, Upgrade}, allButOld...), Exchanges: bodies, ReadsTrailers: true, Run: curl},
	{
		Name: "go-nethttp", Protocols: allButOld, Exchanges: with(bodies, Upload),
		ReadsTrailers: true, SendsTrailers: true, Run: inProcess(netHTTP),
	},
	{Name: "grpc-go", Protocols: rpc, Exchanges: remote, ReadsTrailers: true, Run: inProcess(grpcGo)},
	{Name: "python-requests", Protocols: both, Exchanges: with(bodies, Upload), Run: python("client_requests")},
	{Name: "python-httpx", Protocols: allButOld, Exchanges: with(bodies, Upload), Run: python("client_httpx")},
	{Name: "python-aiohttp", Protocols: both, Exchanges: with(bodies, Upload, Socket), Run: python("client_aiohttp")},
	{Name: "python-websockets", Protocols: both, Exchanges: talks, Run: python("client_websockets")},
	{Name: "python-openai", Protocols: allButOld, Exchanges: models, Run: python("client_openai")},
	{Name: "python-grpcio", Protocols: rpc, Exchanges: remote, ReadsTrailers: true, Run: python("client_grpcio")},
	// undici refuses to send Expect, and hands over no trailers of HTTP/2.
	{Name: "node-undici", Protocols: allButOld, Exchanges: with(without(bodies, Expect), Upload), Run: node("undici")},
	{
		Name: "node-fetch", Protocols: []Protocol{HTTP11, HTTPS11, HTTPS2},
		Exchanges: with(without(bodies, Expect), Upload, Socket), Run: node("fetch"),
	},
	{Name: "node-ws", Protocols: both, Exchanges: talks, Run: node("ws")},
	{
		Name: "java-net-http", Protocols: []Protocol{HTTP11, Upgrade, HTTPS11, HTTPS2},
		Exchanges: with(bodies, Upload, Socket), Run: java("Jdk"),
	},
	{Name: "java-apache", Protocols: both, Exchanges: with(bodies, Upload), Run: java("Apache")},
	{Name: "java-apache-async", Protocols: rpc, Exchanges: without(bodies, Chunked, Expect), ReadsTrailers: true, Run: java("ApacheAsync")},
}
