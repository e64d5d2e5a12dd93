package envoyadmin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"
)

const (
	// Socket is where Envoy's admin interface listens in the Pods of Gateways.
	Socket = "/run/kedify/admin.sock"
	// timeout bounds one question to Envoy; its main thread may be busy.
	timeout = 5 * time.Second
	// MaxAnswer bounds an answer, in bytes.
	MaxAnswer = 256 << 20
)

// ErrGone says that the admin socket does not answer any more.
var ErrGone = errors.New("envoy has exited")

// Client asks one Envoy.
type Client struct{ http *http.Client }

// New returns a Client for a socket.
func New(socket string) *Client {
	dialer := &net.Dialer{}
	return &Client{http: &http.Client{
		Timeout: timeout,
		Transport: &http.Transport{
			DisableKeepAlives: true, // an idle connection would outlive Envoy
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return dialer.DialContext(ctx, "unix", socket)
			},
		},
	}}
}

// Ask sends one request to the admin interface. Without a listener the error is ErrGone or fs.ErrNotExist.
func (c *Client) Ask(ctx context.Context, method, path string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://envoy"+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := c.http.Do(request)
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) {
		return nil, ErrGone
	}
	if err != nil {
		return nil, fmt.Errorf("admin interface of Envoy: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, MaxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("admin interface of Envoy: %w", err)
	}
	if len(body) > MaxAnswer {
		return nil, fmt.Errorf("admin interface of Envoy: %s answered more than %d bytes", path, MaxAnswer)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("admin interface of Envoy: %s answered %s: %s", path, response.Status, body)
	}
	return body, nil
}
