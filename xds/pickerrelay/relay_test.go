package pickerrelay_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/kedify/inference-gateway/xds/bootstrap"
	"github.com/kedify/inference-gateway/xds/pickerrelay"
	"github.com/kedify/inference-gateway/xds/proxytest"
	"github.com/kedify/inference-gateway/xds/translate"
)

type (
	server = extprocv3.ExternalProcessor_ProcessServer
	stream = extprocv3.ExternalProcessor_ProcessClient
)

// limit of the pickers; soon is longer than anything but a hang takes here.
const limit, soon = 200 * time.Millisecond, 10 * time.Second

// rig is a relay between a test, which is Envoy, and pickers that the test scripts.
type rig struct {
	t      *testing.T
	client extprocv3.ExternalProcessorClient
	limit  time.Duration

	mu    sync.Mutex
	serve func(server) error
	calls int
}

type pickers struct {
	extprocv3.UnimplementedExternalProcessorServer
	rig *rig
}

func (p pickers) Process(s server) error {
	p.rig.mu.Lock()
	serve := p.rig.serve
	p.rig.calls++
	p.rig.mu.Unlock()
	return serve(s)
}

func newRig(t *testing.T, serve func(server) error) *rig {
	t.Helper()
	directory, err := os.MkdirTemp("", "relay") // the path of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(directory) })
	r := &rig{t: t, serve: serve, limit: limit}
	options := pickerrelay.Options{Socket: filepath.Join(directory, "relay"), Pickers: filepath.Join(directory, "pickers")}
	accept, err := net.Listen("unix", options.Pickers)
	if err != nil {
		t.Fatal(err)
	}
	side := grpc.NewServer()
	extprocv3.RegisterExternalProcessorServer(side, pickers{rig: r})
	relay, err := pickerrelay.New(options)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = side.Serve(accept) })
	running.Go(func() {
		if err := relay.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	client, err := grpc.NewClient("unix:"+options.Socket, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.WaitForReady(true)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(); side.Stop(); cancel(); running.Wait() })
	r.client = extprocv3.NewExternalProcessorClient(client)
	return r
}

// call opens a call about one request. Pairs are metadata.
func (r *rig) call(failOpen bool, pairs ...string) stream {
	r.t.Helper()
	pairs = append(pairs, translate.PickerTimeout, fmt.Sprint(r.limit.Milliseconds()))
	if failOpen {
		pairs = append(pairs, translate.PickerFailOpen, "true")
	}
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(context.Background(), pairs...), r.limit+soon)
	r.t.Cleanup(cancel)
	s, err := r.client.Process(ctx)
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

func headers(end bool) *extprocv3.ProcessingRequest {
	return &extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_RequestHeaders{
		RequestHeaders: &extprocv3.HttpHeaders{EndOfStream: end},
	}}
}

func body(text string, end bool) *extprocv3.ProcessingRequest {
	return &extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_RequestBody{
		RequestBody: &extprocv3.HttpBody{Body: []byte(text), EndOfStream: end},
	}}
}

func responseHeaders() *extprocv3.ProcessingRequest {
	return &extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_ResponseHeaders{ResponseHeaders: &extprocv3.HttpHeaders{}}}
}

func (r *rig) send(s stream, messages ...*extprocv3.ProcessingRequest) {
	r.t.Helper()
	for _, message := range messages {
		if err := s.Send(message); err != nil && !errors.Is(err, io.EOF) {
			r.t.Fatal(err)
		}
	}
}

// said is what Envoy is told about a request: the endpoint, the status or the body.
type said struct {
	picked string
	status int
	body   string
	end    bool
}

// hear reads until the request is back at Envoy, or answered.
func (r *rig) hear(s stream) (out said) {
	r.t.Helper()
	for {
		answer, err := s.Recv()
		if err != nil {
			r.t.Fatalf("%v, after %+v", err, out)
		}
		if out.add(answer) {
			return out
		}
	}
}

func (out *said) add(answer *extprocv3.ProcessingResponse) (over bool) {
	switch m := answer.Response.(type) {
	case *extprocv3.ProcessingResponse_ImmediateResponse:
		out.status = int(m.ImmediateResponse.GetStatus().GetCode())
		return true
	case *extprocv3.ProcessingResponse_RequestHeaders:
		for _, set := range m.RequestHeaders.GetResponse().GetHeaderMutation().GetSetHeaders() {
			if set.GetHeader().GetKey() == "x-gateway-destination-endpoint" {
				out.picked = string(set.GetHeader().GetRawValue())
			}
		}
	case *extprocv3.ProcessingResponse_RequestBody:
		chunk := m.RequestBody.GetResponse().GetBodyMutation().GetStreamedResponse()
		out.body += string(chunk.GetBody())
		out.end = chunk.GetEndOfStream()
		return out.end
	case *extprocv3.ProcessingResponse_ResponseHeaders:
		return true
	}
	return false
}

func (r *rig) wants(s stream, want said) {
	r.t.Helper()
	if got := r.hear(s); got != want {
		got.body, want.body = short(got.body), short(want.body)
		r.t.Errorf("Envoy is told %+v, want %+v", got, want)
	}
}

func short(text string) string { return fmt.Sprintf("%.20s (%d)", text, len(text)) }

// The rest are sides of pickers.

func read(s server) (text string, err error) {
	for {
		request, err := s.Recv()
		if err != nil {
			return text, err
		}
		text += string(request.GetRequestBody().GetBody())
		if request.GetRequestBody().GetEndOfStream() || request.GetRequestHeaders().GetEndOfStream() {
			return text, nil
		}
	}
}

func hang(s server) error {
	<-s.Context().Done()
	return s.Context().Err()
}

func pick(s server) error { return s.Send(proxytest.Picked("one", "10.0.0.1:80")) }

func give(s server, text string, end bool) error {
	return s.Send(&extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_RequestBody{
		RequestBody: proxytest.Streamed([]byte(text), end),
	}})
}

// healthy picks, gives the body back, and answers the headers of the answer.
func healthy(s server) error {
	text, err := read(s)
	if err != nil {
		return err
	}
	if err := errors.Join(pick(s), give(s, text, true)); err != nil {
		return err
	}
	for {
		if _, err := s.Recv(); err != nil {
			return nil //nolint:nilerr // the call has ended
		}
		if err := s.Send(&extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_ResponseHeaders{
			ResponseHeaders: &extprocv3.HeadersResponse{},
		}}); err != nil {
			return err
		}
	}
}

// A picker that is alive sees and says what it does without a relay.
func TestPasses(t *testing.T) {
	var md metadata.MD
	r := newRig(t, func(s server) error {
		md, _ = metadata.FromIncomingContext(s.Context())
		return healthy(s)
	})
	s := r.call(true, "traceparent", "00-1-2-01", "x-other", "y")
	r.send(s, headers(false), body("hello, ", false), body("world", true))
	r.wants(s, said{picked: "10.0.0.1:80", body: "hello, world", end: true})
	time.Sleep(2 * limit) // the model thinks
	r.send(s, responseHeaders())
	r.wants(s, said{})
	if err := s.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("the call ends with %v", err)
	}
	if md.Get("traceparent")[0] != "00-1-2-01" || md.Get("x-other")[0] != "y" || len(md.Get(bootstrap.PickerHeader)) != 1 ||
		len(md.Get(translate.PickerTimeout)) != 0 || len(md.Get(translate.PickerFailOpen)) != 0 {
		t.Errorf("metadata %v", md)
	}
}

// What becomes of a request whose picker fails: 503, or the whole body without a pick.
func TestFails(t *testing.T) {
	const text = "first second third"
	unpicked, closed := said{body: text, end: true}, said{status: 503}
	for name, test := range map[string]struct {
		serve func(server) error
		open  said
	}{
		"hangs":                 {hang, unpicked},
		"hangs behind the body": {func(s server) error { _, _ = read(s); return hang(s) }, unpicked},
		"hangs behind the pick": {func(s server) error { _, _ = read(s); _ = pick(s); return hang(s) }, unpicked},
		"hangs in the body that it gives back": {func(s server) error {
			_, _ = read(s)
			_ = errors.Join(pick(s), give(s, text[:9], false))
			return hang(s)
		}, said{picked: "10.0.0.1:80", body: text, end: true}},
		"hangs in a body that it changes": {func(s server) error {
			_, _ = read(s)
			_ = errors.Join(pick(s), give(s, "changed", false))
			return hang(s)
		}, said{picked: "10.0.0.1:80", body: "changed", status: 503}},
		"fails":                          {func(server) error { return status.Error(codes.Internal, "") }, unpicked},
		"is not there":                   {func(server) error { return status.Error(codes.Unavailable, "") }, unpicked},
		"ends its call":                  {func(s server) error { _, _ = read(s); return nil }, unpicked},
		"ends its call with the pick":    {func(s server) error { _, _ = read(s); return pick(s) }, unpicked},
		"answers something else":         {func(s server) error { _, _ = read(s); return s.Send(&extprocv3.ProcessingResponse{}) }, unpicked},
		"gives back what it has not got": {func(s server) error { return errors.Join(give(s, "x", true), hang(s)) }, unpicked},
	} {
		for _, failOpen := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, open %t", name, failOpen), func(t *testing.T) {
				t.Parallel()
				r := newRig(t, test.serve)
				s := r.call(failOpen)
				r.send(s, headers(false), body("first ", false), body("second ", false), body("third", true))
				got := r.hear(s)
				if want := closed; !failOpen && got.status != want.status || failOpen && got != test.open {
					t.Errorf("Envoy is told %+v", got)
				}
			})
		}
	}
}

// A request without a body, and the headers of its answer.
func TestFailsWithoutBody(t *testing.T) {
	for _, failOpen := range []bool{false, true} {
		r := newRig(t, hang)
		s := r.call(failOpen)
		r.send(s, headers(true))
		answer, err := s.Recv()
		if err != nil || failOpen != (answer.GetRequestHeaders() != nil) || failOpen == (answer.GetImmediateResponse() != nil) {
			t.Errorf("open %t: %v %v", failOpen, answer, err)
		}
		r = newRig(t, func(s server) error { _, _ = read(s); return errors.Join(pick(s), hang(s)) })
		s = r.call(failOpen)
		r.send(s, headers(true))
		if answer, err := s.Recv(); err != nil || answer.GetRequestHeaders() == nil {
			t.Fatalf("%v %v", answer, err)
		}
		time.Sleep(2 * limit) // the model thinks
		begun := time.Now()
		r.send(s, responseHeaders())
		answer, err = s.Recv()
		if err != nil || failOpen != (answer.GetResponseHeaders() != nil) || failOpen == (answer.GetImmediateResponse() != nil) {
			t.Errorf("headers of the answer, open %t: %v %v", failOpen, answer, err)
		}
		if took := time.Since(begun); took < limit/2 {
			t.Errorf("after %s", took)
		}
	}
}

// While it answers in the place of a picker it goes on with what comes.
func TestGoesOnAlone(t *testing.T) {
	r := newRig(t, func(server) error { return status.Error(codes.Internal, "") })
	s := r.call(true)
	r.send(s, headers(false))
	if answer, err := s.Recv(); err != nil || answer.GetRequestHeaders() == nil {
		t.Fatalf("%v %v", answer, err)
	}
	for _, text := range []string{"a", "b", "c"} {
		r.send(s, body(text, text == "c"))
		answer, err := s.Recv()
		chunk := answer.GetRequestBody().GetResponse().GetBodyMutation().GetStreamedResponse()
		if err != nil || string(chunk.GetBody()) != text || chunk.GetEndOfStream() != (text == "c") {
			t.Fatalf("%q: %v %v", text, answer, err)
		}
	}
	r.send(s, responseHeaders())
	r.wants(s, said{})
}

// The clock does not run while the client sends.
func TestSlowUpload(t *testing.T) {
	r := newRig(t, healthy)
	s := r.call(false)
	r.send(s, headers(false))
	for range 3 {
		time.Sleep(2 * limit)
		r.send(s, body("x", false))
	}
	time.Sleep(2 * limit)
	r.send(s, body("", true))
	r.wants(s, said{picked: "10.0.0.1:80", body: "xxx", end: true})
}

// A picker that does not take a body is one that hangs, before the body ends.
func TestTakesNothing(t *testing.T) {
	r := newRig(t, hang)
	s := r.call(false)
	r.send(s, headers(false))
	go func() {
		for s.Send(body(strings.Repeat("x", 1<<20), false)) == nil {
		}
	}()
	r.wants(s, said{status: 503})
}

// What is kept of a request is bounded.
func TestKeepsSoMuch(t *testing.T) {
	r := newRig(t, func(s server) error {
		for {
			if request, err := s.Recv(); err != nil || request.GetRequestBody().GetEndOfStream() {
				return hang(s)
			}
		}
	})
	r.limit = 5 * time.Second // no picker takes all of it at once
	s := r.call(true)
	r.send(s, headers(false))
	chunk := strings.Repeat("y", 1<<20)
	for range pickerrelay.MaxKept / len(chunk) {
		r.send(s, body(chunk, false))
	}
	r.send(s, body("z", true))
	r.wants(s, said{status: 503})
}

// After three timeouts in a row no request waits, but for one each second.
func TestHangs(t *testing.T) {
	r := newRig(t, hang)
	ask := func() time.Duration {
		begun := time.Now()
		s := r.call(true)
		r.send(s, headers(false), body("x", true))
		r.wants(s, said{body: "x", end: true})
		return time.Since(begun)
	}
	for range 3 {
		ask()
	}
	r.mu.Lock()
	before := r.calls
	r.mu.Unlock()
	begun := time.Now()
	for range 20 {
		ask()
	}
	r.mu.Lock()
	if asked, most := r.calls-before, int(time.Since(begun)/time.Second)+1; asked > most {
		t.Errorf("20 requests in %s asked it %d times", time.Since(begun), asked)
	}
	r.serve = healthy
	r.mu.Unlock()
	for end := time.Now().Add(soon); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		s := r.call(true)
		r.send(s, headers(false), body("x", true))
		if r.hear(s).picked != "" {
			return
		}
	}
	t.Error("it is not asked again")
}

// A call that says no limit is refused.
func TestNoLimit(t *testing.T) {
	r := newRig(t, healthy)
	s, err := r.client.Process(t.Context())
	if err == nil {
		_, err = s.Recv()
	}
	if status.Code(err) != codes.InvalidArgument {
		t.Errorf("%v", err)
	}
}
