package proxytest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/structpb"
)

const (
	destination = "x-gateway-destination-endpoint"
	served      = destination + "-served"
)

// Picker is an endpoint picker in the manner of the reference implementation: it reads the
// whole request body, answers the headers with the pick, then streams the body back. It
// speaks TLS with a self-signed certificate.
type Picker struct {
	Address string

	mu     sync.Mutex
	name   string
	pick   string
	served []string
	paths  []string
	parent []string
	says   map[string]string
	hangs  bool
	after  int
	calls  int
	script func(extprocv3.ExternalProcessor_ProcessServer) error
}

// StartPicker starts a picker that names itself in a request header "x-picker".
func StartPicker(t testing.TB, name string) *Picker {
	t.Helper()
	return StartPickerWith(t, name, NewKeys(t).TLS(t, "self-signed"))
}

// StartPickerWith starts a picker with a certificate.
func StartPickerWith(t testing.TB, name string, certificate tls.Certificate) *Picker {
	t.Helper()
	socket, address := bound(t)
	p := &Picker{Address: address, name: name}
	p.serve(t, socket, certificate)
	return p
}

// LatePicker is a picker whose port refuses connections until start is called, as that of a
// program which is ready before it listens.
func LatePicker(t testing.TB, name string) (p *Picker, start func()) {
	t.Helper()
	socket, address := bound(t)
	p = &Picker{Address: address, name: name}
	return p, func() { p.serve(t, socket, NewKeys(t).TLS(t, "self-signed")) }
}

// bound is a socket with a port of its own that does not listen yet.
func bound(t testing.TB) (socket *os.File, address string) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	socket = os.NewFile(uintptr(fd), "picker")
	t.Cleanup(func() { _ = socket.Close() })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return socket, fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
}

func (p *Picker) serve(t testing.TB, socket *os.File, certificate tls.Certificate) {
	t.Helper()
	if err := syscall.Listen(int(socket.Fd()), syscall.SOMAXCONN); err != nil {
		t.Fatal(err)
	}
	listener, err := net.FileListener(socket)
	if err != nil {
		t.Fatal(err)
	}
	_ = socket.Close()
	s := grpc.NewServer(grpc.Creds(credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS13,
	})))
	extprocv3.RegisterExternalProcessorServer(s, &pickerService{picker: p})
	go func() { _ = s.Serve(listener) }()
	t.Cleanup(s.Stop)
}

// Pick sets the answer: a list of endpoints, or nothing at all.
func (p *Picker) Pick(endpoints string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pick = endpoints
}

// Say sets headers that it adds to each request for the endpoint that it picks.
func (p *Picker) Say(headers map[string]string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.says = headers
}

// Hang has it read as many messages of each call from now on, and then neither read nor answer.
func (p *Picker) Hang(messages int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hangs, p.after = true, messages
}

func (p *Picker) hangsAfter(messages int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hangs && messages >= p.after
}

// Script has it serve each call from now on as a test says; nil: in the manner of the reference implementation.
func (p *Picker) Script(script func(extprocv3.ExternalProcessor_ProcessServer) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.script = script
}

// Calls returns how many calls it got so far.
func (p *Picker) Calls() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls
}

// Seen returns the paths it was asked about and the endpoints that it was told have served.
func (p *Picker) Seen() (paths, served []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.paths...), append([]string(nil), p.served...)
}

// note counts a call, and keeps its traceparent.
func (p *Picker) note(ctx context.Context) {
	md, _ := metadata.FromIncomingContext(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.parent = append(p.parent, strings.Join(md.Get("traceparent"), ","))
	p.calls++
}

func (p *Picker) scripted() func(extprocv3.ExternalProcessor_ProcessServer) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.script
}

// Parents returns the traceparent of each call so far; "" for those without.
func (p *Picker) Parents() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.parent...)
}

type pickerService struct {
	extprocv3.UnimplementedExternalProcessorServer
	picker *Picker
}

func (s *pickerService) Process(stream extprocv3.ExternalProcessor_ProcessServer) error {
	s.picker.note(stream.Context())
	if script := s.picker.scripted(); script != nil {
		return script(stream)
	}
	var body []byte
	for messages := 0; ; messages++ {
		if s.picker.hangsAfter(messages) {
			<-stream.Context().Done()
			return stream.Context().Err()
		}
		request, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var answers []*extprocv3.ProcessingResponse
		switch message := request.Request.(type) {
		case *extprocv3.ProcessingRequest_RequestHeaders:
			s.note(message.RequestHeaders)
			if message.RequestHeaders.EndOfStream {
				answers = append(answers, s.answer())
			}
		case *extprocv3.ProcessingRequest_RequestBody:
			body = append(body, message.RequestBody.Body...)
			if message.RequestBody.EndOfStream {
				answers = append(answers, s.answer(), &extprocv3.ProcessingResponse{
					Response: &extprocv3.ProcessingResponse_RequestBody{RequestBody: Streamed(body, true)},
				})
			}
		case *extprocv3.ProcessingRequest_ResponseHeaders:
			s.noteServed(request.MetadataContext)
			answers = append(answers, &extprocv3.ProcessingResponse{
				Response: &extprocv3.ProcessingResponse_ResponseHeaders{ResponseHeaders: &extprocv3.HeadersResponse{}},
			})
		case *extprocv3.ProcessingRequest_ResponseBody:
			answers = append(answers, &extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_ResponseBody{
				ResponseBody: Streamed(message.ResponseBody.Body, message.ResponseBody.EndOfStream),
			}})
		}
		for _, answer := range answers {
			if err := stream.Send(answer); err != nil {
				return err
			}
		}
	}
}

func (s *pickerService) note(headers *extprocv3.HttpHeaders) {
	s.picker.mu.Lock()
	defer s.picker.mu.Unlock()
	for _, header := range headers.GetHeaders().GetHeaders() {
		if header.Key == ":path" {
			s.picker.paths = append(s.picker.paths, string(header.RawValue))
		}
	}
}

func (s *pickerService) noteServed(metadata *corev3.Metadata) {
	s.picker.mu.Lock()
	defer s.picker.mu.Unlock()
	fields := metadata.GetFilterMetadata()["envoy.lb"].GetFields()
	s.picker.served = append(s.picker.served, fields[served].GetStringValue())
}

func (s *pickerService) answer() *extprocv3.ProcessingResponse {
	s.picker.mu.Lock()
	defer s.picker.mu.Unlock()
	picked := Picked(s.picker.name, s.picker.pick)
	common := picked.GetRequestHeaders().GetResponse()
	for name, value := range s.picker.says {
		common.HeaderMutation.SetHeaders = append(common.HeaderMutation.SetHeaders, set(name, value))
	}
	return picked
}

func set(name, value string) *corev3.HeaderValueOption {
	return &corev3.HeaderValueOption{Header: &corev3.HeaderValue{Key: name, RawValue: []byte(value)}}
}

// Picked is the pick of a picker, as a header and as metadata, with the route look-up that the reference picker demands every time.
func Picked(picker, endpoints string) *extprocv3.ProcessingResponse {
	common := &extprocv3.CommonResponse{
		ClearRouteCache: true,
		HeaderMutation:  &extprocv3.HeaderMutation{SetHeaders: []*corev3.HeaderValueOption{set("x-picker", picker)}},
	}
	response := &extprocv3.ProcessingResponse{
		Response: &extprocv3.ProcessingResponse_RequestHeaders{RequestHeaders: &extprocv3.HeadersResponse{Response: common}},
	}
	if endpoints != "" {
		common.HeaderMutation.SetHeaders = append(common.HeaderMutation.SetHeaders, set(destination, endpoints))
		response.DynamicMetadata = &structpb.Struct{Fields: map[string]*structpb.Value{
			"envoy.lb": structpb.NewStructValue(&structpb.Struct{Fields: map[string]*structpb.Value{
				destination: structpb.NewStringValue(endpoints),
			}}),
		}}
	}
	return response
}

// Streamed is a chunk of a body that a picker gives back.
func Streamed(body []byte, end bool) *extprocv3.BodyResponse {
	return &extprocv3.BodyResponse{Response: &extprocv3.CommonResponse{BodyMutation: &extprocv3.BodyMutation{
		Mutation: &extprocv3.BodyMutation_StreamedResponse{StreamedResponse: &extprocv3.StreamedBodyResponse{
			Body: body, EndOfStream: end,
		}},
	}}}
}
