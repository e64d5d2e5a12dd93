package certs

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
)

// FilesTLS returns the configuration of a server that has the Secret of a Delivery as files in a folder. It admits only
// clients with this identity, a URI. Each handshake reads the files, because the kubelet replaces them; handshakes
// fail while there are none.
func FilesTLS(folder, identity string) *tls.Config {
	admits := &serving{client: identity}
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2"},
		ClientAuth: tls.RequireAndVerifyClientCert,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			config, err := readFiles(folder)
			if err != nil { // the kubelet may have replaced them in between
				config, err = readFiles(folder)
			}
			if err != nil {
				return nil, err
			}
			config.VerifyConnection = admits.verifyClient
			return config, nil
		},
	}
}

// readFiles is the configuration that the files of a folder are for.
func readFiles(folder string) (*tls.Config, error) {
	file := func(name string) string { return filepath.Join(folder, name) }
	pair, err := tls.LoadX509KeyPair(file(corev1.TLSCertKey), file(corev1.TLSPrivateKeyKey))
	if err != nil {
		return nil, fmt.Errorf("read the serving certificate: %w", err)
	}
	bundle, err := os.ReadFile(file(corev1.ServiceAccountRootCAKey))
	if err != nil {
		return nil, fmt.Errorf("read the CA: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(bundle) {
		return nil, fmt.Errorf("read the CA: no certificate in %s", file(corev1.ServiceAccountRootCAKey))
	}
	return &tls.Config{
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"h2"},
		Certificates: []tls.Certificate{pair},
		ClientCAs:    pool,
		ClientAuth:   tls.RequireAndVerifyClientCert,
		// A resumed session would not look at the files of now.
		SessionTicketsDisabled: true,
	}, nil
}
