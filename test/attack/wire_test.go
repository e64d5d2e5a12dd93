package attack

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// outcome is what may become of an attack.
type outcome int

const (
	// refused: 4xx or 501, or the connection ends; no backend at all sees a byte.
	refused outcome = iota
	// harmless: the attacker's own backend answers 200, once, and what it sees is checked.
	harmless
	// either of both.
	either
	// unseen: any answer will do, and no backend sees the mark, which is in a part that is not for it.
	unseen
)

// reply is an answer on the wire.
type reply struct {
	status   int
	location string
	echoed
}

// raw is an attack of HTTP/1.1: bytes. {mark} stands for what the row can be told by, {rest} for the length of what
// follows the headers.
type raw struct {
	name, bytes string
	want        outcome
	// check complains about what the attacker's backend saw.
	check func(echoed) string
	// over is the certificate's name that a client of the HTTPS listener asks for; empty: cleartext.
	over string
}

// send returns all answers until the proxy ends the connection.
func (r raw) send(t *testing.T, connection net.Conn, mark string) (replies []reply) {
	t.Helper()
	text := strings.ReplaceAll(r.bytes, "{mark}", mark)
	if _, rest, found := strings.Cut(text, "\r\n\r\n"); found {
		text = strings.ReplaceAll(text, "{rest}", strconv.Itoa(len(rest)))
	}
	if _, err := io.WriteString(connection, text); err != nil {
		return nil // refused before all of it was sent
	}
	method, _, _ := strings.Cut(text, " ")
	reader := bufio.NewReader(connection)
	for {
		response, err := http.ReadResponse(reader, &http.Request{Method: method})
		if err != nil {
			var late net.Error
			if errors.As(err, &late) && late.Timeout() {
				t.Error("neither an answer nor the end of the connection")
			}
			return replies
		}
		body, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		one := reply{status: response.StatusCode, location: response.Header.Get("Location")}
		_ = json.Unmarshal(body, &one.echoed)
		replies = append(replies, one)
	}
}

// judgeReplies compares answers with what a row may get.
func (s *site) judgeReplies(t *testing.T, want outcome, mark string, replies []reply, check func(echoed) string) {
	t.Helper()
	wasRefused := true
	for _, r := range replies {
		wasRefused = wasRefused && (r.status >= 400 && r.status < 500 || r.status == http.StatusNotImplemented)
	}
	switch {
	case want == unseen:
		if s.mine.saw(mark) || s.myPod.saw(mark) {
			t.Error("the backend saw it")
		}
	case wasRefused && want != harmless: // with either, by the attacker's backend perhaps
		if want == refused && (s.mine.saw(mark) || s.myPod.saw(mark)) {
			t.Errorf("refused (%v), and the attacker's backend saw it", replies)
		}
	case want == refused || len(replies) != 1 || replies[0].status != http.StatusOK || !own(replies[0].Backend):
		t.Errorf("answers %+v", replies)
	case check != nil:
		if problem := check(replies[0].echoed); problem != "" {
			t.Errorf("%s: %+v", problem, replies[0])
		}
	}
}

func own(backend string) bool { return backend == "mine" || backend == "my-pod" }

// run sends the rows of a group, all at once: the proxy waits a second before it ends a connection.
func (s *site) run(t *testing.T, group string, rows []raw) {
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			mark := markOf(group + " " + r.name)
			connection := dial(t, s.address)
			if r.over != "" {
				connection = s.dialTLS(t, r.over)
			}
			replies := r.send(t, connection, mark)
			s.judgeReplies(t, r.want, mark, replies, r.check)
			s.judge(t, mark)
		})
	}
}

// request is a whole request to a host, which asks for the end of the connection, with further headers.
func request(host string, headers ...string) string {
	return "GET /{mark} HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n" + joined(headers) + "\r\n"
}

func joined(headers []string) string {
	if len(headers) == 0 {
		return ""
	}
	return strings.Join(headers, "\r\n") + "\r\n"
}

// lacks complains about headers that a backend should not see.
func lacks(names ...string) func(echoed) string {
	return func(e echoed) string {
		for _, name := range names {
			if got, has := e.Headers[http.CanonicalHeaderKey(name)]; has {
				return fmt.Sprintf("the backend sees %s: %q", name, got)
			}
		}
		return ""
	}
}

// hostIs complains about another Host than the attacker's own.
func hostIs(want string) func(echoed) string {
	return func(e echoed) string {
		if e.Host != want {
			return fmt.Sprintf("the backend sees Host %q, want %q", e.Host, want)
		}
		return ""
	}
}

// dialTLS connects to the HTTPS listener and asks for a name.
func (s *site) dialTLS(t *testing.T, name string) net.Conn {
	t.Helper()
	secured := tls.Client(dial(t, s.secure), &tls.Config{ServerName: name, InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	if err := secured.Handshake(); err != nil {
		t.Fatal(err)
	}
	return secured
}
