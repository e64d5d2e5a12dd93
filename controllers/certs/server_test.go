package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

const serverName = "kedify-gateway.kedify-system.svc"

// handshake connects a client to a server over a pipe and returns what the server presented,
// or the error of the side that refused.
func handshake(server *tls.Config, client *tls.Config) (*x509.Certificate, error) {
	near, far := net.Pipe()
	defer near.Close()
	refused := make(chan error, 1)
	go func() {
		defer far.Close()
		conn := tls.Server(far, server)
		err := conn.Handshake()
		if err == nil {
			_, err = conn.Write([]byte("x")) // TLS 1.3 clients learn of a refusal from a read
		}
		refused <- err
	}()
	conn := tls.Client(near, client)
	_, err := conn.Read(make([]byte, 1))
	if err != nil {
		near.Close()
		if serverErr := <-refused; serverErr != nil {
			return nil, serverErr
		}
		return nil, err
	}
	if err := <-refused; err != nil {
		return nil, err
	}
	return conn.ConnectionState().PeerCertificates[0], nil
}

// envoy is a client as an Envoy is one: it has what stands in its Secret.
func envoy(t *testing.T, certificate Certificate, now time.Time) *tls.Config {
	t.Helper()
	config := &tls.Config{ServerName: serverName, RootCAs: x509.NewCertPool(), Time: func() time.Time { return now }}
	config.RootCAs.AppendCertsFromPEM(certificate.Data[corev1.ServiceAccountRootCAKey])
	if len(certificate.Data[corev1.TLSCertKey]) > 0 {
		pair, err := tls.X509KeyPair(certificate.Data[corev1.TLSCertKey], certificate.Data[corev1.TLSPrivateKeyKey])
		if err != nil {
			t.Fatal(err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config
}

func TestServerTLS(t *testing.T) {
	clock := clocktesting.NewFakeClock(epoch)
	k := keeper(fake.NewClientBuilder().Build(), clock)
	server := k.ServerTLS(serverName)
	if _, err := handshake(server, &tls.Config{InsecureSkipVerify: true}); !errors.Is(err, ErrNotLoaded) {
		t.Fatalf("before the CA is loaded: %v", err)
	}
	authority := loaded(t, k)
	good := clientCertificate(t, authority, nil, epoch)
	foreign := clientCertificate(t, newAuthority(t, epoch), nil, epoch)
	foreign.Data[corev1.ServiceAccountRootCAKey] = authority.Bundle()
	tests := map[string]struct {
		client Certificate
		now    time.Time
		ok     bool
	}{
		"good":           {good, epoch, true},
		"none":           {Certificate{Data: map[string][]byte{corev1.ServiceAccountRootCAKey: authority.Bundle()}}, epoch, false},
		"of another CA":  {foreign, epoch, false},
		"expired":        {good, epoch.Add(DefaultLifetimes.Leaf + time.Minute), false},
		"not yet expiry": {good, epoch.Add(DefaultLifetimes.Leaf - time.Minute), true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			clock.SetTime(test.now)
			if _, err := handshake(server, envoy(t, test.client, test.now)); (err == nil) != test.ok {
				t.Errorf("handshake: %v", err)
			}
		})
	}
}

func TestServingCertificateIsRenewed(t *testing.T) {
	clock := clocktesting.NewFakeClock(epoch)
	k := keeper(fake.NewClientBuilder().Build(), clock)
	client := clientCertificate(t, loaded(t, k), nil, epoch)
	server := k.ServerTLS(serverName)
	show := func() *x509.Certificate {
		t.Helper()
		certificate, err := handshake(server, envoy(t, client, clock.Now()))
		if err != nil {
			t.Fatal(err)
		}
		return certificate
	}
	first := show()
	if !show().Equal(first) {
		t.Error("a new certificate for each connection")
	}
	clock.Step(DefaultLifetimes.Leaf*2/3 + time.Minute)
	if renewed := show(); renewed.Equal(first) || !renewed.NotAfter.After(first.NotAfter) {
		t.Error("not renewed at two thirds of its life")
	}
}

// A rotation of the CA as it happens: at every step the Envoys with the Secret of the step
// before, and those with the Secret of this step, connect to every replica.
func TestRotationKeepsEveryoneConnected(t *testing.T) {
	c := fake.NewClientBuilder().Build()
	clock := clocktesting.NewFakeClock(epoch.Add(DefaultLifetimes.CA * 2 / 3))
	seed, err := newAuthority(t, epoch).Secret("kedify-system", SecretName)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Create(context.Background(), seed); err != nil {
		t.Fatal(err)
	}
	leader, follower := keeper(c, clock), keeper(c, clock)
	secret := clientCertificate(t, loaded(t, leader), nil, clock.Now())
	loaded(t, follower)
	servers := map[string]*tls.Config{"leader": leader.ServerTLS(serverName), "follower": follower.ServerTLS(serverName)}
	connect := func(step string) {
		t.Helper()
		for name, server := range servers {
			if _, err := handshake(server, envoy(t, secret, clock.Now())); err != nil {
				t.Errorf("%s: %s refuses: %v", step, name, err)
			}
		}
	}
	for _, step := range []string{"announce", "promote"} {
		if err := leader.rotate(context.Background(), epoch); err != nil {
			t.Fatal(err)
		}
		connect(step + ", only the leader knows")
		authority := loaded(t, follower)
		connect(step + ", all replicas know")
		secret = clientCertificate(t, authority, secret.Data, clock.Now())
		connect(step + ", Envoy knows")
		clock.Step(DefaultLifetimes.Overlap)
	}
	if secret.Reason == "" {
		t.Error("the promotion did not reissue the client certificate")
	}
}
