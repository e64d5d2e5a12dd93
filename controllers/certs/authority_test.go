package certs

import (
	"crypto/x509"
	"errors"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

const gatewayIdentity = "spiffe://kedify-gateway/ns/shop/gateway/web"

var epoch = time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)

func newAuthority(t *testing.T, now time.Time) *Authority {
	t.Helper()
	authority, err := NewAuthority(DefaultLifetimes, now)
	if err != nil {
		t.Fatal(err)
	}
	return authority
}

func advance(t *testing.T, authority *Authority, now time.Time) *Authority {
	t.Helper()
	advanced, err := authority.Advance(DefaultLifetimes, now)
	if err != nil {
		t.Fatal(err)
	}
	return advanced
}

func clientCertificate(t *testing.T, authority *Authority, existing map[string][]byte, now time.Time) Certificate {
	t.Helper()
	made, err := authority.ClientCertificate(existing, gatewayIdentity, DefaultLifetimes, now)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// verify reports whether a server with the authority admits the client at that time.
func verify(authority *Authority, client Certificate, now time.Time) error {
	certificates, err := parseCertificates(client.Data[corev1.TLSCertKey])
	if err != nil {
		return err
	}
	_, err = certificates[0].Verify(x509.VerifyOptions{
		Roots: authority.Pool(), CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	return err
}

func TestAuthorityDataRoundTrip(t *testing.T) {
	authority := newAuthority(t, epoch)
	rotating := advance(t, authority, epoch.Add(DefaultLifetimes.CA*2/3))
	if rotating.next == nil {
		t.Fatal("no CA was announced")
	}
	rotated := advance(t, rotating, epoch.Add(DefaultLifetimes.CA*2/3+DefaultLifetimes.Overlap))
	for name, a := range map[string]*Authority{"new": authority, "announced": rotating, "rotated": rotated} {
		t.Run(name, func(t *testing.T) {
			data, err := a.Data()
			if err != nil {
				t.Fatal(err)
			}
			parsed, err := ParseAuthority(data)
			if err != nil {
				t.Fatal(err)
			}
			if !parsed.sameAs(a) || (parsed.next == nil) != (a.next == nil) {
				t.Error("the parsed authority differs from the written one")
			}
		})
	}
}

func TestParseAuthorityDamaged(t *testing.T) {
	good, err := newAuthority(t, epoch).Data()
	if err != nil {
		t.Fatal(err)
	}
	other, err := newAuthority(t, epoch).Data()
	if err != nil {
		t.Fatal(err)
	}
	leaf := clientCertificate(t, newAuthority(t, epoch), nil, epoch)
	tests := map[string]map[string][]byte{
		"empty":           {},
		"no key":          {corev1.TLSCertKey: good[corev1.TLSCertKey]},
		"foreign key":     {corev1.TLSCertKey: good[corev1.TLSCertKey], corev1.TLSPrivateKeyKey: other[corev1.TLSPrivateKeyKey]},
		"no PEM":          {corev1.TLSCertKey: []byte("x"), corev1.TLSPrivateKeyKey: good[corev1.TLSPrivateKeyKey]},
		"leaf for the CA": leaf.Data,
	}
	for name, data := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := ParseAuthority(data); !errors.Is(err, ErrDamaged) {
				t.Errorf("got %v, want ErrDamaged", err)
			}
		})
	}
}

// The life of a CA: nothing, announcement, promotion, retirement; at each step everyone who
// has the bundle of the step before is still served.
func TestAdvance(t *testing.T) {
	first := newAuthority(t, epoch)
	if got := advance(t, first, epoch.Add(DefaultLifetimes.CA/2)); got != first {
		t.Fatal("an authority at half its life changed")
	}
	announcing := epoch.Add(DefaultLifetimes.CA * 2 / 3)
	announced := advance(t, first, announcing)
	if announced.next == nil || !announced.signer.certificate.Equal(first.signer.certificate) {
		t.Fatal("at two thirds a successor is announced and does not sign")
	}
	if got := advance(t, announced, announcing.Add(DefaultLifetimes.Overlap-time.Minute)); got != announced {
		t.Fatal("the successor signs before the overlap is over")
	}
	promoting := announcing.Add(DefaultLifetimes.Overlap)
	promoted := advance(t, announced, promoting)
	if promoted.next != nil || !promoted.signer.certificate.Equal(announced.next.certificate) {
		t.Fatal("after the overlap the successor signs")
	}

	old := clientCertificate(t, first, nil, promoting.Add(-time.Hour))
	if err := verify(promoted, old, promoting); err != nil {
		t.Errorf("a client of the old CA is refused after the rotation: %v", err)
	}
	if err := verify(announced, clientCertificate(t, promoted, nil, promoting), promoting); err != nil {
		t.Errorf("a replica that still has the announced bundle refuses a client of the new CA: %v", err)
	}
	if renewed := clientCertificate(t, promoted, old.Data, promoting); renewed.Reason == "" {
		t.Error("a client of the old CA keeps its certificate")
	}

	after := advance(t, promoted, first.signer.certificate.NotAfter)
	if len(after.trusted()) != 1 {
		t.Errorf("the expired CA is still trusted: %d certificates", len(after.trusted()))
	}
}

func TestAdvanceExpired(t *testing.T) {
	first := newAuthority(t, epoch)
	late := first.signer.certificate.NotAfter.Add(time.Hour)
	fresh := advance(t, first, late)
	if fresh.signer.certificate.Equal(first.signer.certificate) || !late.Before(fresh.signer.certificate.NotAfter) {
		t.Error("an expired CA still signs")
	}
	if len(fresh.trusted()) != 1 {
		t.Error("an expired CA is still trusted")
	}
}

func TestLeafNeverOutlivesItsSigner(t *testing.T) {
	first := newAuthority(t, epoch)
	near := first.signer.certificate.NotAfter.Add(-time.Hour)
	made, err := first.issue(leaf{names: []string{"a"}, usage: x509.ExtKeyUsageServerAuth}, DefaultLifetimes, near)
	if err != nil {
		t.Fatal(err)
	}
	if made.certificate.NotAfter.After(first.signer.certificate.NotAfter) {
		t.Errorf("leaf ends %v after its signer", made.certificate.NotAfter.Sub(first.signer.certificate.NotAfter))
	}
}
