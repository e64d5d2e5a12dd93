package server

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// ErrNoMetrics says that a peer proved no namespace that it may count for.
var ErrNoMetrics = errors.New("peer has no verified identity of a namespace that counts")

// metricsSuffix ends the identity of a namespace.
const metricsSuffix = "/metrics"

// MetricsIdentity is the URI SAN of the client certificate of the Envoys that users run in a namespace:
// spiffe://kedify-gateway/ns/<namespace>/metrics. It names no gateway, so it opens no ADS stream.
func MetricsIdentity(namespace string) string {
	return "spiffe://" + trustDomain + "/ns/" + namespace + metricsSuffix
}

// PeerMetrics returns the namespace that the client certificate of a connection may count for.
func PeerMetrics(ctx context.Context) (string, error) {
	certificate, ok := peerCertificate(ctx)
	if !ok {
		return "", ErrNoMetrics
	}
	if len(certificate.URIs) != 1 {
		return "", fmt.Errorf("%w: the certificate has %d URI names, not one", ErrNoMetrics, len(certificate.URIs))
	}
	uri := certificate.URIs[0].String()
	namespace := strings.TrimSuffix(strings.TrimPrefix(uri, "spiffe://"+trustDomain+"/ns/"), metricsSuffix)
	if namespace == "" || strings.Contains(namespace, "/") || MetricsIdentity(namespace) != uri {
		return "", fmt.Errorf("%w: %q is none", ErrNoMetrics, uri)
	}
	return namespace, nil
}
