package clients

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"testing"

	"google.golang.org/grpc"
)

// maxMessage is what gRPC takes, in bytes: its default.
const maxMessage = 4 << 20

// Backend is the application behind Services and pools: HTTP/1.1, HTTP/2 in cleartext and WebSocket on one
// port, gRPC on another.
type Backend struct {
	Web, RPC int
	gates    *gates
}

// StartBackend starts it; it ends with the test.
func StartBackend(t *testing.T) *Backend {
	t.Helper()
	b := &Backend{gates: newGates()}
	web, rpc := listen(t), listen(t)
	b.Web, b.RPC = portOf(t, web.Addr().String()), portOf(t, rpc.Addr().String())

	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Handler: b.handler(), Protocols: protocols}
	go func() { _ = server.Serve(web) }()
	remote := grpc.NewServer(grpc.ForceServerCodec(bytesCodec{}), grpc.MaxRecvMsgSize(maxMessage))
	b.register(remote)
	go func() { _ = remote.Serve(rpc) }()
	t.Cleanup(func() {
		remote.Stop()
		_ = server.Shutdown(context.Background())
	})
	return b
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

func portOf(t *testing.T, address string) int {
	t.Helper()
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return port
}
