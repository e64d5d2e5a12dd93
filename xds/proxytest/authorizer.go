package proxytest

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
)

// Authorizer is an authorization service: it notes each question and decides as it is told.
type Authorizer struct {
	Address string

	mu     sync.Mutex
	asked  []AuthQuestion
	decide func(ctx context.Context, q AuthQuestion) AuthDecision
}

// AuthQuestion is what the service was told about a request.
type AuthQuestion struct {
	Method, Path, Host, Body string
	Header                   http.Header
	// Source is the address of the connection, over Envoy's authorization protocol alone.
	Source string
}

// AuthDecision is what the service answers. Status 200: the request may pass, with the headers. Any other one: the client gets it.
type AuthDecision struct {
	Status int
	Header http.Header
	Body   string
	// Remove are headers that the request loses when it passes, over Envoy's authorization protocol alone.
	Remove []string
}

// StartAuthorizer starts a service that answers 200, over HTTP or Envoy's authorization protocol.
func StartAuthorizer(t testing.TB, overGRPC bool) *Authorizer {
	t.Helper()
	a := &Authorizer{}
	a.Decide(func(context.Context, AuthQuestion) AuthDecision { return AuthDecision{Status: http.StatusOK} })
	if !overGRPC {
		server := httptest.NewUnstartedServer(http.HandlerFunc(a.serveHTTP))
		server.Config.BaseContext = func(net.Listener) context.Context { return t.Context() }
		server.Start()
		t.Cleanup(server.Close)
		a.Address = server.Listener.Addr().String()
		return a
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a.Address = listener.Addr().String()
	server := grpc.NewServer()
	authv3.RegisterAuthorizationServer(server, a)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return a
}

// Decide has the service decide in another way from now on.
func (a *Authorizer) Decide(decide func(ctx context.Context, q AuthQuestion) AuthDecision) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.decide = decide
}

// Asked returns the questions so far.
func (a *Authorizer) Asked() []AuthQuestion {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]AuthQuestion(nil), a.asked...)
}

func (a *Authorizer) answer(ctx context.Context, q AuthQuestion) AuthDecision {
	a.mu.Lock()
	a.asked = append(a.asked, q)
	decide := a.decide
	a.mu.Unlock()
	return decide(ctx, q)
}

func (a *Authorizer) serveHTTP(out http.ResponseWriter, in *http.Request) {
	body, err := io.ReadAll(in.Body)
	if err != nil {
		return
	}
	header := in.Header.Clone()
	header.Set("Content-Length", strconv.FormatInt(in.ContentLength, 10)) // net/http takes it out; -1: none
	decision := a.answer(in.Context(), AuthQuestion{
		Method: in.Method, Path: in.URL.RequestURI(), Host: in.Host, Body: string(body), Header: header,
	})
	for name, values := range decision.Header {
		out.Header()[name] = values
	}
	out.WriteHeader(decision.Status)
	_, _ = io.WriteString(out, decision.Body)
}

// Check is Envoy's authorization protocol.
func (a *Authorizer) Check(ctx context.Context, in *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	request := in.GetAttributes().GetRequest().GetHttp()
	header := http.Header{}
	for name, value := range request.GetHeaders() {
		header.Set(name, value)
	}
	return a.answer(ctx, AuthQuestion{
		Method: request.GetMethod(), Path: request.GetPath(), Host: request.GetHost(), Body: request.GetBody(), Header: header,
		Source: in.GetAttributes().GetSource().GetAddress().GetSocketAddress().GetAddress(),
	}).Response(), nil
}

// Response is the decision in Envoy's authorization protocol.
func (d AuthDecision) Response() *authv3.CheckResponse {
	var headers []*corev3.HeaderValueOption
	for name, values := range d.Header {
		for _, value := range values {
			headers = append(headers, &corev3.HeaderValueOption{
				Header:       &corev3.HeaderValue{Key: name, Value: value},
				AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
			})
		}
	}
	if d.Status == http.StatusOK {
		return &authv3.CheckResponse{
			Status:       &status.Status{Code: int32(codes.OK)},
			HttpResponse: &authv3.CheckResponse_OkResponse{OkResponse: &authv3.OkHttpResponse{Headers: headers, HeadersToRemove: d.Remove}},
		}
	}
	return &authv3.CheckResponse{
		Status: &status.Status{Code: int32(codes.PermissionDenied)},
		HttpResponse: &authv3.CheckResponse_DeniedResponse{DeniedResponse: &authv3.DeniedHttpResponse{
			Status: &typev3.HttpStatus{Code: typev3.StatusCode(d.Status)}, Headers: headers, Body: d.Body,
		}},
	}
}
