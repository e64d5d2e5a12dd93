package attack

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// echoed is what a witness says about the request that it answers.
type echoed struct {
	Backend, Method, Path, Host, Body string
	Headers                           http.Header
}

// witness is a backend that keeps every byte that it is sent, those that its parser refuses included.
type witness struct {
	name, address string

	mu   sync.Mutex
	seen bytes.Buffer
}

func newWitness(t *testing.T, name string) *witness {
	t.Helper()
	w := &witness{name: name}
	server := httptest.NewUnstartedServer(http.HandlerFunc(w.answer))
	server.Config.MaxHeaderBytes = 1 << 20
	server.Listener = witnessed{server.Listener, w}
	server.Start()
	t.Cleanup(server.Close)
	w.address = server.Listener.Addr().String()
	return w
}

func (w *witness) answer(out http.ResponseWriter, in *http.Request) {
	body, err := io.ReadAll(in.Body)
	if err != nil {
		return
	}
	if in.URL.Path == largeAnswer {
		_, _ = out.Write(make([]byte, 1<<20))
		return
	}
	_ = json.NewEncoder(out).Encode(echoed{
		Backend: w.name, Method: in.Method, Path: in.RequestURI, Host: in.Host, Body: string(body), Headers: in.Header,
	})
}

// largeAnswer is the path of an answer of a megabyte.
const largeAnswer = "/large"

// saw reports whether any byte of a marked request has arrived.
func (w *witness) saw(mark string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return bytes.Contains(w.seen.Bytes(), []byte(mark))
}

// witnessed is the listener of a witness.
type witnessed struct {
	net.Listener
	witness *witness
}

func (l witnessed) Accept() (net.Conn, error) {
	connection, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return tapped{connection, l.witness}, nil
}

type tapped struct {
	net.Conn
	witness *witness
}

func (c tapped) Read(into []byte) (int, error) {
	n, err := c.Conn.Read(into)
	c.witness.mu.Lock()
	defer c.witness.mu.Unlock()
	c.witness.seen.Write(into[:n])
	return n, err
}
