package attack

import (
	"io"
	"net"
	"strings"
	"testing"

	"golang.org/x/net/http2"
)

// flood is an attack by amount. It goes on until the proxy has read all of it or ends the connection.
type flood struct {
	name string
	run  func(s *site, t *testing.T, mark string)
}

// floods: the victim's clients are served meanwhile and afterwards (judge). Rows that say so end with the connection.
var floods = []flood{
	{"rapid reset", repeatedly(true, func(f *frames, i uint32) {
		f.headers(2*i+1, true, pseudo("GET", "http", mineHost, "/post")...)
		f.does(f.framer.WriteRSTStream(2*i+1, http2.ErrCodeCancel))
	})},
	{"resets that the proxy makes", repeatedly(false, func(f *frames, i uint32) {
		f.headers(2*i+1, false, pseudo("POST", "http", mineHost, "/post", "content-length", "1")...)
		f.data(2*i+1, true, "xx")
	})},
	{"headers without end", repeatedly(true, func(f *frames, i uint32) {
		if i == 0 {
			f.does(f.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: f.fields(get()...)}))
		}
		f.does(f.framer.WriteContinuation(1, false, f.fields("x-a", strings.Repeat("a", 8<<10))))
	})},
	{"empty continuations", repeatedly(false, func(f *frames, i uint32) {
		if i == 0 {
			f.does(f.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: f.fields(get()...)}))
		}
		f.does(f.framer.WriteContinuation(1, false, nil))
	})},
	{"empty data", repeatedly(true, func(f *frames, i uint32) {
		if i == 0 {
			f.headers(1, false, pseudo("POST", "http", mineHost, "/post")...)
		}
		f.data(1, false, "")
	})},
	{"priorities", repeatedly(false, func(f *frames, i uint32) {
		f.does(f.framer.WritePriority(2*i+1, http2.PriorityParam{StreamDep: 0, Weight: uint8(i)}))
	})},
	{"windows", repeatedly(false, func(f *frames, i uint32) {
		if i == 0 {
			f.headers(1, false, pseudo("POST", "http", mineHost, "/post")...)
		}
		f.does(f.framer.WriteWindowUpdate(1, 1))
	})},
	{"pings whose answers the client does not read", unread(func(f *frames) { f.does(f.framer.WritePing(false, [8]byte{})) })},
	{"settings whose answers the client does not read", unread(func(f *frames) { f.does(f.framer.WriteSettings()) })},
	{"large answers that the client does not read", func(s *site, t *testing.T, mark string) {
		f := open(t, s.address, mark, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
		for i := range uint32(60) {
			f.headers(2*i+1, true, pseudo("GET", "http", mineHost, largeAnswer)...)
		}
		if !f.answers() {
			t.Error("the connection has ended")
		}
	}},
	{"window that opens byte by byte", func(s *site, t *testing.T, mark string) {
		f := open(t, s.address, mark, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
		f.headers(1, true, pseudo("GET", "http", mineHost, largeAnswer)...)
		for range 2000 {
			f.does(f.framer.WriteWindowUpdate(1, 1))
		}
		f.answers()
	}},
	{"window that is taken back", func(s *site, t *testing.T, mark string) {
		f := open(t, s.address, mark)
		f.headers(1, true, pseudo("GET", "http", mineHost, largeAnswer)...)
		for i := range uint32(500) {
			f.does(f.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: i % 2 * 1000}))
		}
		f.answers()
	}},
	{"table that changes its size", func(s *site, t *testing.T, mark string) {
		f := open(t, s.address, mark)
		for i := range uint32(500) {
			f.does(f.framer.WriteSettings(http2.Setting{ID: http2.SettingHeaderTableSize, Val: i % 2 << 31}))
		}
		f.answers()
	}},
	{"more streams than agreed", func(s *site, t *testing.T, mark string) {
		f := open(t, s.address, mark)
		for i := range uint32(3000) {
			f.headers(2*i+1, false, pseudo("POST", "http", mineHost, "/post")...)
		}
		f.answers()
	}},
	{"streams that are never finished", func(s *site, t *testing.T, mark string) {
		for range 20 {
			f := open(t, s.address, mark)
			for i := range uint32(200) {
				f.headers(2*i+1, false, pseudo("POST", "http", mineHost, "/post")...)
				f.data(2*i+1, false, "x")
			}
			if !f.answers() {
				t.Error("the connection has ended")
			}
		}
	}},

	{"connections that say nothing", idle(300, "")},
	{"requests that are never finished", idle(300, "GET /{mark} HTTP/1.1\r\nHost: mine.test\r\nX-A: ")},
	{"bodies that are never finished", idle(300, "POST /post HTTP/1.1\r\nHost: mine.test\r\nContent-Length: 1000000\r\n\r\nx")},
	{"chunks that are never finished", idle(300, "POST /post HTTP/1.1\r\nHost: mine.test\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\nx")},
	{"lines that are never finished", idle(300, "GET /{mark} HTTP/1.1\rHost: mine.test\r\r")},
	{"a chunk extension without end", idle(10, "POST /post HTTP/1.1\r\nHost: mine.test\r\nTransfer-Encoding: chunked\r\n\r\n1;"+
		strings.Repeat("x", 256<<10))},
	{"prefaces that are never finished", idle(300, http2.ClientPreface[:20])},
	{"frames that are never finished",
		idle(300, http2.ClientPreface+"\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x40\x00\x01\x04\x00\x00\x00\x01")},
	{"a request byte by byte", func(s *site, t *testing.T, _ string) {
		connection := dial(t, s.address)
		for _, b := range []byte(strings.ReplaceAll(request("victim.test", "X-A: "+strings.Repeat("a", 2000)), "{mark}", "slow")) {
			if _, err := connection.Write([]byte{b}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := io.ReadAll(connection); err != nil {
			t.Error(err)
		}
	}},
	{"answers that the client does not read", func(s *site, t *testing.T, _ string) {
		for range 100 {
			if _, err := io.WriteString(dial(t, s.address), "GET /large HTTP/1.1\r\nHost: mine.test\r\n\r\n"); err != nil {
				t.Error(err)
			}
		}
	}},
	{"requests one behind the other", func(s *site, t *testing.T, mark string) {
		connection := dial(t, s.address)
		_, _ = io.WriteString(connection, strings.Repeat("GET /post HTTP/1.1\r\nHost: mine.test\r\n\r\n", 100))
		_, _ = io.WriteString(connection, strings.ReplaceAll(request(mineHost), "{mark}", mark))
		if _, err := io.Copy(io.Discard, connection); err != nil {
			t.Error(err)
		}
	}},
	{"connections that are reset", func(s *site, t *testing.T, _ string) {
		for range 500 {
			connection := dial(t, s.address)
			_, _ = io.WriteString(connection, "POST /post HTTP/1.1\r\nHost: mine.test\r\nContent-Length: 10\r\n\r\nx")
			_ = connection.(*net.TCPConn).SetLinger(0)
			_ = connection.Close()
		}
	}},
	{"handshakes of TLS that are never finished", func(s *site, t *testing.T, _ string) {
		for range 300 {
			if _, err := io.WriteString(dial(t, s.secure), "\x16\x03\x01\x02\x00\x01"); err != nil {
				t.Error(err)
			}
		}
	}},
}

// repeatedly takes a step as often on one connection, or until the proxy ends it. With cut, the proxy has to.
func repeatedly(cut bool, step func(f *frames, i uint32)) func(*site, *testing.T, string) {
	const most = 20_000
	return func(s *site, t *testing.T, mark string) {
		f := open(t, s.address, mark)
		alive := make(chan bool)
		go func() { alive <- f.answered() }()
		for i := uint32(0); i < most && !f.broken; i++ {
			step(f, i)
		}
		f.ping()
		if got := <-alive; got && cut {
			t.Errorf("the proxy took all %d", most)
		}
	}
}

// unread repeats a step whose answers are not read. The proxy ends the connection when they pile up.
func unread(step func(f *frames)) func(*site, *testing.T, string) {
	return func(s *site, t *testing.T, mark string) {
		f := open(t, s.address, mark)
		if err := f.connection.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
			t.Fatal(err)
		}
		const most = 2_000_000
		for i := 0; i < most && !f.broken; i++ {
			step(f)
		}
		if !f.broken {
			t.Errorf("the proxy took all %d", most)
		}
	}
}

// idle opens connections, says the beginning of something on each, and leaves them open for the length of the row.
func idle(count int, text string) func(*site, *testing.T, string) {
	return func(s *site, t *testing.T, mark string) {
		for range count {
			if _, err := io.WriteString(dial(t, s.address), strings.ReplaceAll(text, "{mark}", mark)); err != nil {
				t.Fatal(err)
			}
		}
		for range 20 {
			s.neighbours.again("/during")
		}
	}
}

func (s *site) runFloods(t *testing.T) {
	for _, f := range floods {
		t.Run(f.name, func(t *testing.T) {
			mark := markOf("flood " + f.name)
			f.run(s, t, mark)
			s.judge(t, mark)
		})
	}
}
