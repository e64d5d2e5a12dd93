package pickerrelay

import (
	"context"
	"errors"
	"net"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/kedify/inference-gateway/internal/grpcserve"
	"github.com/kedify/inference-gateway/scaler/hold/places"
	"github.com/kedify/inference-gateway/xds/bootstrap"
	"github.com/kedify/inference-gateway/xds/translate"
)

const (
	// maxMessage is the largest message, in bytes. Envoy sends a body in pieces of what it buffers, 1 MiB by default.
	maxMessage = 32 << 20
	// window is how much of one request is on its way in each direction. That of a connection has room for many.
	window, connectionWindow = 256 << 10, 64 << 20
	// connections to Envoy, each served by one of its workers.
	connections = 8

	method  = "/envoy.service.ext_proc.v3.ExternalProcessor/Process"
	service = "envoy.service.ext_proc.v3.ExternalProcessor"
)

// Options of a Relay.
type Options struct {
	// Socket is where Envoy calls, Pickers where the relay calls Envoy to reach pickers: paths of Unix sockets.
	Socket, Pickers string
	Log             logr.Logger
}

// Relay serves one Envoy. It is safe for concurrent use.
type Relay struct {
	options Options
	log     logr.Logger
	memory  *places.Memory
	health  health
	clients []*grpc.ClientConn
	next    atomic.Uint32
}

// New returns a relay that does not serve yet.
func New(options Options) (*Relay, error) {
	r := &Relay{options: options, log: options.Log, memory: places.NewMemory()}
	for range connections {
		client, err := grpc.NewClient("passthrough:///pickers",
			grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, "unix", options.Pickers)
			}),
			grpc.WithInitialWindowSize(window), grpc.WithInitialConnWindowSize(connectionWindow),
			grpc.WithDisableServiceConfig(), grpc.WithDisableRetry(),
			grpc.WithDefaultCallOptions(grpc.ForceCodecV2(codec{}), grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage)),
		)
		if err != nil {
			r.close()
			return nil, err
		}
		r.clients = append(r.clients, client)
	}
	return r, nil
}

func (r *Relay) close() {
	for _, client := range r.clients {
		_ = client.Close()
	}
}

// Run serves until the context ends. Calls under way end then: the Envoy that made them is gone.
func (r *Relay) Run(ctx context.Context) error {
	defer r.close()
	if err := os.Remove(r.options.Socket); err != nil && !errors.Is(err, os.ErrNotExist) { // of a process before
		return err
	}
	accept, err := net.Listen("unix", r.options.Socket)
	if err != nil {
		return err
	}
	server := grpc.NewServer(
		grpc.ForceServerCodecV2(codec{}), grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage),
		grpc.InitialWindowSize(window), grpc.InitialConnWindowSize(connectionWindow),
	)
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: service, HandlerType: (*any)(nil),
		Streams: []grpc.StreamDesc{{StreamName: "Process", Handler: r.process, ServerStreams: true, ClientStreams: true}},
	}, r)
	return grpcserve.Run(ctx, server, accept, server.Stop)
}

// process serves one call of Envoy.
func (r *Relay) process(_ any, proxy grpc.ServerStream) error {
	c, outgoing, err := r.newCall(proxy)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(proxy.Context()) // of the call of the picker
	defer cancel()
	c.cancel = cancel
	go receive(proxy.Context(), proxy, c.fromProxy)
	if !r.health.ask(c.picker, time.Now()) {
		if done, err := c.giveUp(detailHangs); done || err != nil {
			return err
		}
		return c.run(proxy.Context())
	}
	go c.pickerSide().call(metadata.NewOutgoingContext(ctx, outgoing), r.client())
	return c.run(proxy.Context())
}

// newCall reads what the metadata of a call says, and returns the metadata that is for the picker.
func (r *Relay) newCall(proxy grpc.ServerStream) (c *call, outgoing metadata.MD, err error) {
	incoming, _ := metadata.FromIncomingContext(proxy.Context())
	milliseconds, err := strconv.ParseInt(first(incoming, translate.PickerTimeout), 10, 32)
	if err != nil || milliseconds <= 0 {
		return nil, nil, status.Errorf(codes.InvalidArgument, "%s is not a number of milliseconds", translate.PickerTimeout)
	}
	c = &call{
		relay: r, proxy: proxy, picker: first(incoming, ":authority"),
		limit: time.Duration(milliseconds) * time.Millisecond, failOpen: first(incoming, translate.PickerFailOpen) != "",
		fromProxy: make(chan message), fromPicker: make(chan message),
		toPicker: make(chan frame, maxPending), taken: make(chan struct{}, maxPending),
		clock: time.NewTimer(time.Hour), back: newReturned(),
	}
	c.clock.Stop()
	c.kept = kept{memory: r.memory, tenant: tenant(c.picker)}
	outgoing = metadata.MD{bootstrap.PickerHeader: {c.picker}}
	for key, values := range incoming {
		if !strings.HasPrefix(key, ":") && !transportKeys[key] {
			outgoing[key] = values
		}
	}
	return c, outgoing, nil
}

// transportKeys are metadata of the call itself, and what is for the relay.
var transportKeys = map[string]bool{
	"content-type": true, "te": true, "user-agent": true, "grpc-timeout": true, "grpc-encoding": true, "grpc-accept-encoding": true,
	"host": true, bootstrap.PickerHeader: true, translate.PickerTimeout: true, translate.PickerFailOpen: true,
}

func first(md metadata.MD, key string) string {
	if values := md.Get(key); len(values) > 0 {
		return values[0]
	}
	return ""
}

// tenant is the namespace of a picker, "picker/namespace/name/port".
func tenant(picker string) string {
	if parts := strings.SplitN(picker, "/", 3); len(parts) == 3 {
		return parts[1]
	}
	return picker
}

// client returns a connection to Envoy, each in its turn.
func (r *Relay) client() *grpc.ClientConn { return r.clients[r.next.Add(1)%connections] }

// pickerSide is what the goroutine shares with that of run which calls the picker.
type pickerSide struct {
	toPicker   <-chan frame
	taken      chan<- struct{}
	fromPicker chan<- message
}

func (c *call) pickerSide() pickerSide { return pickerSide{c.toPicker, c.taken, c.fromPicker} }

// call opens the call of the picker, and sends what there is for it.
func (p pickerSide) call(ctx context.Context, client *grpc.ClientConn) {
	stream, err := client.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method)
	if err != nil {
		deliver(ctx, p.fromPicker, message{err: err})
		return
	}
	go receive(ctx, stream, p.fromPicker)
	for {
		select {
		case f, more := <-p.toPicker:
			if !more {
				_ = stream.CloseSend()
				return
			}
			if stream.SendMsg(f) != nil {
				return // the reason is received
			}
			p.taken <- struct{}{}
		case <-ctx.Done():
			return
		}
	}
}

// receive hands over what a stream receives, and how it ends.
func receive(ctx context.Context, stream interface{ RecvMsg(any) error }, to chan<- message) {
	for {
		var m message
		m.err = stream.RecvMsg(&m.frame)
		if !deliver(ctx, to, m) || m.err != nil {
			return
		}
	}
}

func deliver(ctx context.Context, to chan<- message, m message) bool {
	select {
	case to <- m:
		return true
	case <-ctx.Done():
		return false
	}
}
