package peers

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const (
	// lookInterval is how often replicas are looked for, in a cache.
	lookInterval = time.Second
	// firstWord is how long a replica may take for its first envelope.
	firstWord = 5 * time.Second
	// retryFirst and retryLast bound the time between two attempts at a replica.
	retryFirst, retryLast = 100 * time.Millisecond, 2 * time.Second
	// maxMessage bounds an envelope in bytes: a gateway with two listeners takes about 400.
	maxMessage = 64 << 20
)

// errSelf says that an address is that of this replica.
var errSelf = errors.New("the replica is this one")

// callers has a goroutine for each peer. Its own goroutine is that of Exchange.Run.
type callers struct {
	exchange *Exchange
	running  map[string]context.CancelFunc
	ends     sync.WaitGroup
}

// follow starts and ends callers, so that there is one per address.
func (c *callers) follow(ctx context.Context, addresses []string) {
	for address, cancel := range c.running {
		if !slices.Contains(addresses, address) {
			cancel()
			delete(c.running, address)
		}
	}
	for _, address := range addresses {
		if _, known := c.running[address]; known {
			continue
		}
		calling, cancel := context.WithCancel(ctx)
		c.running[address] = cancel
		c.ends.Go(func() { c.exchange.call(calling, address) })
	}
}

// wait ends all callers.
func (c *callers) wait() {
	for _, cancel := range c.running {
		cancel()
	}
	c.ends.Wait()
}

// call follows one peer until the context ends.
func (e *Exchange) call(ctx context.Context, address string) {
	log := e.options.Log.WithValues("address", address)
	pause := retryFirst
	for {
		heard, err := e.listen(ctx, address)
		e.view.lose(address)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, errSelf) {
			log.V(1).Info("Skipped an address: it is this replica's")
			return
		}
		e.options.Metrics.failures.Inc()
		log.V(1).Info("Lost the stream of a peer replica", "reason", err.Error())
		if heard {
			pause = retryFirst
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause/2 + rand.N(pause/2)):
		}
		pause = min(2*pause, retryLast)
	}
}

// listen reads one stream of a peer until the stream ends, and reports whether the peer spoke.
// Each stream has a connection of its own, so that certificates are those of now.
func (e *Exchange) listen(ctx context.Context, address string) (heard bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	silent := time.AfterFunc(firstWord, cancel)
	defer silent.Stop()
	connection, err := e.dial(address)
	if err != nil {
		return false, err
	}
	defer connection.Close()
	stream, err := e.subscribe(ctx, connection)
	if err != nil {
		return false, err
	}
	for {
		message := &wrapperspb.BytesValue{}
		if err := stream.RecvMsg(message); err != nil {
			return heard, err
		}
		said, err := open(message)
		switch {
		case err != nil:
			return heard, err
		case said.Replica == e.options.Replica:
			return heard, errSelf
		case heard:
			e.view.change(address, said)
			e.merge(said)
			continue
		}
		silent.Stop()
		heard = true
		e.view.replace(address, said)
		e.merge(said)
		defer e.lost(said.Replica)
		e.options.Metrics.connected.Inc()
		defer e.options.Metrics.connected.Dec()
		e.options.Log.Info("Connected to peer replica", "replica", said.Replica, "address", address)
	}
}

func (e *Exchange) subscribe(ctx context.Context, connection *grpc.ClientConn) (grpc.ClientStream, error) {
	stream, err := connection.NewStream(ctx, &service.Streams[0], "/"+serviceName+"/"+methodName)
	if err != nil {
		return nil, err
	}
	hello, err := envelope{Replica: e.options.Replica}.message()
	if err != nil {
		return nil, err
	}
	if err := stream.SendMsg(hello); err != nil {
		return nil, err
	}
	return stream, stream.CloseSend()
}

func (e *Exchange) dial(address string) (*grpc.ClientConn, error) {
	config, err := e.identity.config()
	if err != nil {
		return nil, err
	}
	return grpc.NewClient("passthrough:///"+address,
		grpc.WithTransportCredentials(credentials.NewTLS(config)),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: backoff.DefaultConfig, MinConnectTimeout: firstWord}),
		// A node that vanished ends no connection: pings find out within 13 s.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 3 * time.Second}),
		grpc.WithDisableServiceConfig(), grpc.WithNoProxy(),
	)
}
