package proxytest

import (
	"net"
	"sync"
	"testing"
	"time"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/structpb"
)

// Holder is the server that a hold filter asks: it notes each question and answers it when it is told to.
// It speaks cleartext.
type Holder struct {
	Address string

	mu      sync.Mutex
	asked   []Question
	release chan struct{}
	refuse  int // the status that the proxy is to answer with; 0: the request goes on
	stop    func()
}

// Question is what a hold filter told about a request, and about itself.
type Question struct {
	Backend, Demand, Node, Path string
	Limit                       string // milliseconds; "": none
	Parent                      string // traceparent; "": none
	// Messages that came after the headers.
	More int
}

// StartHolder starts a holder that answers at once.
func StartHolder(t testing.TB) *Holder {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &Holder{Address: listener.Addr().String(), release: make(chan struct{})}
	close(h.release)
	s := grpc.NewServer()
	extprocv3.RegisterExternalProcessorServer(s, &holderService{holder: h})
	go func() { _ = s.Serve(listener) }()
	h.stop = s.Stop
	t.Cleanup(s.Stop)
	return h
}

// Stop breaks all calls.
func (h *Holder) Stop() { h.stop() }

// Refuse has the proxy answer requests itself from now on, with a status.
func (h *Holder) Refuse(status int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refuse = status
}

// Hold keeps requests from now on, until the returned function is called.
func (h *Holder) Hold() (release func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	gate := make(chan struct{})
	h.release = gate
	return sync.OnceFunc(func() { close(gate) })
}

// Asked returns the questions so far.
func (h *Holder) Asked() []Question {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]Question(nil), h.asked...)
}

type holderService struct {
	extprocv3.UnimplementedExternalProcessorServer
	holder *Holder
}

func (s *holderService) Process(stream extprocv3.ExternalProcessor_ProcessServer) error {
	request, err := stream.Recv()
	if err != nil {
		return err
	}
	index, gate := s.note(stream, request)
	begun := time.Now()
	cold := "false"
	select {
	case <-gate:
	default:
		cold = "true"
		select {
		case <-gate:
		case <-stream.Context().Done():
			return stream.Context().Err()
		}
	}
	told, err := structpb.NewStruct(map[string]any{"kedify.hold": map[string]any{"cold": cold, "held_ms": waited(cold, begun)}})
	if err != nil {
		return err
	}
	answer := &extprocv3.ProcessingResponse{
		Response: &extprocv3.ProcessingResponse_RequestHeaders{RequestHeaders: &extprocv3.HeadersResponse{}}, DynamicMetadata: told,
	}
	if status := s.holder.refusal(); status != 0 {
		answer.Response = &extprocv3.ProcessingResponse_ImmediateResponse{ImmediateResponse: &extprocv3.ImmediateResponse{
			Status: &typev3.HttpStatus{Code: typev3.StatusCode(status)}, Details: "hold_test",
		}}
	}
	if err := stream.Send(answer); err != nil {
		return err
	}
	for { // until the proxy, which has read the answer, ends the call
		if _, err := stream.Recv(); err != nil {
			return err
		}
		s.holder.mu.Lock()
		s.holder.asked[index].More++
		s.holder.mu.Unlock()
	}
}

func (h *Holder) refusal() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.refuse
}

// waited is the number of milliseconds that a request was kept.
func waited(cold string, since time.Time) int64 {
	if cold != "true" {
		return 0
	}
	return time.Since(since).Milliseconds()
}

func (s *holderService) note(stream extprocv3.ExternalProcessor_ProcessServer, request *extprocv3.ProcessingRequest) (int, chan struct{}) {
	md, _ := metadata.FromIncomingContext(stream.Context())
	first := func(name string) string {
		if values := md.Get(name); len(values) > 0 {
			return values[0]
		}
		return ""
	}
	question := Question{Backend: first("x-kedify-backend"), Demand: first("x-kedify-demand"), Limit: first("x-kedify-limit"),
		Parent: first("traceparent")}
	for _, attributes := range request.GetAttributes() {
		if node := attributes.GetFields()["xds.node.id"].GetStringValue(); node != "" {
			question.Node = node
		}
	}
	for _, header := range request.GetRequestHeaders().GetHeaders().GetHeaders() {
		if header.GetKey() == ":path" {
			question.Path = string(header.GetRawValue())
		}
	}
	s.holder.mu.Lock()
	defer s.holder.mu.Unlock()
	s.holder.asked = append(s.holder.asked, question)
	return len(s.holder.asked) - 1, s.holder.release
}
