package clients

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"

	"golang.org/x/net/websocket"
)

// What the backend says about a request, and about its own answer.
const (
	seenHeader        = "x-seen"         // sum of the body that it got
	seenTrailerHeader = "x-seen-trailer" // trailer that it got
	sumTrailer        = "x-sum"          // trailer: sum of the answer
	sentHeader        = "x-sent"         // trailer of requests
)

// handler finds what to do by the last segment of the path.
func (b *Backend) handler() http.Handler {
	socket := websocket.Server{Handler: echoSocket} // takes every Origin, and none
	return http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		switch name := path.Base(in.URL.Path); name {
		case string(Events):
			b.events(out, in)
		case string(Upload):
			b.upload(out, in)
		case string(Socket):
			socket.ServeHTTP(out, in)
		case "completions": // of OpenAI's API
			b.chat(out, in)
		case "acknowledge":
			b.gates.open(acknowledged, in.FormValue("id"), in.FormValue("piece"))
		case "arrived":
			if err := b.gates.wait(in.Context(), arrived, in.FormValue("id"), in.FormValue("piece")); err != nil {
				http.Error(out, err.Error(), http.StatusGatewayTimeout)
			}
		default:
			echo(out, in, Exchange(name))
		}
	})
}

// echo answers with the body of the request.
func echo(out http.ResponseWriter, in *http.Request, exchange Exchange) {
	body, err := io.ReadAll(in.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	out.Header().Set("content-type", "application/octet-stream")
	out.Header().Set(seenHeader, sum(body))
	out.Header().Set(seenTrailerHeader, in.Trailer.Get(sentHeader))
	switch exchange {
	case Trailers:
		out.Header().Set("trailer", sumTrailer)
		defer out.Header().Set(sumTrailer, sum(body))
	case Chunked: // a flush before the end is what makes an answer chunked
	default:
		out.Header().Set("content-length", strconv.Itoa(len(body)))
	}
	if _, err := out.Write(body); err != nil {
		panic(http.ErrAbortHandler)
	}
	if exchange == Chunked || exchange == Trailers {
		_ = http.NewResponseController(out).Flush()
	}
}

// events sends a piece when the one before was acknowledged.
func (b *Backend) events(out http.ResponseWriter, in *http.Request) {
	out.Header().Set(seenHeader, sum(nil))
	b.stream(out, in, in.FormValue("id"), func(piece string) any { return piece })
}

// stream sends pieces as server-sent events; data makes what stands in one.
func (b *Backend) stream(out http.ResponseWriter, in *http.Request, id string, data func(piece string) any) {
	out.Header().Set("content-type", "text/event-stream")
	flow := http.NewResponseController(out)
	for i, piece := range pieces {
		text, err := json.Marshal(data(piece))
		if err == nil {
			_, err = fmt.Fprintf(out, "data: %s\n\n", text)
		}
		if err == nil {
			err = flow.Flush()
		}
		if err == nil {
			err = b.gates.wait(in.Context(), acknowledged, id, strconv.Itoa(i+1))
		}
		if err != nil {
			panic(http.ErrAbortHandler)
		}
	}
	fmt.Fprint(out, "data: [DONE]\n\n")
}

// upload notes when each piece is there, and answers with all of them.
func (b *Backend) upload(out http.ResponseWriter, in *http.Request) {
	var body []byte
	for i, piece := range pieces {
		part := make([]byte, len(piece))
		if _, err := io.ReadFull(in.Body, part); err != nil {
			panic(http.ErrAbortHandler)
		}
		body = append(body, part...)
		b.gates.open(arrived, in.FormValue("id"), strconv.Itoa(i+1))
	}
	if rest, err := io.ReadAll(in.Body); err != nil || len(rest) > 0 {
		panic(http.ErrAbortHandler)
	}
	out.Header().Set(seenHeader, sum(body))
	_, _ = out.Write(body)
}

// text and binary messages keep their kind.
var message = websocket.Codec{
	Marshal: func(v any) ([]byte, byte, error) {
		if text, is := v.(string); is {
			return []byte(text), websocket.TextFrame, nil
		}
		return v.([]byte), websocket.BinaryFrame, nil
	},
	Unmarshal: func(data []byte, kind byte, v any) error {
		if kind == websocket.TextFrame {
			*(v.(*any)) = string(data)
		} else {
			*(v.(*any)) = data
		}
		return nil
	},
}

// echoSocket speaks first, echoes each message as it is, and tells the sum of those in binary.
func echoSocket(connection *websocket.Conn) {
	defer func() { _ = connection.Close() }() // which says goodbye

	if message.Send(connection, "welcome") != nil {
		return
	}
	for {
		var got any
		if message.Receive(connection, &got) != nil || message.Send(connection, got) != nil {
			return
		}
		if data, binary := got.([]byte); binary && message.Send(connection, sum(data)) != nil {
			return
		}
	}
}
