package clients

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Exchange is what a client does in a cell. Its value is the last segment of the path.
type Exchange string

// Exchanges over HTTP. The backend answers with the body that it got, unless something else is said.
const (
	Empty    Exchange = "empty"    // GET without a body
	Small    Exchange = "small"    // POST of 1 KiB with a content-length
	Large    Exchange = "large"    // POST of 3 MiB with a content-length
	Chunked  Exchange = "chunked"  // POST of 3 MiB without a content-length
	Expect   Exchange = "expect"   // POST of 3 MiB with Expect: 100-continue
	Trailers Exchange = "trailers" // POST of 1 KiB with trailers, answered with trailers
	Events   Exchange = "events"   // GET of server-sent events; the client acknowledges each before the next is sent
	Upload   Exchange = "upload"   // POST of pieces; the client sends one after the backend got the one before
	Socket   Exchange = "socket"   // WebSocket: the backend speaks first, then echoes a text and a message of 3 MiB
)

// Exchanges with an API of models.
const (
	Chat       Exchange = "chat"        // an answer in one piece to a prompt of 1 KiB
	ChatStream Exchange = "chat-stream" // an answer in events, as Events, to a prompt of 3 MiB
)

// Exchanges over gRPC. All answers have trailers.
const (
	Unary      Exchange = "Unary"      // 1 KiB there and back
	UnaryEmpty Exchange = "UnaryEmpty" // an empty message
	UnaryLarge Exchange = "UnaryLarge" // 3 MiB there and back
	Download   Exchange = "Download"   // a stream of answers, as Events
	Collect    Exchange = "Collect"    // a stream of requests with one answer, as Upload
	Both       Exchange = "Both"       // streams in both directions; each message is echoed before the next is sent
)

// pieces are what a stream consists of.
var pieces = []string{"piece-1", "piece-2", "piece-3"}

// bodies that are sent in one piece. The bytes are those of text, for the prompt of a model is one.
var (
	small = body(1 << 10)
	large = body(3 << 20)
)

// body makes a text of a size in which no part is like another.
func body(size int) []byte {
	var out bytes.Buffer
	for line := 0; out.Len() < size; line++ {
		fmt.Fprintf(&out, "%d ", line)
	}
	return out.Bytes()[:size]
}

// sent is what a client sends, in pieces or in one.
func (e Exchange) sent() []byte {
	switch e {
	case Small, Trailers, Chat, Unary:
		return small
	case Large, Chunked, Expect, Socket, ChatStream, UnaryLarge:
		return large
	case Upload, Collect, Both:
		return []byte(strings.Join(pieces, ""))
	default:
		return nil
	}
}

// answered is what the backend answers, in pieces or in one.
func (e Exchange) answered() []byte {
	switch e {
	case Events, Download, ChatStream:
		return []byte(strings.Join(pieces, ""))
	default:
		return e.sent()
	}
}

// inPieces reports whether each piece is waited for before the next one is sent.
func (e Exchange) inPieces() bool {
	return slices.Contains([]Exchange{Events, Upload, ChatStream, Download, Collect, Both}, e)
}

// Protocol is what a client speaks to the gateway.
type Protocol string

// Protocols.
const (
	HTTP10  Protocol = "http/1.0"
	HTTP11  Protocol = "http/1.1"
	HTTP2   Protocol = "http/2"    // in cleartext, by prior knowledge
	Upgrade Protocol = "upgrade"   // HTTP/1.1 in cleartext, with an offer of HTTP/2 (h2c) that the gateway ignores
	HTTPS11 Protocol = "https/1.1" // HTTP/1.1 over TLS
	HTTPS2  Protocol = "https/2"   // HTTP/2 over TLS, by ALPN
)

func (p Protocol) secure() bool { return p == HTTPS11 || p == HTTPS2 }

// version is what a client says that it spoke.
func (p Protocol) version() string {
	switch p {
	case HTTP10, HTTP11, Upgrade, HTTPS11:
		return "1"
	default:
		return "2"
	}
}

// Host is the hostname that a client asks for, and the kind of route that it meets.
type Host struct{ Kind, Name string }

// Hosts are one of each kind of route.
var Hosts = []Host{{"exact", "exact.test"}, {"wildcard", "some.wild.test"}, {"none", "any.example"}}

// Target is where the route leads: the first segment of the path, or the gRPC service.
type Target struct {
	Name string
	Pool bool
}

// Targets of HTTP exchanges.
var (
	service   = Target{Name: "service"}
	serviceH2 = Target{Name: "h2c"} // a Service with appProtocol kubernetes.io/h2c
	pool      = Target{Name: "pool", Pool: true}
	openPool  = Target{Name: "open", Pool: true} // FailOpen, with a picker that answers
)

// Targets of gRPC exchanges.
var (
	serviceRPC = Target{Name: "clients.Service"}
	poolRPC    = Target{Name: "clients.Pool", Pool: true}
)

// Cell is one client, one exchange, one place, one protocol.
type Cell struct {
	Client   *Client
	Exchange Exchange
	Protocol Protocol
	Host     Host
	Target   Target
}

func (c Cell) String() string {
	return fmt.Sprintf("%s/%s %s to %s on %s", c.Client.Name, c.Protocol, c.Exchange, c.Target.Name, c.Host.Kind)
}

// whole are exchanges that an endpoint picker cannot take part in, since it reads a request to its end before
// it answers, and this end waits for the answer.
var whole = []Exchange{Upload, Collect, Both}

// possible reports whether there is an answer to hope for.
func (c Cell) possible() bool {
	switch {
	case c.Target.Pool && slices.Contains(whole, c.Exchange):
		return false
	case c.Protocol == HTTP10: // has no chunks, so no body of unknown length, no trailers and no interim answers
		return !slices.Contains([]Exchange{Chunked, Expect, Trailers, Upload, Socket}, c.Exchange)
	case c.Exchange == Socket: // WebSocket over HTTP/2 is nothing that these clients do
		return c.Protocol.version() == "1" && c.Target != serviceH2 // nor that Go's server does
	default:
		return true
	}
}
