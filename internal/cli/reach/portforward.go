package reach

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/streaming/pkg/httpstream"
)

// maxComplaint bounds what a kubelet says about a connection that failed, in bytes.
const maxComplaint = 4096

// dialPod connects to a port of the loopback of a Pod. Nothing listens on this machine for it, as with `kubectl port-forward`:
// another user of the machine could read all tenants there.
func (c *Cluster) dialPod(ctx context.Context, pod types.NamespacedName, port int) (net.Conn, error) {
	dialer, err := c.dialer(pod)
	if err != nil {
		return nil, err
	}
	stream, _, err := dialer.Dial(portforward.PortForwardProtocolV1Name)
	if err != nil {
		return nil, fmt.Errorf("forward to port %d of Pod %s: %w", port, pod, err)
	}
	forwarded, err := newForwarded(stream, port)
	if err != nil {
		stream.Close()
		return nil, fmt.Errorf("forward to port %d of Pod %s: %w", port, pod, err)
	}
	context.AfterFunc(ctx, func() { forwarded.Close() })
	return forwarded, nil
}

// dialer speaks SPDY over WebSockets, and SPDY alone to API servers or balancers that take no WebSockets.
func (c *Cluster) dialer(pod types.NamespacedName) (httpstream.Dialer, error) {
	url := c.Core.CoreV1().RESTClient().Post().Resource("pods").Namespace(pod.Namespace).Name(pod.Name).SubResource("portforward").URL()
	transport, upgrader, err := spdy.RoundTripperFor(c.Config)
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	sockets, err := portforward.NewSPDYOverWebsocketDialerForStreaming(url, c.Config)
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	plain := spdy.NewDialerForStreaming(upgrader, &http.Client{Transport: transport}, http.MethodPost, url)
	return portforward.NewFallbackDialerForStreaming(sockets, plain, takesNoWebSockets), nil
}

// takesNoWebSockets reports whether an API server, or a proxy before it, does not speak WebSockets.
func takesNoWebSockets(err error) bool {
	return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
}

// forwarded is a net.Conn on the two streams of one forwarded connection.
type forwarded struct {
	connection httpstream.Connection
	data       httpstream.Stream
	// complaint is what the kubelet says when the connection to the port fails; it is sent once.
	complaint chan error
	once      sync.Once
}

func newForwarded(connection httpstream.Connection, port int) (*forwarded, error) {
	headers := http.Header{}
	headers.Set(corev1.PortHeader, strconv.Itoa(port))
	headers.Set(corev1.PortForwardRequestIDHeader, "0")
	headers.Set(corev1.StreamType, corev1.StreamTypeError)
	failures, err := connection.CreateStream(headers)
	if err != nil {
		return nil, err
	}
	failures.Close() // nothing is written to it
	headers.Set(corev1.StreamType, corev1.StreamTypeData)
	data, err := connection.CreateStream(headers)
	if err != nil {
		return nil, err
	}
	f := &forwarded{connection: connection, data: data, complaint: make(chan error, 1)}
	go func() {
		text, err := io.ReadAll(io.LimitReader(failures, maxComplaint))
		if err == nil && len(text) > 0 {
			err = errors.New(string(text))
		}
		f.complaint <- err
		if err != nil {
			f.Close()
		}
	}()
	return f, nil
}

// Read implements net.Conn.
func (f *forwarded) Read(p []byte) (int, error) {
	n, err := f.data.Read(p)
	if err == nil || n > 0 {
		return n, err
	}
	select {
	case complaint := <-f.complaint:
		f.complaint <- complaint
		if complaint != nil {
			return n, complaint
		}
	default:
	}
	return n, err
}

// Write implements net.Conn.
func (f *forwarded) Write(p []byte) (int, error) { return f.data.Write(p) }

// Close implements net.Conn.
func (f *forwarded) Close() (err error) {
	f.once.Do(func() { err = f.connection.Close() })
	return err
}

// LocalAddr and the others implement net.Conn. The context of the dial ends what lasts too long.
func (f *forwarded) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (f *forwarded) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (f *forwarded) SetDeadline(time.Time) error      { return nil }
func (f *forwarded) SetReadDeadline(time.Time) error  { return nil }
func (f *forwarded) SetWriteDeadline(time.Time) error { return nil }
