package trigger

import (
	"net"
	"strings"
)

// sameAddress says whether two gRPC targets lead to the same Service: with or without the dns
// scheme, "svc" and the cluster's domain. Anything else is compared as it is.
func sameAddress(a, b string) bool {
	a, b = canonicalAddress(a), canonicalAddress(b)
	return a != "" && a == b
}

// canonicalAddress returns "service.namespace:port" for the name of a Service.
func canonicalAddress(target string) string {
	target = strings.ToLower(strings.TrimSpace(target))
	for _, scheme := range []string{"dns:///", "passthrough:///", "dns:"} {
		if rest, found := strings.CutPrefix(target, scheme); found {
			target = rest
			break
		}
	}
	host, port, err := net.SplitHostPort(target)
	if err != nil {
		return target
	}
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	if len(labels) > 2 && labels[2] == "svc" {
		labels = labels[:2]
	}
	return net.JoinHostPort(strings.Join(labels, "."), port)
}
