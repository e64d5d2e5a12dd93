package request

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/kedify/inference-gateway/xds/ir/lookup"
)

// ErrRequest says that a request is not written as it has to be.
var ErrRequest = errors.New("not a request")

// Asked is a request to ask about.
type Asked struct {
	lookup.Request
	// URL as it was written; TLS: its scheme is https.
	URL string
	TLS bool
}

// Parse reads a request: a method, a URL with the schemes http or https, and headers such as "Name: value". A header Host replaces
// the host of the URL; the server name of a TLS connection is that of the URL.
func Parse(method, address string, headers []string) (Asked, error) {
	parsed, err := url.Parse(address)
	if err != nil {
		return Asked{}, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	asked := Asked{URL: address, TLS: parsed.Scheme == "https"}
	if parsed.Scheme != "http" && !asked.TLS || parsed.Host == "" {
		return Asked{}, fmt.Errorf("%w: %q is no URL such as https://shop.example.com/cart?item=1", ErrRequest, address)
	}
	if asked.Port, err = portOf(parsed); err != nil {
		return Asked{}, err
	}
	asked.Method, asked.Host = strings.ToUpper(method), parsed.Host
	if asked.Path = parsed.EscapedPath(); asked.Path == "" {
		asked.Path = "/"
	}
	if _, err := netip.ParseAddr(parsed.Hostname()); err != nil && asked.TLS {
		asked.ServerName = parsed.Hostname()
	}
	asked.Query = map[string]string{}
	for name, values := range parsed.Query() {
		asked.Query[name] = values[0]
	}
	return asked, asked.addHeaders(headers)
}

func portOf(parsed *url.URL) (uint32, error) {
	text := parsed.Port()
	switch {
	case text == "" && parsed.Scheme == "https":
		return 443, nil
	case text == "":
		return 80, nil
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		return 0, fmt.Errorf("%w: port %q is not between 1 and 65535", ErrRequest, text)
	}
	return uint32(port), nil
}

func (a *Asked) addHeaders(headers []string) error {
	a.Headers = map[string]string{}
	for _, header := range headers {
		name, value, found := strings.Cut(header, ":")
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		switch {
		case !found || name == "":
			return fmt.Errorf("%w: header %q is not written as Name: value", ErrRequest, header)
		case name == "host":
			a.Host = value
		case a.Headers[name] != "":
			a.Headers[name] += "," + value
		default:
			a.Headers[name] = value
		}
	}
	return nil
}
