package ir

import "time"

// Client is what a chain of HTTP believes and takes of its clients. The zero value believes the connection alone and has
// the limits of the product. Not more than one of TrustedHops and TrustedCIDRs is set.
type Client struct {
	// TrustedHops is the number of proxies before this one; each connection is that of the last of them.
	TrustedHops uint32
	// TrustedCIDRs are the addresses of proxies, masked, sorted and each once ("10.0.0.0/8").
	TrustedCIDRs []string
	// MaxHeaderKiB and MaxHeaders limit the headers of a request, MaxBodyBytes its body; zero: as the product has it.
	MaxHeaderKiB, MaxHeaders uint32
	MaxModelBody             uint64 // bytes of a body that is read for its model (Host.ModelBody)
	MaxBodyBytes             uint64
	// HeadersTimeout is how long the headers of a request may take, IdleTimeout how long a connection is without a
	// request; zero: as the product has it.
	HeadersTimeout, IdleTimeout time.Duration
}

// Trusting reports whether the headers of proxies are believed.
func (c Client) Trusting() bool { return c.TrustedHops > 0 || len(c.TrustedCIDRs) > 0 }

// ProxyProtocol says whether connections begin with a PROXY header.
type ProxyProtocol string

const (
	NoProxyProtocol       ProxyProtocol = ""
	RequiredProxyProtocol ProxyProtocol = "required"
	OptionalProxyProtocol ProxyProtocol = "optional"
)
