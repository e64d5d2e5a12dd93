package class

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"k8s.io/utils/ptr"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/xds/ir"
)

// Limits of spec.client that its schema has, too: values of the installation pass no schema.
const (
	maxTrustedHops  = 100
	maxTrustedCIDRs = 256
	maxHeaders      = 100_000
	maxHeaderKiB    = 8192 // Envoy's
	minTimeout      = time.Second
	minModelBody    = 64 << 10
	maxModelBody    = 64 << 20
)

// checkClient says why spec.client cannot be served.
func checkClient(client *v1alpha1.ClientParameters) error {
	if client == nil {
		return nil
	}
	if err := checkDetection(client.ClientIPDetection); err != nil {
		return err
	}
	if err := checkHeaderLimits(client.Headers); err != nil {
		return err
	}
	if limit := client.MaxRequestBodyLimit; limit != nil && limit.Sign() <= 0 {
		return fmt.Errorf("spec.client.maxRequestBodyLimit %s is not positive; remove it for no limit", limit)
	}
	if limit := client.MaxModelBodyLimit; limit != nil && (limit.Value() < minModelBody || limit.Value() > maxModelBody) {
		return fmt.Errorf("spec.client.maxModelBodyLimit %s is not between %dKi and %dMi", limit, minModelBody>>10, maxModelBody>>20)
	}
	if client.Timeout == nil || client.Timeout.HTTP == nil {
		return nil
	}
	const field = "spec.client.timeout.http."
	if limit := client.Timeout.HTTP.RequestHeadersReceivedTimeout; limit != nil && limit.Duration < minTimeout {
		return fmt.Errorf(field+"requestHeadersReceivedTimeout %s is less than %s", limit.Duration, minTimeout)
	}
	if limit := client.Timeout.HTTP.IdleTimeout; limit != nil && limit.Duration < minTimeout {
		return fmt.Errorf(field+"idleTimeout %s is less than %s", limit.Duration, minTimeout)
	}
	return nil
}

func checkDetection(detection *v1alpha1.ClientIPDetection) error {
	const field = "spec.client.clientIPDetection"
	if detection == nil {
		return nil
	}
	if (detection.XForwardedFor == nil) == (detection.DirectSourceIP == nil) {
		return fmt.Errorf("%s: set one of xForwardedFor and directSourceIP", field)
	}
	forwarded := detection.XForwardedFor
	if forwarded == nil {
		return nil
	}
	hops, ranges := forwarded.NumTrustedHops, forwarded.TrustedCIDRs
	switch {
	case (hops == nil) == (len(ranges) == 0):
		return fmt.Errorf("%s.xForwardedFor: set one of numTrustedHops and trustedCIDRs", field)
	case hops != nil && (*hops < 1 || *hops > maxTrustedHops):
		return fmt.Errorf("%s.xForwardedFor.numTrustedHops %d is not between 1 and %d", field, *hops, maxTrustedHops)
	case len(ranges) > maxTrustedCIDRs:
		return fmt.Errorf("%s.xForwardedFor.trustedCIDRs has %d entries, more than %d", field, len(ranges), maxTrustedCIDRs)
	}
	for i, text := range ranges {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return fmt.Errorf("%s.xForwardedFor.trustedCIDRs[%d] %q is no range of addresses; write it as 10.0.0.0/8 or 2001:db8::/32",
				field, i, text)
		}
		if prefix.Addr().Is4In6() {
			return fmt.Errorf("%s.xForwardedFor.trustedCIDRs[%d] %q is an IPv4 range in IPv6 form, which no connection has; "+
				"write it as IPv4", field, i, text)
		}
	}
	return nil
}

func checkHeaderLimits(headers *v1alpha1.ClientHeaders) error {
	if headers == nil {
		return nil
	}
	if limit := headers.MaxRequestHeaderLimit; limit != nil && (limit.Sign() <= 0 || limit.Value() > maxHeaderKiB<<10) {
		return fmt.Errorf("spec.client.headers.maxRequestHeaderLimit %s is not between 1 and %dKi", limit, maxHeaderKiB)
	}
	if count := headers.MaxRequestHeaders; count != nil && (*count < 1 || *count > maxHeaders) {
		return fmt.Errorf("spec.client.headers.maxRequestHeaders %d is not between 1 and %d", *count, maxHeaders)
	}
	return nil
}

// Client returns spec.client, which was checked when it was read, for the chains and the listeners of a Gateway.
func Client(spec *v1alpha1.ClientParameters) (ir.Client, ir.ProxyProtocol) {
	if spec == nil {
		return ir.Client{}, ir.NoProxyProtocol
	}
	var client ir.Client
	if detection := spec.ClientIPDetection; detection != nil && detection.XForwardedFor != nil {
		client.TrustedHops = ptr.Deref(detection.XForwardedFor.NumTrustedHops, 0)
		client.TrustedCIDRs = ranges(detection.XForwardedFor.TrustedCIDRs)
	}
	if headers := spec.Headers; headers != nil {
		if headers.MaxRequestHeaderLimit != nil {
			client.MaxHeaderKiB = uint32((headers.MaxRequestHeaderLimit.Value() + 1023) >> 10)
		}
		client.MaxHeaders = uint32(ptr.Deref(headers.MaxRequestHeaders, 0))
	}
	if spec.MaxRequestBodyLimit != nil {
		client.MaxBodyBytes = uint64(spec.MaxRequestBodyLimit.Value())
	}
	if spec.MaxModelBodyLimit != nil {
		client.MaxModelBody = uint64(spec.MaxModelBodyLimit.Value())
	}
	if timeout := spec.Timeout; timeout != nil && timeout.HTTP != nil {
		if limit := timeout.HTTP.RequestHeadersReceivedTimeout; limit != nil {
			client.HeadersTimeout = limit.Duration
		}
		if limit := timeout.HTTP.IdleTimeout; limit != nil {
			client.IdleTimeout = limit.Duration
		}
	}
	switch {
	case spec.ProxyProtocol == nil:
		return client, ir.NoProxyProtocol
	case ptr.Deref(spec.ProxyProtocol.Optional, false):
		return client, ir.OptionalProxyProtocol
	}
	return client, ir.RequiredProxyProtocol
}

// ranges brings ranges of addresses into one form: Envoy refuses a chain that has one twice.
func ranges(texts []string) (out []string) {
	for _, text := range texts {
		if prefix, err := netip.ParsePrefix(text); err == nil {
			out = append(out, prefix.Masked().String())
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
