package hold_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// client sends requests to an Envoy over keep-alive connections.
type client struct {
	http http.Client
	url  string
}

func newClient(t testing.TB, port uint32) *client {
	transport := &http.Transport{
		MaxIdleConnsPerHost: 256,
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &client{http: http.Client{Transport: transport, Timeout: 60 * time.Second}, url: fmt.Sprintf("http://127.0.0.1:%d", port)}
}

// answer is what a client got; status 0: nothing, and the reason is the body.
type answer struct {
	status int
	body   string
	header http.Header
	took   time.Duration
}

func (a answer) String() string {
	return fmt.Sprintf("%d %q after %s", a.status, a.body, a.took.Round(time.Millisecond))
}

// do sends a request with pairs of header names and values.
func (c *client) do(ctx context.Context, method, path, body string, headers ...string) answer {
	request, err := http.NewRequestWithContext(ctx, method, c.url+path, strings.NewReader(body))
	if err != nil {
		return answer{body: err.Error()}
	}
	request.Host = siteHost
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	return c.send(request)
}

// send sends a request.
func (c *client) send(request *http.Request) answer {
	begun := time.Now()
	response, err := c.http.Do(request)
	if err != nil {
		return answer{body: err.Error(), took: time.Since(begun)}
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{body: err.Error(), took: time.Since(begun)}
	}
	return answer{status: response.StatusCode, body: string(text), header: response.Header, took: time.Since(begun)}
}

// post sends a POST that the pods know by its id.
func (c *client) post(id string, body string) answer {
	return c.do(context.Background(), http.MethodPost, "/", body, "x-id", id)
}
