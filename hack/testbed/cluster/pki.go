package cluster

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"
)

// Every `up` makes new authorities and certificates: it takes milliseconds,
// and no key outlives its cluster.

// authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

// leaf is one certificate to make; its name is the file name.
type leaf struct {
	name   string
	user   string
	groups []string
	names  []string
	ips    []string
	server bool
}

// clusterLeaves are signed by the cluster's authority.
func clusterLeaves(l Layout) []leaf {
	at := l.addresses()
	return []leaf{
		{name: "apiserver", user: "kube-apiserver", server: true,
			names: []string{
				"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc." + ClusterDomain, "localhost", NodeName,
			},
			ips: []string{at.node, at.api, "127.0.0.1"}},
		{name: "kubelet-server", user: "system:node:" + NodeName, server: true,
			names: []string{NodeName}, ips: []string{at.node, "127.0.0.1"}},
		{name: "admin", user: "testbed-admin", groups: []string{"system:masters"}},
		{name: "apiserver-kubelet-client", user: "kube-apiserver-kubelet-client", groups: []string{"system:masters"}},
		{name: "controller-manager", user: "system:kube-controller-manager"},
		{name: "scheduler", user: "system:kube-scheduler"},
		{name: "proxy", user: "system:kube-proxy"},
		{name: "kubelet", user: "system:node:" + NodeName, groups: []string{"system:nodes"}},
		{name: "load-balancer", user: "testbed-load-balancer", groups: []string{"system:masters"}},
	}
}

// frontProxyLeaf identifies the API server to extension API servers. It has
// an authority of its own, or any client certificate could pose as it.
var frontProxyLeaf = leaf{name: "front-proxy-client", user: "front-proxy-client"}

// writePKI makes all keys and certificates of a cluster.
func writePKI(l Layout) error {
	ca, err := newAuthority(l, "ca")
	if err != nil {
		return err
	}
	for _, leaf := range clusterLeaves(l) {
		if err := ca.issue(l, leaf); err != nil {
			return err
		}
	}
	frontProxy, err := newAuthority(l, "front-proxy-ca")
	if err != nil {
		return err
	}
	if err := frontProxy.issue(l, frontProxyLeaf); err != nil {
		return err
	}
	return writeServiceAccountKey(l)
}

func newAuthority(l Layout, name string) (authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return authority{}, err
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "testbed-" + name},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	certificate, err := sign(l, name, template, authority{template, key}, key)
	return authority{certificate, key}, err
}

func (a authority) issue(l Layout, leaf leaf) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: leaf.user, Organization: leaf.groups},
		DNSNames:    leaf.names,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if leaf.server {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	}
	for _, ip := range leaf.ips {
		template.IPAddresses = append(template.IPAddresses, net.ParseIP(ip))
	}
	_, err = sign(l, leaf.name, template, a, key)
	return err
}

// sign completes the template and writes NAME.crt and NAME.key.
func sign(l Layout, name string, template *x509.Certificate, by authority, key *ecdsa.PrivateKey) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	template.NotBefore = time.Now().Add(-time.Hour)
	template.NotAfter = time.Now().Add(365 * 24 * time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, template, by.certificate, key.Public(), by.key)
	if err != nil {
		return nil, fmt.Errorf("sign %s: %w", name, err)
	}
	if err := writePEM(l.pki(name+".crt"), "CERTIFICATE", der, 0o644); err != nil {
		return nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	if err := writePEM(l.pki(name+".key"), "PRIVATE KEY", keyDER, 0o600); err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// writeServiceAccountKey makes the pair that signs and checks tokens.
func writeServiceAccountKey(l Layout) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	if err := writePEM(l.pki("service-account.key"), "PRIVATE KEY", private, 0o600); err != nil {
		return err
	}
	return writePEM(l.pki("service-account.pub"), "PUBLIC KEY", public, 0o644)
}

func writePEM(path, kind string, der []byte, mode os.FileMode) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode)
}
