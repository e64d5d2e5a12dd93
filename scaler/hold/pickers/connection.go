package pickers

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/kedify/inference-gateway/xds/ir"
)

const (
	// maxAnswer is the largest message that is read, maxHeaders the largest headers, in bytes.
	maxAnswer  = 64 << 10
	maxHeaders = 16 << 10

	userAgent = "kedify-gateway"
)

// connections are open as long as a question uses them. Its zero value is ready for use.
type connections struct {
	mu    sync.Mutex
	byKey map[string]*connection
}

// connection is one picker, as proxies connect to it.
type connection struct {
	key    string
	users  int // guarded by connections.mu
	client *grpc.ClientConn
	// unreached: the last attempt to connect got no answer in time.
	unreached atomic.Bool
}

// open returns the connection to a picker. The caller releases it.
func (c *connections) open(picker ir.Endpoint, q *Question) (*connection, error) {
	key := picker.String() + " " + q.Authority
	if q.TLS != nil {
		key += fmt.Sprintf(" %+v %x", *q.TLS, sha256.Sum256(q.CA))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	found := c.byKey[key]
	if found == nil {
		var err error
		if found, err = dial(picker, q); err != nil {
			return nil, err
		}
		found.key = key
		if c.byKey == nil {
			c.byKey = map[string]*connection{}
		}
		c.byKey[key] = found
	}
	found.users++
	return found, nil
}

// release closes a connection that nothing uses any more.
func (c *connections) release(connection *connection) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if connection.users--; connection.users == 0 {
		delete(c.byKey, connection.key)
		_ = connection.client.Close()
	}
}

func dial(picker ir.Endpoint, q *Question) (*connection, error) {
	secured := insecure.NewCredentials()
	if q.TLS != nil {
		config, err := tlsConfig(q.TLS, q.CA)
		if err != nil {
			return nil, err
		}
		if config.ServerName == "" {
			config.ServerName = picker.Address // an address is not sent, and the authority would be
		}
		secured = unnamed{credentials.NewTLS(config)}
	}
	made := &connection{}
	client, err := grpc.NewClient("passthrough:///"+picker.String(),
		grpc.WithTransportCredentials(secured),
		grpc.WithAuthority(q.Authority),
		grpc.WithContextDialer(made.connect),
		grpc.WithUserAgent(userAgent),
		grpc.WithMaxHeaderListSize(maxHeaders),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxAnswer)),
		// A picker that begins to listen is met soon: it is waited for.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: pause, Multiplier: 2, MaxDelay: maxPause},
			MinConnectTimeout: 2 * connectTimeout,
		}),
		grpc.WithDisableServiceConfig(),
	)
	if err != nil {
		return nil, err
	}
	made.client = client
	return made, nil
}

// unnamed lets the authority of calls differ from the server name, as it does for proxies.
type unnamed struct {
	credentials.TransportCredentials
}

// Info says no name.
func (u unnamed) Info() credentials.ProtocolInfo {
	info := u.TransportCredentials.Info()
	info.ServerName = "" //nolint:staticcheck // deprecated, and gRPC still compares it with the authority
	return info
}

// Clone keeps it so.
func (u unnamed) Clone() credentials.TransportCredentials {
	return unnamed{u.TransportCredentials.Clone()}
}

// connect dials, without a proxy of the environment, and notes whether the address answers.
func (c *connection) connect(ctx context.Context, address string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: connectTimeout, KeepAlive: -1}
	made, err := dialer.DialContext(ctx, "tcp", address)
	c.unreached.Store(isTimeout(err))
	return made, err
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}
