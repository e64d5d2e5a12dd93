package clients

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
)

// grpcGo is grpc-go.
func grpcGo(ctx context.Context, j Job) (Report, error) {
	trusted, err := j.authority()
	if err != nil {
		return Report{}, err
	}
	secrecy := grpc.WithTransportCredentials(insecure.NewCredentials())
	if j.Protocol.secure() {
		secrecy = grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(trusted, ""))
	}
	connection, err := grpc.NewClient("passthrough:///"+j.Address, secrecy,
		grpc.WithAuthority(j.Host+":"+strconv.Itoa(j.Port)), grpc.WithDefaultCallOptions(grpc.ForceCodec(bytesCodec{})))
	if err != nil {
		return Report{}, err
	}
	defer func() { _ = connection.Close() }()
	c := &remoteClient{connection: connection, job: j}
	ctx = metadata.AppendToOutgoingContext(ctx, "x-id", strconv.Itoa(j.ID))
	var body []byte
	switch j.Exchange {
	case Download, Collect, Both:
		body, err = c.stream(ctx)
	default:
		body, err = c.unary(ctx)
	}
	c.report.Received, c.report.Version = sum(body), "2"
	if err == nil {
		c.report.Status = 200
	}
	return c.report, err
}

type remoteClient struct {
	connection *grpc.ClientConn
	job        Job
	report     Report
}

func (c *remoteClient) method(name string) string { return "/" + c.job.Target + "/" + name }

// note takes what header and trailer of an answer say.
func (c *remoteClient) note(header, trailer metadata.MD) {
	c.report.Seen, c.report.Trailer = strings.Join(header.Get(seenHeader), ""), strings.Join(trailer.Get(sumTrailer), "")
}

func (c *remoteClient) unary(ctx context.Context) (answer []byte, err error) {
	content, err := os.ReadFile(c.job.Body)
	if err != nil {
		return nil, err
	}
	var header, trailer metadata.MD
	err = c.connection.Invoke(ctx, c.method(string(c.job.Exchange)), content, &answer, grpc.Header(&header), grpc.Trailer(&trailer))
	c.note(header, trailer)
	return answer, err
}

// ask sends a question about a piece.
func (c *remoteClient) ask(ctx context.Context, question string) error {
	var nothing []byte
	return c.connection.Invoke(ctx, c.method(question), []byte(strconv.Itoa(c.report.Pieces+1)), &nothing)
}

// stream sends pieces, or receives them, or both.
func (c *remoteClient) stream(ctx context.Context) (body []byte, err error) {
	s, err := c.connection.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, c.method(string(c.job.Exchange)))
	if err != nil {
		return nil, err
	}
	if c.job.Exchange == Download {
		err = s.SendMsg([]byte(nil))
	} else {
		body, err = c.send(ctx, s)
	}
	if err = errors.Join(err, s.CloseSend()); err != nil {
		return body, err
	}
	for {
		var piece []byte
		switch err := s.RecvMsg(&piece); {
		case errors.Is(err, io.EOF):
			header, err := s.Header()
			c.note(header, s.Trailer())
			return body, err
		case err != nil:
			return body, err
		}
		body = append(body, piece...)
		if c.job.Exchange == Download {
			if err := c.ask(ctx, "Acknowledge"); err != nil {
				return body, err
			}
			c.report.Pieces++
		}
	}
}

// send waits after each piece until the backend got it, or sent it back.
func (c *remoteClient) send(ctx context.Context, s grpc.ClientStream) (body []byte, err error) {
	for _, piece := range c.job.Pieces {
		if err := s.SendMsg([]byte(piece)); err != nil {
			return body, err
		}
		if c.job.Exchange == Both {
			var back []byte
			err = s.RecvMsg(&back)
			body = append(body, back...)
		} else {
			err = c.ask(ctx, "Arrived")
		}
		if err != nil {
			return body, fmt.Errorf("after %s: %w", piece, err)
		}
		c.report.Pieces++
	}
	return body, nil
}
