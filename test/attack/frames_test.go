package attack

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// frames is a connection of HTTP/2 whose frames the attacker chooses.
type frames struct {
	t          *testing.T
	connection net.Conn
	framer     *http2.Framer
	mark       string
	block      bytes.Buffer
	encoder    *hpack.Encoder
	broken     bool // the proxy took no more
}

// conversation is what the proxy said: answers by their streams, in the order of their ends.
type conversation struct {
	replies []reply
	resets  int
	ended   bool
}

func open(t *testing.T, address, mark string, settings ...http2.Setting) *frames {
	t.Helper()
	f := &frames{t: t, connection: dial(t, address), mark: mark}
	f.framer = http2.NewFramer(f.connection, f.connection)
	f.framer.AllowIllegalWrites = true
	f.encoder = hpack.NewEncoder(&f.block)
	f.write(http2.ClientPreface)
	f.does(f.framer.WriteSettings(settings...))
	return f
}

// does notes that the proxy has ended the connection: attacks go on until then.
func (f *frames) does(err error) { f.broken = f.broken || err != nil }

func (f *frames) write(text string) {
	_, err := io.WriteString(f.connection, text)
	f.does(err)
}

// fields encodes name, value, ...; "{mark}" stands for the mark.
func (f *frames) fields(list ...string) []byte {
	f.block.Reset()
	for i := 0; i < len(list); i += 2 {
		f.does(f.encoder.WriteField(hpack.HeaderField{Name: list[i], Value: strings.ReplaceAll(list[i+1], "{mark}", f.mark)}))
	}
	return slices.Clone(f.block.Bytes())
}

// headers begins a stream, or ends one with trailers.
func (f *frames) headers(stream uint32, end bool, list ...string) {
	f.does(f.framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: stream, BlockFragment: f.fields(list...), EndStream: end, EndHeaders: true,
	}))
}

func (f *frames) data(stream uint32, end bool, text string) {
	f.does(f.framer.WriteData(stream, end, []byte(strings.ReplaceAll(text, "{mark}", f.mark))))
}

// get are the fields of a request to the attacker's own host, with others behind them.
func get(list ...string) []string { return pseudo("GET", "http", mineHost, "/{mark}", list...) }

func pseudo(method, scheme, authority, path string, list ...string) []string {
	return append([]string{":method", method, ":scheme", scheme, ":authority", authority, ":path", path}, list...)
}

// listen reads until as many streams have ended, or the connection has.
func (f *frames) listen(streams int) (c conversation) {
	f.t.Helper()
	heard := map[uint32]*reply{}
	bodies := map[uint32]*bytes.Buffer{}
	f.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	for ended := 0; ended < streams; {
		frame, err := f.framer.ReadFrame()
		if err != nil {
			var late net.Error
			if errors.As(err, &late) && late.Timeout() {
				f.t.Error("neither an answer nor the end of the connection")
			}
			c.ended = true
			return c
		}
		over := false
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			if status, err := strconv.Atoi(frame.PseudoValue("status")); err == nil && status >= 200 {
				heard[frame.StreamID], bodies[frame.StreamID] = &reply{status: status}, &bytes.Buffer{}
			}
			over = frame.StreamEnded()
		case *http2.DataFrame:
			if body := bodies[frame.StreamID]; body != nil {
				body.Write(frame.Data())
			}
			over = frame.StreamEnded()
		case *http2.RSTStreamFrame:
			if heard[frame.StreamID] == nil { // one that resets after its answer has answered
				c.resets++
				ended++
			}
		}
		if id := frame.Header().StreamID; over && heard[id] != nil {
			_ = json.Unmarshal(bodies[id].Bytes(), &heard[id].echoed)
			c.replies = append(c.replies, *heard[id])
			ended++
		}
	}
	return c
}

// last is the content of the ping behind everything else.
var last = [8]byte{'l', 'a', 's', 't'}

func (f *frames) ping() { f.does(f.framer.WritePing(false, last)) }

// answered reads until the ping is answered: the connection is alive, and all that was sent has been read.
func (f *frames) answered() bool {
	for {
		frame, err := f.framer.ReadFrame()
		if err != nil {
			return false
		}
		if ping, is := frame.(*http2.PingFrame); is && ping.IsAck() && ping.Data == last {
			return true
		}
	}
}

// answers sends the ping and waits for its answer.
func (f *frames) answers() bool {
	f.ping()
	return f.answered()
}
