package certs

import (
	"bytes"
	"maps"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

func TestClientCertificate(t *testing.T) {
	authority := newAuthority(t, epoch.Add(-24*time.Hour))
	first := clientCertificate(t, authority, nil, epoch)
	if err := verify(authority, first, epoch); err != nil {
		t.Fatalf("the certificate is not accepted: %v", err)
	}
	if want := epoch.Add(DefaultLifetimes.Leaf * 2 / 3); first.Renew.Sub(want).Abs() > DefaultLifetimes.Skew {
		t.Errorf("renewal at %v, want about %v", first.Renew, want)
	}
	foreign := clientCertificate(t, newAuthority(t, epoch), nil, epoch)
	server, err := authority.ClientCertificate(nil, "spiffe://kedify-gateway/ns/shop/gateway/other", DefaultLifetimes, epoch)
	if err != nil {
		t.Fatal(err)
	}
	with := func(name string, value []byte) map[string][]byte {
		data := maps.Clone(first.Data)
		data[name] = value
		return data
	}
	tests := map[string]struct {
		existing map[string][]byte
		now      time.Time
		reason   string // part of it; empty: stays
	}{
		"fresh":               {first.Data, epoch, ""},
		"just before renewal": {first.Data, first.Renew.Add(-time.Second), ""},
		"at renewal":          {first.Data, first.Renew, "two thirds"},
		"expired":             {first.Data, epoch.Add(2 * DefaultLifetimes.Leaf), "two thirds"},
		"clock set back":      {first.Data, epoch.Add(-time.Hour), "valid only from"},
		"no key":              {with(corev1.TLSPrivateKeyKey, nil), epoch, "no pair"},
		"foreign key":         {with(corev1.TLSPrivateKeyKey, foreign.Data[corev1.TLSPrivateKeyKey]), epoch, "no pair"},
		"garbage":             {with(corev1.TLSCertKey, []byte("garbage")), epoch, "no pair"},
		"foreign CA":          {foreign.Data, epoch, "another CA"},
		"foreign Gateway":     {server.Data, epoch, "gateway/other"},
		"foreign bundle":      {with(corev1.ServiceAccountRootCAKey, foreign.Data[corev1.ServiceAccountRootCAKey]), epoch, ""},
		"foreign entry":       {with("extra", []byte("x")), epoch, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			before := maps.Clone(test.existing)
			got := clientCertificate(t, authority, test.existing, test.now)
			if test.reason == "" {
				if got.Reason != "" || !maps.EqualFunc(got.Data, first.Data, bytes.Equal) {
					t.Errorf("reissued although good: %q", got.Reason)
				}
			} else {
				if !strings.Contains(got.Reason, test.reason) {
					t.Errorf("reason %q, want one with %q", got.Reason, test.reason)
				}
				if err := verify(authority, got, test.now); err != nil {
					t.Errorf("the new certificate is not accepted: %v", err)
				}
			}
			if !maps.EqualFunc(before, test.existing, bytes.Equal) {
				t.Error("the existing data was modified")
			}
		})
	}
}

// The bundle of an announced CA reaches a client whose certificate stays.
func TestClientCertificateGetsTheBundle(t *testing.T) {
	first := newAuthority(t, epoch)
	now := epoch.Add(DefaultLifetimes.CA * 2 / 3)
	existing := clientCertificate(t, first, nil, now)
	announced := advance(t, first, now)
	got := clientCertificate(t, announced, existing.Data, now)
	if got.Reason != "" {
		t.Errorf("reissued: %s", got.Reason)
	}
	if !bytes.Equal(got.Data[corev1.ServiceAccountRootCAKey], announced.Bundle()) {
		t.Error("the bundle is not the announced one")
	}
}
