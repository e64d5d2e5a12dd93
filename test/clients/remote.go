package clients

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// bytesCodec sends messages as they are.
type bytesCodec struct{}

func (bytesCodec) Name() string { return "proto" } // the content type that all clients send
func (bytesCodec) Marshal(v any) ([]byte, error) {
	return v.([]byte), nil
}
func (bytesCodec) Unmarshal(data []byte, v any) error {
	*(v.(*[]byte)) = append([]byte(nil), data...)
	return nil
}

// register has the server answer to the names of both targets.
func (b *Backend) register(server *grpc.Server) {
	unary := func(name string, answer func(context.Context, []byte) ([]byte, error)) grpc.MethodDesc {
		return grpc.MethodDesc{MethodName: name, Handler: func(
			_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor,
		) (any, error) {
			var in []byte
			if err := decode(&in); err != nil {
				return nil, err
			}
			return answer(ctx, in)
		}}
	}
	stream := func(name Exchange, handler func(id string, stream grpc.ServerStream) error) grpc.StreamDesc {
		return grpc.StreamDesc{StreamName: string(name), ServerStreams: true, ClientStreams: true,
			Handler: func(_ any, s grpc.ServerStream) error { return handler(idOf(s.Context()), s) }}
	}
	for _, name := range []string{serviceRPC.Name, poolRPC.Name} {
		server.RegisterService(&grpc.ServiceDesc{
			ServiceName: name, HandlerType: (*any)(nil),
			Methods: []grpc.MethodDesc{
				unary(string(Unary), reflect), unary(string(UnaryEmpty), reflect), unary(string(UnaryLarge), reflect),
				unary("Acknowledge", b.acknowledge), unary("Arrived", b.wait),
			},
			Streams: []grpc.StreamDesc{stream(Download, b.download), stream(Collect, b.collect), stream(Both, b.converse)},
		}, nil)
	}
}

// idOf is the exchange that a call belongs to.
func idOf(ctx context.Context) string {
	md, _ := metadata.FromIncomingContext(ctx)
	return strings.Join(md.Get("x-id"), "")
}

// told are the header and the trailer of an answer.
func told(seen, answer []byte) (header, trailer metadata.MD) {
	return metadata.Pairs(seenHeader, sum(seen)), metadata.Pairs(sumTrailer, sum(answer))
}

func reflect(ctx context.Context, in []byte) ([]byte, error) {
	header, trailer := told(in, in)
	return in, errors.Join(grpc.SetHeader(ctx, header), grpc.SetTrailer(ctx, trailer))
}

// acknowledge and wait take the number of a piece.
func (b *Backend) acknowledge(ctx context.Context, piece []byte) ([]byte, error) {
	b.gates.open(acknowledged, idOf(ctx), string(piece))
	return nil, nil
}

func (b *Backend) wait(ctx context.Context, piece []byte) ([]byte, error) {
	return nil, b.gates.wait(ctx, arrived, idOf(ctx), string(piece))
}

func (b *Backend) download(id string, s grpc.ServerStream) error {
	var in []byte
	if err := s.RecvMsg(&in); err != nil {
		return err
	}
	header, trailer := told(in, Download.answered())
	s.SetTrailer(trailer)
	if err := s.SendHeader(header); err != nil {
		return err
	}
	for i, piece := range pieces {
		if err := s.SendMsg([]byte(piece)); err != nil {
			return err
		}
		if err := b.gates.wait(s.Context(), acknowledged, id, strconv.Itoa(i+1)); err != nil {
			return err
		}
	}
	return nil
}

func (b *Backend) collect(id string, s grpc.ServerStream) error {
	body, err := received(s, func(piece int, _ []byte) error {
		b.gates.open(arrived, id, strconv.Itoa(piece))
		return nil
	})
	if err != nil {
		return err
	}
	header, trailer := told(body, body)
	s.SetTrailer(trailer)
	return errors.Join(s.SendHeader(header), s.SendMsg(body))
}

// converse sends each message back. What it has seen it knows at the end: its header says what it hopes for,
// and its status whether that came.
func (b *Backend) converse(_ string, s grpc.ServerStream) error {
	header, trailer := told(Both.sent(), Both.answered())
	s.SetTrailer(trailer)
	if err := s.SendHeader(header); err != nil {
		return err
	}
	body, err := received(s, func(_ int, message []byte) error { return s.SendMsg(message) })
	if err == nil && string(body) != string(Both.sent()) {
		err = fmt.Errorf("got %q", body)
	}
	return err
}

// received takes all messages of a call.
func received(s grpc.ServerStream, each func(piece int, message []byte) error) (body []byte, err error) {
	for piece := 1; ; piece++ {
		var message []byte
		if err := s.RecvMsg(&message); errors.Is(err, io.EOF) {
			return body, nil
		} else if err != nil {
			return nil, err
		}
		body = append(body, message...)
		if err := each(piece, message); err != nil {
			return nil, err
		}
	}
}
