package attack

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// liar is a backend of the attacker that answers bytes.
type liar struct {
	address string
	lies    map[string]lie // by path
}

// lie is what a backend answers; clients of the attacker may get anything or nothing of it.
type lie struct {
	name, bytes string
	repeat      int // times, behind bytes: tail
	tail        string
}

const okHead = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// lies are answers that may be taken for those of another request, or that Envoy acts on.
var lies = []lie{
	{name: "two answers", bytes: okHead + okHead},
	{name: "two lengths", bytes: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 90\r\n\r\nok" + okHead},
	{name: "length and chunks", bytes: "HTTP/1.1 200 OK\r\nContent-Length: 90\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + okHead},
	{name: "body longer than its length", bytes: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + okHead},
	{name: "body shorter than its length", bytes: "HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\nok"},
	{name: "body of an answer that has none", bytes: "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n" + okHead},
	{name: "broken chunks", bytes: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + okHead},
	{name: "chunk longer than its size", bytes: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n"},
	{name: "switched protocols that were not asked for",
		bytes: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n" + okHead},
	{name: "continue without end", bytes: "HTTP/1.1 100 Continue\r\n\r\n", tail: "HTTP/1.1 100 Continue\r\n\r\n", repeat: 20_000},
	{name: "early hints without end", bytes: "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
		tail: "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", repeat: 20_000},
	{name: "status of letters", bytes: "HTTP/1.1 abc OK\r\n\r\n"},
	{name: "status zero", bytes: "HTTP/1.1 000 OK\r\nContent-Length: 0\r\n\r\n"},
	{name: "status of four digits", bytes: "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n"},
	{name: "no HTTP", bytes: "SSH-2.0-OpenSSH\r\n"},
	{name: "HTTP 2", bytes: "\x00\x00\x00\x04\x00\x00\x00\x00\x00"},
	{name: "line feed in a header", bytes: "HTTP/1.1 200 OK\r\nX-A: b\nContent-Length: 90\nContent-Length: 2\r\n\r\nok"},
	{name: "NUL in a header", bytes: "HTTP/1.1 200 OK\r\nX-A: b\x00c\r\nContent-Length: 2\r\n\r\nok"},
	{name: "header without a colon", bytes: "HTTP/1.1 200 OK\r\nX-A\r\nContent-Length: 2\r\n\r\nok"},
	{name: "headers without end", bytes: "HTTP/1.1 200 OK\r\n", tail: "X-A: " + strings.Repeat("a", 1000) + "\r\n", repeat: 1000},
	{name: "health of a proxy", bytes: "HTTP/1.1 200 OK\r\nx-envoy-immediate-health-check-fail: true\r\nx-envoy-degraded: true\r\n" +
		"x-envoy-overloaded: true\r\nx-envoy-ratelimited: true\r\nx-envoy-upstream-canary: true\r\nContent-Length: 2\r\n\r\nok"},
	{name: "redirect inside the proxy", bytes: "HTTP/1.1 302 Found\r\nLocation: http://victim.test/\r\nContent-Length: 0\r\n\r\n"},
	{name: "trailers of length",
		bytes: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nContent-Length: 90\r\nHost: victim.test\r\n\r\n"},
	{name: "end of the connection", bytes: ""},
}

func newLiar(t *testing.T) *liar {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	l := &liar{address: listener.Addr().String(), lies: map[string]lie{}}
	for _, one := range lies {
		l.lies["/"+markOf("answer "+one.name)] = one
	}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go l.answer(connection)
		}
	}()
	return l
}

func (l *liar) answer(connection net.Conn) {
	defer func() { _ = connection.Close() }()
	request, err := http.ReadRequest(bufio.NewReader(connection))
	if err != nil {
		return
	}
	one := l.lies[request.URL.Path]
	if _, err := io.WriteString(connection, one.bytes); err != nil {
		return
	}
	for range one.repeat {
		if _, err := io.WriteString(connection, one.tail); err != nil {
			return
		}
	}
}

// testAnswers: what a backend answers reaches no client of another tenant, and takes no backend of another one out.
func (s *site) testAnswers(t *testing.T) {
	for _, one := range lies {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			mark := markOf("answer " + one.name)
			for range 3 { // two more, on connections that the first answer may have poisoned
				connection := dial(t, s.address)
				_, _ = io.WriteString(connection, "GET /"+mark+" HTTP/1.1\r\nHost: liar.test\r\nConnection: close\r\n\r\n")
				if _, err := io.Copy(io.Discard, connection); err != nil {
					t.Errorf("the connection has no end: %v", err)
				}
			}
			s.judge(t, mark)
		})
	}
}
