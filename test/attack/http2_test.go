package attack

import (
	"encoding/binary"
	"strings"
	"testing"

	"golang.org/x/net/http2"
)

// framed is an attack of HTTP/2.
type framed struct {
	name string
	send func(f *frames)
	want outcome
	// streams are those that have to end; zero: one.
	streams int
	check   func(echoed) string
}

// one is a request of a single HEADERS frame.
func one(list ...string) func(*frames) { return func(f *frames) { f.headers(1, true, list...) } }

// fields2 are fields that HTTP/1.1 writes as something else, or that contradict each other (RFC 9113, 8.2 and 8.3).
var fields2 = []framed{
	{name: "host of the victim beside an authority", send: one(get("host", victimHost)...), want: either, check: hostIs(mineHost)},
	{name: "two hosts beside an authority", send: one(get("host", victimHost, "host", mineHost)...), want: either, check: hostIs(mineHost)},
	{name: "two authorities", send: one(get(":authority", victimHost)...)},
	{name: "authority behind the fields",
		send: one(":method", "GET", ":scheme", "http", ":path", "/{mark}", "host", mineHost, ":authority", victimHost)},
	{name: "no authority, two hosts",
		send: one(":method", "GET", ":scheme", "http", ":path", "/{mark}", "host", mineHost, "host", victimHost), want: either},
	{name: "no authority, no host", send: one(":method", "GET", ":scheme", "http", ":path", "/{mark}")},
	{name: "empty authority, host of the victim", send: one(pseudo("GET", "http", "", "/{mark}", "x-gw-host", victimHost)...)},
	{name: "user information in the authority", send: one(pseudo("GET", "http", "victim.test@mine.test", "/{mark}")...)},
	{name: "path in the authority", send: one(pseudo("GET", "http", "victim.test/x", "/{mark}")...)},
	{name: "space in the authority", send: one(pseudo("GET", "http", "mine.test victim.test", "/{mark}")...), want: either},
	{name: "line in the authority", send: one(pseudo("GET", "http", "mine.test\r\nHost: victim.test", "/{mark}")...)},
	{name: "list in the authority", send: one(pseudo("GET", "http", "mine.test,victim.test", "/{mark}")...), want: either},
	{name: "no path", send: one(":method", "GET", ":scheme", "http", ":authority", mineHost, "x-mark", "{mark}")},
	{name: "empty path", send: one(pseudo("GET", "http", mineHost, "", "x-mark", "{mark}")...)},
	{name: "path without a slash", send: one(pseudo("GET", "http", mineHost, "victim.test/{mark}")...)},
	{name: "absolute path of the victim", send: one(pseudo("GET", "http", mineHost, "http://victim.test/{mark}")...)},
	{name: "path with a space", send: one(pseudo("GET", "http", mineHost, "/ HTTP/1.1 /{mark}")...)},
	{name: "path with a line", send: one(pseudo("GET", "http", mineHost, "/ HTTP/1.1\r\nHost: victim.test\r\nX: {mark}")...)},
	{name: "path with a NUL", send: one(pseudo("GET", "http", mineHost, "/{mark}\x00")...)},
	{name: "path beyond ASCII", send: one(pseudo("GET", "http", mineHost, "/{mark}\xff")...), want: either},
	{name: "path of a star", send: one(pseudo("OPTIONS", "http", mineHost, "*", "x-mark", "{mark}")...), want: either},
	{name: "two paths", send: one(get(":path", "/admin")...)},
	{name: "two methods", send: one(get(":method", "POST")...)},
	{name: "method with a line", send: one(pseudo("GET /{mark} HTTP/1.1\r\nHost: victim.test\r\n\r\nGET", "http", mineHost, "/")...)},
	{name: "method with a space", send: one(pseudo("GET /{mark}", "http", mineHost, "/")...)},
	{name: "empty method", send: one(pseudo("", "http", mineHost, "/{mark}")...)},
	{name: "scheme with a line", send: one(pseudo("GET", "http\r\nHost: victim.test", mineHost, "/{mark}")...)},
	{name: "scheme of something else", send: one(pseudo("GET", "gopher", mineHost, "/{mark}")...), want: either},
	{name: "scheme with an address", send: one(pseudo("GET", "http://victim.test/?", mineHost, "/{mark}")...)},
	{name: "no scheme", send: one(":method", "GET", ":authority", mineHost, ":path", "/{mark}"), want: either},
	{name: "no method", send: one(":scheme", "http", ":authority", mineHost, ":path", "/{mark}")},
	{name: "unknown pseudo field", send: one(append([]string{":unknown", "x"}, get()...)...)},
	{name: "status in a request", send: one(append([]string{":status", "200"}, get()...)...)},
	{name: "pseudo field behind a field",
		send: one("x-a", "b", ":method", "GET", ":scheme", "http", ":authority", mineHost, ":path", "/{mark}")},
	{name: "name in capitals", send: one(get("X-A", "b")...)},
	{name: "name with a line", send: one(get("x-a: b\r\nhost", victimHost)...)},
	{name: "name with a colon", send: one(get("x:a", "b")...)},
	{name: "name with a space", send: one(get("x a", "b")...)},
	{name: "empty name", send: one(get("", "b")...)},
	{name: "value with a line", send: one(get("x-a", "b\r\nHost: victim.test")...)},
	{name: "value with a line feed", send: one(get("x-a", "b\nHost: victim.test")...)},
	{name: "value with a whole request", send: one(get("x-a", "b\r\n\r\nGET /{mark}-hidden HTTP/1.1\r\nHost: victim.test\r\n\r\n")...)},
	{name: "value with a NUL", send: one(get("x-a", "b\x00")...)},
	{name: "value with a space before", send: one(get("x-a", " b")...), want: either},
	{name: "transfer encoding", send: one(get("transfer-encoding", "chunked")...)},
	{name: "connection", send: one(get("connection", "close, x-forwarded-for")...)},
	{name: "upgrade", send: one(get("upgrade", "websocket")...)},
	{name: "te of something else", send: one(get("te", "gzip")...), want: either, check: lacks("te")},
	{name: "keys of tables", send: one(get("x-gw-host", victimHost, "x-gw-chain", "x")...), want: harmless,
		check: lacks("x-gw-host", "x-gw-chain")},
	{name: "body longer than its length", send: func(f *frames) {
		f.headers(1, false, pseudo("POST", "http", mineHost, "/post", "content-length", "1")...)
		f.data(1, true, "0\r\n\r\n"+hidden)
	}},
	{name: "body shorter than its length", send: func(f *frames) {
		f.headers(1, false, pseudo("POST", "http", mineHost, "/post", "content-length", "400")...)
		f.data(1, true, hidden)
	}, want: either},
	{name: "two lengths", send: func(f *frames) {
		f.headers(1, false, pseudo("POST", "http", mineHost, "/post", "content-length", "1", "content-length", "2")...)
		f.data(1, true, "{mark}")
	}},
	{name: "length and end", send: one(get("content-length", "10")...)},
	{name: "chunks in a body", send: func(f *frames) {
		f.headers(1, false, pseudo("POST", "http", mineHost, "/post")...)
		f.data(1, true, "0\r\n\r\n"+hidden)
	}, want: harmless, check: func(e echoed) string {
		if !strings.HasPrefix(e.Body, "0\r\n\r\nGET") {
			return "the body is another one"
		}
		return ""
	}},
	{name: "pseudo field in trailers", send: func(f *frames) {
		f.headers(1, false, pseudo("POST", "http", mineHost, "/post")...)
		f.data(1, false, "x")
		f.headers(1, true, ":authority", victimHost, "x-mark", "{mark}")
	}},
	{name: "trailers with a host", send: func(f *frames) {
		f.headers(1, false, pseudo("POST", "http", mineHost, "/post")...)
		f.data(1, false, "x")
		f.headers(1, true, "host", victimHost, "content-length", "300", "x-gw-host", victimHost)
	}, want: either, check: hostIs(mineHost)},
	{name: "CONNECT", send: func(f *frames) {
		f.headers(1, false, ":method", "CONNECT", ":authority", "victim.test:80")
		f.data(1, false, hidden)
	}},
	{name: "CONNECT to the loopback", send: func(f *frames) {
		f.headers(1, false, ":method", "CONNECT", ":authority", "127.0.0.1:80")
		f.data(1, false, hidden)
	}},
	{name: "CONNECT of UDP", send: func(f *frames) {
		f.headers(1, false, pseudo("CONNECT", "http", mineHost, "/{mark}", ":protocol", "connect-udp")...)
	}},
	{name: "request behind an upgrade that is not taken", send: func(f *frames) {
		f.headers(1, false, pseudo("CONNECT", "http", mineHost, "/post", ":protocol", "websocket", "sec-websocket-version", "13")...)
		f.data(1, true, hidden)
	}, want: unseen},
	{name: "protocol without CONNECT", send: one(get(":protocol", "websocket")...)},
	{name: "many fields", send: one(get(repeated(2000, "x-a", "b")...)...)},
	{name: "a large field", send: func(f *frames) { f.split(get("x-a", strings.Repeat("a", 100<<10))...) }},
	{name: "many cookies", send: func(f *frames) { f.split(get(repeated(20_000, "cookie", "a=b")...)...) }},
	{name: "one field of the table, many times",
		send: func(f *frames) { f.split(get(repeated(20_000, "x-a", strings.Repeat("a", 3000))...)...) }},
}

func repeated(n int, name, value string) (list []string) {
	for range n {
		list = append(list, name, value)
	}
	return list
}

// split sends a header block in frames of the size that a peer takes by default.
func (f *frames) split(list ...string) {
	block := f.fields(list...)
	const most = 16 << 10
	first := min(most, len(block))
	f.does(f.framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: 1, BlockFragment: block[:first], EndStream: true, EndHeaders: first == len(block),
	}))
	for rest := block[first:]; len(rest) > 0 && !f.broken; {
		n := min(most, len(rest))
		f.does(f.framer.WriteContinuation(1, n == len(rest), rest[:n]))
		rest = rest[n:]
	}
}

// broken2 are frames that no peer may send (RFC 9113, 4 to 6): the connection ends, or the stream does.
var broken2 = []framed{
	{name: "another preface", send: func(f *frames) { f.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{mark}") }},
	{name: "a request in text", send: func(f *frames) { f.write("GET /" + f.mark + " HTTP/1.1\r\nHost: victim.test\r\n\r\n") }},
	{name: "even stream", send: func(f *frames) { f.headers(2, true, get()...) }},
	{name: "stream zero", send: func(f *frames) { f.headers(0, true, get()...) }},
	{name: "streams backwards", send: func(f *frames) {
		f.headers(5, true, pseudo("GET", "http", mineHost, "/post")...)
		f.headers(3, true, get("x-a", "backwards")...)
	}, want: either, check: lacks("x-a")},
	{name: "data of an idle stream", send: func(f *frames) { f.data(1, true, "{mark}") }},
	{name: "data of the connection", send: func(f *frames) { f.data(0, true, "{mark}") }},
	{name: "data after the end", send: func(f *frames) {
		f.headers(1, true, pseudo("GET", "http", mineHost, "/large")...)
		f.data(1, true, hidden)
	}, want: either},
	{name: "continuation of nothing", send: func(f *frames) { f.does(f.framer.WriteContinuation(1, true, f.fields(get()...))) }},
	{name: "data between headers", send: func(f *frames) {
		f.does(f.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: f.fields(get()...)}))
		f.data(1, true, "{mark}")
	}},
	{name: "headers of another stream between headers", send: func(f *frames) {
		f.does(f.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: f.fields(get()...)}))
		f.headers(3, true, get()...)
	}},
	{name: "index beyond the table", send: func(f *frames) {
		f.does(f.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0xff, 0xff, 0x7f},
			EndStream: true, EndHeaders: true}))
	}},
	{name: "integer without end", send: func(f *frames) {
		f.does(f.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte(strings.Repeat("\xff", 64)),
			EndStream: true, EndHeaders: true}))
	}},
	{name: "broken Huffman code", send: func(f *frames) {
		f.does(f.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1,
			BlockFragment: []byte{0x82, 0x86, 0x84, 0x41, 0x84, 0xff, 0xff, 0xff, 0xff},
			EndStream:     true, EndHeaders: true}))
	}},
	{name: "table larger than agreed", send: func(f *frames) {
		f.does(f.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x3f, 0xe1, 0xff, 0x7f},
			EndStream: true, EndHeaders: true}))
	}},
	{name: "frame larger than agreed", send: func(f *frames) { f.frame(http2.FrameData, 0, 1, make([]byte, 1<<20)) }},
	{name: "window of zero more", send: func(f *frames) { f.does(f.framer.WriteWindowUpdate(0, 0)) }},
	{name: "window beyond its largest", send: func(f *frames) {
		f.does(f.framer.WriteWindowUpdate(0, 1<<31-1))
		f.does(f.framer.WriteWindowUpdate(0, 1<<31-1))
	}},
	{name: "window of an idle stream", send: func(f *frames) { f.does(f.framer.WriteWindowUpdate(7, 1)) }},
	{name: "setting beyond its largest", send: func(f *frames) {
		f.does(f.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 31}))
	}},
	{name: "setting of a frame too small", send: func(f *frames) {
		f.does(f.framer.WriteSettings(http2.Setting{ID: http2.SettingMaxFrameSize, Val: 1}))
	}},
	{name: "setting of a push", send: func(f *frames) {
		f.does(f.framer.WriteSettings(http2.Setting{ID: http2.SettingEnablePush, Val: 2}))
	}},
	{name: "settings of a stream", send: func(f *frames) { f.frame(http2.FrameSettings, 0, 1, nil) }},
	{name: "settings cut", send: func(f *frames) { f.frame(http2.FrameSettings, 0, 0, make([]byte, 5)) }},
	{name: "settings acknowledged with content",
		send: func(f *frames) { f.frame(http2.FrameSettings, http2.FlagSettingsAck, 0, make([]byte, 6)) }},
	{name: "ping of another size", send: func(f *frames) { f.frame(http2.FramePing, 0, 0, make([]byte, 7)) }},
	{name: "ping of a stream", send: func(f *frames) { f.frame(http2.FramePing, 0, 1, make([]byte, 8)) }},
	{name: "reset of an idle stream", send: func(f *frames) { f.does(f.framer.WriteRSTStream(9, http2.ErrCodeCancel)) }},
	{name: "reset of another size", send: func(f *frames) { f.frame(http2.FrameRSTStream, 0, 1, make([]byte, 3)) }},
	{name: "push of a client", send: func(f *frames) {
		f.headers(1, false, get()...)
		f.does(f.framer.WritePushPromise(http2.PushPromiseParam{StreamID: 1, PromiseID: 2, BlockFragment: f.fields(get()...), EndHeaders: true}))
	}, want: either},
	{name: "padding longer than its frame", send: func(f *frames) {
		f.headers(1, false, pseudo("POST", "http", mineHost, "/post")...)
		f.frame(http2.FrameData, http2.FlagDataPadded, 1, []byte{0xff, 'x'})
	}},
	{name: "stream that depends on itself", send: func(f *frames) {
		f.does(f.framer.WritePriority(1, http2.PriorityParam{StreamDep: 1}))
		f.does(f.framer.WriteWindowUpdate(7, 1)) // Envoy reads priorities no more; this ends the row
	}},
}

// frame sends any bytes as a frame.
func (f *frames) frame(kind http2.FrameType, flags http2.Flags, stream uint32, content []byte) {
	header := make([]byte, 9)
	binary.BigEndian.PutUint32(header, uint32(len(content))<<8|uint32(kind))
	header[4] = byte(flags)
	binary.BigEndian.PutUint32(header[5:], stream)
	f.write(string(header) + string(content))
}

// runFrames sends all rows at once, each on a connection of its own.
func (s *site) runFrames(t *testing.T, rows []framed) {
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			mark := markOf("h2 " + r.name)
			f := open(t, s.address, mark)
			r.send(f)
			heard := f.listen(max(1, r.streams))
			s.judgeReplies(t, r.want, mark, heard.replies, r.check)
			s.judge(t, mark)
		})
	}
}
