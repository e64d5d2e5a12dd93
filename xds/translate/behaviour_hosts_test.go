package translate_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/kedify/inference-gateway/xds/ir"
)

// everywhere serves the same rules on an exact host, on a wildcard and on any other host, and returns
// one host for each way in which a request finds its table: at once, in lower case, and in the
// wildcard table of the chain by suffix and by default.
func (w *world) everywhere(routes ...ir.Route) []string {
	w.t.Helper()
	w.host("exact.test", routes...)
	w.wildcards(
		ir.Host{Chain: w.chain, Hostname: "*.wild.test", Routes: routes},
		ir.Host{Chain: w.chain, Hostname: "*", Routes: routes},
	)
	return []string{"exact.test", "EXACT.test", "a.wild.test", "any.example"}
}

// dial connects to the proxy for at most the patience of a test.
func (w *world) dial() net.Conn {
	w.t.Helper()
	connection, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(int(w.port)))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = connection.Close() })
	_ = connection.SetDeadline(time.Now().Add(10 * time.Second))
	return connection
}

// raw sends bytes as HTTP/1 and returns the answer, or a status of zero when there is none.
func (w *world) raw(request string) answer {
	w.t.Helper()
	connection := w.dial()
	defer connection.Close()
	if _, err := io.WriteString(connection, request); err != nil {
		w.t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	response, err := http.ReadResponse(bufio.NewReader(connection), &http.Request{Method: method})
	if err != nil {
		return answer{text: err.Error()}
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{text: err.Error()}
	}
	return answerOf(response, data)
}

// raw2 sends one request of HTTP/2 with exactly these header fields (name, value, ...) and no body,
// and returns the status; zero: the proxy reset the stream or closed the connection. The stream is
// left open for the fields of an extended CONNECT.
func (w *world) raw2(end bool, fields ...string) int {
	w.t.Helper()
	connection := w.dial()
	defer connection.Close()
	if _, err := io.WriteString(connection, http2.ClientPreface); err != nil {
		w.t.Fatal(err)
	}
	framer := http2.NewFramer(connection, connection)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for i := 0; i < len(fields); i += 2 {
		if err := encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := framer.WriteSettings(); err != nil {
		w.t.Fatal(err)
	}
	err := framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndStream: end, EndHeaders: true})
	if err != nil {
		w.t.Fatal(err)
	}
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return 0
		}
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			status, _ := strconv.Atoi(frame.PseudoValue("status"))
			return status
		case *http2.RSTStreamFrame:
			return 0
		}
	}
}

// TestG12EmptyHostChoosesNoTable: a Host that names no host is answered 400, with any key headers of the
// client, and a client's key headers never choose a table.
func TestG12EmptyHostChoosesNoTable(t *testing.T) {
	for name, fallback := range map[string]bool{"without other hosts": false, "with all other hosts": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			victim := []ir.Route{route("victim", prefix("/"), to(w.service("victim")))}
			w.host("victim.test", victim...)
			if fallback {
				w.wildcards(ir.Host{Chain: w.chain, Hostname: "*", Routes: []ir.Route{route("any", prefix("/"), to(w.service("any")))}})
			}
			w.apply()
			forged := []string{"", "x-gw-host: victim.test\r\n", "X-Gw-Host: victim.test\r\nx-gw-host: victim.test\r\n",
				"x-gw-host:\r\nx-gw-chain: " + w.chain + "\r\n"}
			for _, host := range []string{"", " ", ".", ":80", ".:80", ":", ":victim.test"} {
				for _, headers := range forged {
					out := w.raw("GET / HTTP/1.1\r\nHost: " + host + "\r\n" + headers + "\r\n")
					if out.status != 400 {
						t.Errorf("Host %q with %q: %d from %q", host, headers, out.status, out.Backend)
					}
				}
			}
			for _, host := range []string{"*", "x", "127.0.0.1", "[::1]:80"} {
				for _, headers := range forged {
					out := w.raw("GET / HTTP/1.1\r\nHost: " + host + "\r\n" + headers + "\r\n")
					if want := map[bool]int{true: 200, false: 404}[fallback]; out.status != want || out.Backend == "victim" {
						t.Errorf("Host %q with %q: %d from %q, want %d", host, headers, out.status, out.Backend, want)
					}
				}
			}
			for _, authority := range []string{"", ".", ":80"} {
				status := w.raw2(true, ":method", "GET", ":scheme", "http", ":authority", authority, ":path", "/", "x-gw-host", "victim.test")
				if status == 200 {
					t.Errorf("HTTP/2 with :authority %q was routed", authority)
				}
			}
			if log := w.proxy.Output(); strings.Contains(log, "[error]") {
				t.Errorf("the proxy complains:\n%s", log)
			}
		})
	}
}
