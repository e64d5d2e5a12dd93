package peers

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"sync"

	corev1 "k8s.io/api/core/v1"

	"github.com/kedify/inference-gateway/controllers/certs"
)

// Certificates signs client certificates; certs.Keeper is one.
type Certificates interface {
	ClientCertificate(existing map[string][]byte, identity string) (certs.Certificate, error)
}

// identity is the certificate that this replica presents to other replicas; it is kept in memory only.
// Each new connection reads it, so a new CA or a renewed certificate is in force from the next
// connection on. Open streams stay: both ends were verified, and the other replica may read the new CA
// up to half a minute later.
type identity struct {
	certificates Certificates
	as           string // URI name
	serverName   string

	mu      sync.Mutex
	data    map[string][]byte
	current *tls.Config
}

func (i *identity) config() (*tls.Config, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	wanted, err := i.certificates.ClientCertificate(i.data, i.as)
	if err != nil {
		return nil, fmt.Errorf("certificate of a replica: %w", err)
	}
	if i.current != nil && maps.EqualFunc(wanted.Data, i.data, bytes.Equal) {
		return i.current, nil
	}
	pair, err := tls.X509KeyPair(wanted.Data[corev1.TLSCertKey], wanted.Data[corev1.TLSPrivateKeyKey])
	if err != nil {
		return nil, fmt.Errorf("certificate of a replica: %w", err)
	}
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM(wanted.Data[corev1.ServiceAccountRootCAKey]) {
		return nil, errors.New("certificate of a replica: no CA came with it")
	}
	i.data = wanted.Data
	i.current = &tls.Config{
		MinVersion: tls.VersionTLS12, ServerName: i.serverName, RootCAs: trusted, Certificates: []tls.Certificate{pair},
	}
	return i.current, nil
}
