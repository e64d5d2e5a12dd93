package pickers_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/kedify/inference-gateway/scaler/hold/pickers"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/proxytest"
)

const (
	pod, gone = "10.0.0.1:8000", "10.0.0.9:8000"
	// soon is longer than any answer takes here, long more than a picker that is asked over and over gets.
	soon, long = 10 * time.Second, 300 * time.Millisecond
)

func endpoint(t *testing.T, text string) ir.Endpoint {
	t.Helper()
	at, err := netip.ParseAddrPort(text)
	if err != nil {
		t.Fatal(err)
	}
	return ir.Endpoint{Address: at.Addr().String(), Port: uint32(at.Port())}
}

func about(t *testing.T, addresses ...string) *pickers.Question {
	t.Helper()
	q := &pickers.Question{
		Tenant: "shop", Authority: "picker/shop/epp/9002", TLS: &ir.UpstreamTLS{Insecure: true}, Endpoints: []ir.Endpoint{endpoint(t, pod)},
	}
	for _, address := range addresses {
		q.Pickers = append(q.Pickers, endpoint(t, address))
	}
	return q
}

// ask asks until there is a verdict, or for as long as within; false: there is none.
func ask(t *testing.T, asker *pickers.Asker, q *pickers.Question, within time.Duration) (pickers.Verdict, bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	verdict := make(chan pickers.Verdict, 1)
	asker.Ask(ctx, q, func(v pickers.Verdict) { verdict <- v })
	select {
	case v := <-verdict:
		return v, true
	case <-ctx.Done():
		return pickers.Pending, false
	}
}

// never fails when there is a verdict.
func never(t *testing.T, asker *pickers.Asker, q *pickers.Question) {
	t.Helper()
	if v, ok := ask(t, asker, q, long); ok {
		t.Errorf("the verdict is %d", v)
	}
}

func wants(t *testing.T, asker *pickers.Asker, q *pickers.Question, want pickers.Verdict) {
	t.Helper()
	if v, ok := ask(t, asker, q, soon); !ok || v != want {
		t.Errorf("the verdict is %d %t, want %d", v, ok, want)
	}
}

func immediately(code typev3.StatusCode) *extprocv3.ProcessingResponse {
	return &extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_ImmediateResponse{
		ImmediateResponse: &extprocv3.ImmediateResponse{Status: &typev3.HttpStatus{Code: code}},
	}}
}

// answering serves a call with one answer.
func answering(answer *extprocv3.ProcessingResponse) func(extprocv3.ExternalProcessor_ProcessServer) error {
	return func(stream extprocv3.ExternalProcessor_ProcessServer) error {
		if _, err := stream.Recv(); err != nil {
			return err
		}
		return stream.Send(answer)
	}
}

// silent ends a call without an answer.
func silent(stream extprocv3.ExternalProcessor_ProcessServer) error {
	_, err := stream.Recv()
	return err
}

func failing(code codes.Code) func(extprocv3.ExternalProcessor_ProcessServer) error {
	return func(extprocv3.ExternalProcessor_ProcessServer) error { return status.Error(code, "") }
}

func hanging(stream extprocv3.ExternalProcessor_ProcessServer) error {
	<-stream.Context().Done()
	return stream.Context().Err()
}

func TestKnown(t *testing.T) {
	picker := proxytest.StartPicker(t, "one")
	for list, want := range map[string]pickers.Verdict{
		pod: pickers.Known, gone + ", " + pod: pickers.Known, "": pickers.Untold,
	} {
		picker.Pick(list)
		wants(t, &pickers.Asker{}, about(t, picker.Address), want)
	}
	picker.Pick(gone)
	never(t, &pickers.Asker{}, about(t, picker.Address))
}

// A header names an endpoint as well as metadata does.
func TestKnownByHeader(t *testing.T) {
	picker := proxytest.StartPicker(t, "one")
	picker.Script(answering(&extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_RequestHeaders{
		RequestHeaders: &extprocv3.HeadersResponse{Response: &extprocv3.CommonResponse{HeaderMutation: &extprocv3.HeaderMutation{
			SetHeaders: []*corev3.HeaderValueOption{{Header: &corev3.HeaderValue{Key: "X-Gateway-Destination-Endpoint", RawValue: []byte(pod)}}},
		}}},
	}}))
	wants(t, &pickers.Asker{}, about(t, picker.Address), pickers.Known)
}

// What an answer without an endpoint means: the picker may know one in a moment, or this question is not for it.
func TestAnswers(t *testing.T) {
	picker := proxytest.StartPicker(t, "one")
	for name, test := range map[string]struct {
		serve  func(extprocv3.ExternalProcessor_ProcessServer) error
		untold bool
	}{
		"500, as the reference picker":       {answering(immediately(500)), false},
		"503, as the protocol":               {answering(immediately(503)), false},
		"429":                                {answering(immediately(429)), false},
		"400":                                {answering(immediately(400)), true},
		"404":                                {answering(immediately(404)), true},
		"an answer to something else":        {answering(&extprocv3.ProcessingResponse{}), true},
		"it hangs":                           {hanging, false},
		"it fails":                           {failing(codes.Internal), false},
		"it is no picker":                    {failing(codes.Unimplemented), true},
		"it ends the call without an answer": {silent, true},
		"its answer is too large": {answering(&extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_ImmediateResponse{
			ImmediateResponse: &extprocv3.ImmediateResponse{Body: make([]byte, 1<<20)},
		}}), true},
	} {
		picker.Script(test.serve)
		if test.untold {
			wants(t, &pickers.Asker{}, about(t, picker.Address), pickers.Untold)
		} else if v, ok := ask(t, &pickers.Asker{}, about(t, picker.Address), long); ok {
			t.Errorf("%s: the verdict is %d", name, v)
		}
	}
}

// A picker that learns of the endpoint later is asked until then.
func TestLearns(t *testing.T) {
	picker := proxytest.StartPicker(t, "one")
	picker.Pick(pod)
	picker.Script(answering(immediately(500)))
	asker, told := &pickers.Asker{}, make(chan pickers.Verdict, 1)
	asker.Ask(t.Context(), about(t, picker.Address), func(v pickers.Verdict) { told <- v })
	for picker.Calls() < 3 {
		time.Sleep(time.Millisecond)
	}
	picker.Script(nil)
	if v := <-told; v != pickers.Known {
		t.Errorf("the verdict is %d", v)
	}
}

// A picker whose port refuses connections is asked until it listens.
func TestListensLate(t *testing.T) {
	picker, listen := proxytest.LatePicker(t, "late")
	picker.Pick(pod)
	asker, told := &pickers.Asker{}, make(chan pickers.Verdict, 1)
	asker.Ask(t.Context(), about(t, picker.Address), func(v pickers.Verdict) { told <- v })
	select {
	case v := <-told:
		t.Errorf("before it listens the verdict is %d", v)
	case <-time.After(long):
	}
	listen()
	begun := time.Now()
	if v := <-told; v != pickers.Known {
		t.Errorf("the verdict is %d", v)
	}
	t.Logf("known %s after it listens", time.Since(begun))
}

// Every picker counts: one that knows is not enough.
func TestEveryPicker(t *testing.T) {
	one, other := proxytest.StartPicker(t, "one"), proxytest.StartPicker(t, "other")
	one.Pick(pod)
	other.Script(answering(immediately(503)))
	never(t, &pickers.Asker{}, about(t, one.Address, other.Address))
	other.Script(answering(immediately(400)))
	wants(t, &pickers.Asker{}, about(t, one.Address, other.Address), pickers.Untold)
	other.Script(nil)
	other.Pick(pod)
	wants(t, &pickers.Asker{}, about(t, one.Address, other.Address), pickers.Known)
}

// An address that nothing answers from is not reached from here: proxies may reach it.
func TestNotReached(t *testing.T) {
	q := about(t, full(t))
	begun := time.Now()
	wants(t, &pickers.Asker{}, q, pickers.Untold)
	if took := time.Since(begun); took < 500*time.Millisecond {
		t.Errorf("after %s", took)
	}
}

// full is the address of a port that swallows connections: its queue is full.
func full(t *testing.T) string {
	t.Helper()
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	shrink(t, listener)
	dialer := net.Dialer{Timeout: 100 * time.Millisecond}
	for range 64 {
		connection, err := dialer.Dial("tcp", listener.Addr().String())
		if err != nil {
			if !os.IsTimeout(err) {
				t.Fatal(err)
			}
			return listener.Addr().String()
		}
		t.Cleanup(func() { _ = connection.Close() })
	}
	t.Fatal("the queue does not fill")
	return ""
}

func names(all ...string) (names []ir.SubjectAltName) {
	for _, name := range all {
		names = append(names, ir.SubjectAltName{Name: name})
	}
	return names
}

// What is verified is what proxies verify.
func TestTLS(t *testing.T) {
	keys, others := proxytest.NewKeys(t), proxytest.NewKeys(t)
	picker := proxytest.StartPickerWith(t, "one", keys.TLS(t, "epp.shop.svc"))
	picker.Pick(pod)
	for name, test := range map[string]struct {
		tls   ir.UpstreamTLS
		ca    []byte
		known bool
	}{
		"not verified":         {ir.UpstreamTLS{Insecure: true}, nil, true},
		"by server name":       {ir.UpstreamTLS{CA: "ca", SNI: "epp.shop.svc"}, keys.CA, true},
		"another server name":  {ir.UpstreamTLS{CA: "ca", SNI: "other"}, keys.CA, false},
		"by names":             {ir.UpstreamTLS{CA: "ca", SNI: "x", Names: names("x", "epp.shop.svc")}, keys.CA, true},
		"without such a name":  {ir.UpstreamTLS{CA: "ca", SNI: "epp.shop.svc", Names: names("x")}, keys.CA, false},
		"without such a URI":   {ir.UpstreamTLS{CA: "ca", Names: []ir.SubjectAltName{{URI: true, Name: "epp.shop.svc"}}}, keys.CA, false},
		"of another authority": {ir.UpstreamTLS{CA: "ca", SNI: "epp.shop.svc"}, others.CA, false},
		"of no public one":     {ir.UpstreamTLS{SystemCA: true, SNI: "epp.shop.svc"}, nil, false},
	} {
		q := about(t, picker.Address)
		q.TLS, q.CA = &test.tls, test.ca
		if test.known {
			wants(t, &pickers.Asker{}, q, pickers.Known)
		} else if v, ok := ask(t, &pickers.Asker{}, q, long); ok {
			t.Errorf("%s: the verdict is %d", name, v)
		}
	}
	broken := about(t, picker.Address)
	broken.TLS, broken.CA = &ir.UpstreamTLS{CA: "ca"}, []byte("no certificate")
	wants(t, &pickers.Asker{}, broken, pickers.Untold)
}

// A picker gets nothing but the question: no metadata of the product.
func TestQuestionSaysNothing(t *testing.T) {
	picker := proxytest.StartPicker(t, "one")
	var md metadata.MD
	var request *extprocv3.ProcessingRequest
	picker.Script(func(stream extprocv3.ExternalProcessor_ProcessServer) (err error) {
		md, _ = metadata.FromIncomingContext(stream.Context())
		if request, err = stream.Recv(); err != nil {
			return err
		}
		return stream.Send(immediately(400))
	})
	wants(t, &pickers.Asker{}, about(t, picker.Address), pickers.Untold)
	var keys []string
	for key := range md {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	want := []string{":authority", "content-type", "user-agent"}
	if !slices.Equal(keys, want) || md.Get(":authority")[0] != "picker/shop/epp/9002" {
		t.Errorf("metadata %v, want %v", md, want)
	}
	if headers := request.GetRequestHeaders(); !headers.GetEndOfStream() || len(headers.GetHeaders().GetHeaders()) != 5 {
		t.Errorf("request %v", request)
	}
}

// Questions about one address share a connection, which goes with the last of them; those of one tenant have so many calls at once.
func TestShared(t *testing.T) {
	var mu sync.Mutex
	peers, now := map[string]int{}, 0
	picker := proxytest.StartPicker(t, "one")
	release := make(chan struct{})
	picker.Script(func(stream extprocv3.ExternalProcessor_ProcessServer) error {
		mu.Lock()
		now++
		from, _ := peer.FromContext(stream.Context())
		peers[from.Addr.String()]++
		mu.Unlock()
		defer func() { mu.Lock(); now--; mu.Unlock() }()
		if _, err := stream.Recv(); err != nil {
			return err
		}
		select {
		case <-release:
		case <-stream.Context().Done():
		}
		if err := stream.Send(immediately(400)); err != nil {
			return err
		}
		_, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		return err
	})
	const questions = 100
	asker, told := &pickers.Asker{}, make(chan pickers.Verdict, questions)
	begun := time.Now()
	for range questions {
		asker.Ask(t.Context(), about(t, picker.Address), func(v pickers.Verdict) { told <- v })
	}
	for picker.Calls() < 32 {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(50 * time.Millisecond) // for calls too many
	mu.Lock()
	if len(peers) != 1 {
		t.Errorf("%d connections", len(peers))
	}
	if now > 32 && time.Since(begun) < time.Second { // later calls end without an answer, and the server learns of it in its time
		t.Errorf("%d calls at once", now)
	}
	mu.Unlock()
	close(release)
	for range questions {
		<-told
	}
}
