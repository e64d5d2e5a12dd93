package engines

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/kedify/inference-gateway/internal/contain"
	"github.com/kedify/inference-gateway/scaler/engines/exposition"
)

const (
	// readTime bounds a read, from the connection to the last byte. It is shorter than Interval.
	readTime = 1500 * time.Millisecond
	// maxHeader bounds the headers of an answer, in bytes.
	maxHeader = 16 << 10
)

// fetcher asks Pods for their metrics.
//
// Each read is one connection to the address of the Pod, one GET without credentials, cookies or a proxy, and one answer, which is not
// followed anywhere. Connections are not kept: their number is that of the slots, and one that is kept could lead to another Pod
// that has the address by now. Answers are not compressed, so that their bytes are those that are read.
type fetcher struct{ transport *http.Transport }

func newFetcher(dial func(context.Context, string, string) (net.Conn, error)) *fetcher {
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	return &fetcher{&http.Transport{
		DialContext: dial, DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: maxHeader,
		ReadBufferSize: 16 << 10,
	}}
}

// errPath says that a path is none. Triggers with such a path are refused.
var errPath = errors.New("the path of the metrics is no path")

// statusError is an answer other than 200.
type statusError int

// Error implements error.
func (s statusError) Error() string { return fmt.Sprintf("it answered with HTTP status %d", int(s)) }

// read asks one Pod, and returns how many bytes it answered. An answer on which the reader of its text panics is none.
func (f *fetcher) read(ctx context.Context, t *target) (numbers exposition.Numbers, size int64, err error) {
	if panicked := contain.Do(func() { numbers, size, err = f.ask(ctx, t) }); panicked != nil {
		return exposition.Numbers{}, exposition.MaxBytes, panicked
	}
	return numbers, size, err
}

func (f *fetcher) ask(ctx context.Context, t *target) (numbers exposition.Numbers, size int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	from, err := address(t)
	if err != nil {
		return numbers, 0, err
	}
	request := (&http.Request{
		Method: http.MethodGet, URL: from, Host: from.Host,
		Header: http.Header{"Accept": {"text/plain;version=0.0.4"}, "User-Agent": {"kedify-gateway"}},
	}).WithContext(ctx)
	answer, err := f.transport.RoundTrip(request)
	if err != nil {
		return numbers, 0, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return numbers, 0, statusError(answer.StatusCode)
	}
	body := &counted{Reader: answer.Body}
	numbers, err = exposition.Read(body, t.engine)
	return numbers, body.bytes, err
}

// address is where the metrics of a target are: its path cannot change the host.
func address(t *target) (*url.URL, error) {
	if !strings.HasPrefix(t.path, "/") {
		return nil, errPath
	}
	from, err := url.ParseRequestURI(t.path)
	if err != nil || from.Host != "" {
		return nil, errPath
	}
	from.Scheme, from.Host = "http", t.pod.Address.String()
	return from, nil
}

// counted counts the bytes that are read.
type counted struct {
	io.Reader
	bytes int64
}

// Read implements io.Reader.
func (c *counted) Read(into []byte) (int, error) {
	n, err := c.Reader.Read(into)
	c.bytes += int64(n)
	return n, err
}

// reasonOf says in words of our own why a read failed; empty: it did not. Errors of a connection may have what a Pod wrote.
func reasonOf(err error) string {
	var status statusError
	var dial *net.OpError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &status):
		return status.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return "it did not answer within " + readTime.String()
	case errors.As(err, &dial) && dial.Op == "dial":
		return "it takes no connection"
	}
	for _, known := range []error{
		errPath, exposition.ErrTooLong, exposition.ErrTooMany, exposition.ErrNoText, exposition.ErrNoNumbers,
		exposition.ErrNotInForce, exposition.ErrNoAmount,
	} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return "its answer was cut off, or is no HTTP"
}
