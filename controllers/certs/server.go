package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// ErrIdentity says that a client has a certificate of the CA, with another identity than the server admits.
var ErrIdentity = errors.New("the client certificate has another identity")

// ServerTLS returns the configuration of a server of the product: it shows a certificate for
// the DNS names that this replica makes in memory and renews by itself, and admits only clients
// that the CA of now, or one that it replaced, has signed for. The identity of the client is in
// its URI names, which the server judges.
//
// Handshakes fail with ErrNotLoaded until the Keeper has the CA.
func (k *Keeper) ServerTLS(names ...string) *tls.Config {
	return k.serve(&serving{keeper: k, names: slices.Clone(names)})
}

// ServerTLSFor is ServerTLS for a server with one kind of client: it checks the identity
// of the client, a URI, and refuses certificates of the CA with another one.
func (k *Keeper) ServerTLSFor(identity string, names ...string) *tls.Config {
	return k.serve(&serving{keeper: k, names: slices.Clone(names), client: identity})
}

func (k *Keeper) serve(serving *serving) *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		Time:               k.options.Clock.Now,
		NextProtos:         []string{"h2"},
		ClientAuth:         tls.RequireAndVerifyClientCert,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return serving.config() },
	}
}

// ServingExpiry returns when the certificate ends that a server with a configuration of ServerTLS would show now.
func ServingExpiry(server *tls.Config) (time.Time, error) {
	current, err := server.GetConfigForClient(nil)
	if err != nil {
		return time.Time{}, err
	}
	return current.Certificates[0].Leaf.NotAfter, nil
}

// serving is the certificate of one server, made when it is first needed and again when it
// gets old or the CA changes.
type serving struct {
	keeper *Keeper
	names  []string
	client string // the only identity that is admitted; empty: any

	mu        sync.Mutex
	authority *Authority
	leaf      *x509.Certificate
	current   *tls.Config
}

func (s *serving) config() (*tls.Config, error) {
	authority, err := s.keeper.Authority()
	if err != nil {
		return nil, err
	}
	options := s.keeper.options
	now := options.Clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.authority == authority && now.Before(renewal(s.leaf)) && !now.Before(s.leaf.NotBefore) {
		return s.current, nil
	}
	made, err := authority.issue(leaf{names: s.names, usage: x509.ExtKeyUsageServerAuth}, options.Lifetimes, now)
	if err != nil {
		return nil, fmt.Errorf("make the serving certificate: %w", err)
	}
	s.authority, s.leaf = authority, made.certificate
	s.current = &tls.Config{
		MinVersion: tls.VersionTLS12,
		Time:       options.Clock.Now,
		NextProtos: []string{"h2"},
		Certificates: []tls.Certificate{{
			Certificate: [][]byte{made.certificate.Raw}, PrivateKey: made.key, Leaf: made.certificate,
		}},
		ClientCAs:        authority.Pool(),
		ClientAuth:       tls.RequireAndVerifyClientCert,
		VerifyConnection: s.verifyClient,
		// A resumed session would not look at the bundle of now.
		SessionTicketsDisabled: true,
	}
	return s.current, nil
}

// verifyClient judges a client whose certificate has been verified.
func (s *serving) verifyClient(state tls.ConnectionState) error {
	if s.client == "" {
		return nil
	}
	if uris := identities(state.PeerCertificates[0]); !slices.Equal(uris, []string{s.client}) {
		return fmt.Errorf("%w: it is for %v, not for %s", ErrIdentity, uris, s.client)
	}
	return nil
}
