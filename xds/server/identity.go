package server

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
)

// trustDomain is the authority of the identities of proxies (SPIFFE ID, section 2).
const trustDomain = "kedify-gateway"

// ReplicaIdentity is the URI SAN of the client certificate with which replicas of the control
// plane call each other. It names no gateway, so it opens no ADS stream.
const ReplicaIdentity = "spiffe://" + trustDomain + "/replica"

// KEDAIdentity is the URI SAN of the client certificate with which KEDA calls its external scaler.
// It names no gateway either.
const KEDAIdentity = "spiffe://" + trustDomain + "/keda"

// ErrNoReplica says that a peer is not a replica of the control plane.
var ErrNoReplica = errors.New("peer has no verified identity of a replica")

// ErrNoIdentity says that a peer proved no identity of a gateway.
var ErrNoIdentity = errors.New("peer has no verified identity of a gateway")

// GatewayIdentity is one Gateway object: another one of its name is not the same.
type GatewayIdentity struct {
	Gateway types.NamespacedName
	UID     types.UID
}

// Identity returns the URI SAN of the client certificate of a gateway's proxies:
// spiffe://kedify-gateway/ns/<namespace>/gateway/<name>/uid/<uid>.
func Identity(gateway types.NamespacedName, uid types.UID) string {
	return "spiffe://" + trustDomain + "/ns/" + gateway.Namespace + "/gateway/" + gateway.Name + "/uid/" + string(uid)
}

// ParseIdentity is the inverse of Identity. It accepts nothing that Identity would not
// return.
func ParseIdentity(uri string) (GatewayIdentity, error) {
	parts := strings.Split(strings.TrimPrefix(uri, "spiffe://"+trustDomain+"/"), "/")
	if len(parts) != 6 || parts[0] != "ns" || parts[2] != "gateway" || parts[4] != "uid" {
		return GatewayIdentity{}, fmt.Errorf("%q is no identity of a gateway", uri)
	}
	found := GatewayIdentity{Gateway: types.NamespacedName{Namespace: parts[1], Name: parts[3]}, UID: types.UID(parts[5])}
	if parts[1] == "" || parts[3] == "" || parts[5] == "" || Identity(found.Gateway, found.UID) != uri {
		return GatewayIdentity{}, fmt.Errorf("%q is no identity of a gateway", uri)
	}
	return found, nil
}

// PeerGateway returns the gateway that the client certificate of a connection names, for any
// service on the server. Without TLS it returns ErrNoIdentity.
func PeerGateway(ctx context.Context) (types.NamespacedName, error) {
	found, err := peerIdentity(ctx)
	return found.Gateway, err
}

func peerIdentity(ctx context.Context) (GatewayIdentity, error) {
	certificate, ok := peerCertificate(ctx)
	if !ok {
		return GatewayIdentity{}, ErrNoIdentity
	}
	return certificateGateway(certificate)
}

// PeerReplica returns nil when the client certificate of a connection is that of a replica of
// the control plane, and ErrNoReplica otherwise, always without TLS.
func PeerReplica(ctx context.Context) error {
	certificate, ok := peerCertificate(ctx)
	if !ok || len(certificate.URIs) != 1 || certificate.URIs[0].String() != ReplicaIdentity {
		return ErrNoReplica
	}
	return nil
}

// peerCertificate returns the client certificate of a connection; false: none was verified.
func peerCertificate(ctx context.Context) (*x509.Certificate, bool) {
	from, ok := peer.FromContext(ctx)
	if !ok {
		return nil, false
	}
	info, ok := from.AuthInfo.(credentials.TLSInfo)
	if !ok || len(info.State.VerifiedChains) == 0 || len(info.State.PeerCertificates) == 0 {
		return nil, false
	}
	return info.State.PeerCertificates[0], true
}

// certificateGateway reads the identity of a certificate; exactly one URI SAN is allowed
// (X.509-SVID, section 2).
func certificateGateway(certificate *x509.Certificate) (GatewayIdentity, error) {
	if len(certificate.URIs) != 1 {
		return GatewayIdentity{}, fmt.Errorf("%w: the certificate has %d URI names, not one", ErrNoIdentity, len(certificate.URIs))
	}
	return parseURI(certificate.URIs[0])
}

func parseURI(uri *url.URL) (GatewayIdentity, error) {
	found, err := ParseIdentity(uri.String())
	if err != nil {
		return GatewayIdentity{}, fmt.Errorf("%w: %w", ErrNoIdentity, err)
	}
	return found, nil
}

// parseCluster reads the gateway out of a node's cluster, "namespace/name".
func parseCluster(cluster string) (types.NamespacedName, error) {
	namespace, name, ok := strings.Cut(cluster, "/")
	if !ok || namespace == "" || name == "" || strings.Contains(name, "/") {
		return types.NamespacedName{}, fmt.Errorf("node cluster %q does not name a gateway as namespace/name", cluster)
	}
	return types.NamespacedName{Namespace: namespace, Name: name}, nil
}
