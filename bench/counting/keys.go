package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"github.com/kedify/inference-gateway/controllers/certs"
	"github.com/kedify/inference-gateway/xds/bootstrap"
	"github.com/kedify/inference-gateway/xds/server"
)

// keyring is a CA of the product for one run.
type keyring struct{ authority *certs.Authority }

func newKeyring() (keyring, error) {
	authority, err := certs.NewAuthority(certs.DefaultLifetimes, time.Now())
	return keyring{authority}, err
}

// client writes what the proxy of a gateway presents and trusts.
func (k keyring) client(gateway, directory string) error {
	made, err := k.authority.ClientCertificate(nil, server.Identity(gatewayKey(gateway), "u"), certs.DefaultLifetimes, time.Now())
	if err != nil {
		return err
	}
	for name, text := range made.Data {
		if err := os.WriteFile(filepath.Join(directory, name), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// server is mutual TLS as the xDS server does it, with a certificate for the name that every
// replica's has.
func (k keyring) server() (*tls.Config, error) {
	data, err := k.authority.Data()
	if err != nil {
		return nil, err
	}
	signer, err := tls.X509KeyPair(data["tls.crt"], data["tls.key"])
	if err != nil {
		return nil, err
	}
	parent, err := x509.ParseCertificate(signer.Certificate[0])
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{bootstrap.ReplicaName},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, parent, key.Public(), signer.PrivateKey)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: k.authority.Pool(), MinVersion: tls.VersionTLS13,
	}, nil
}
