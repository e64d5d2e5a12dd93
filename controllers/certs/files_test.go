package certs

import (
	"crypto/tls"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// A server whose Secret is files serves with those of now: none yet, then a certificate, then that of another CA. It admits
// one client alone.
func TestFilesTLS(t *testing.T) {
	now := time.Now()
	folder := t.TempDir()
	mount := func(data map[string][]byte) {
		t.Helper()
		for name, content := range data {
			if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	made := func(a *Authority, identity string) (client *tls.Config, files map[string][]byte) {
		t.Helper()
		shown, err := a.ClientCertificate(nil, identity, DefaultLifetimes, now)
		if err != nil {
			t.Fatal(err)
		}
		served, err := a.ServingCertificate(nil, []string{serverName}, DefaultLifetimes, now)
		if err != nil {
			t.Fatal(err)
		}
		return envoy(t, shown, now), served.Data
	}
	server := FilesTLS(folder, kedaIdentity)
	first, second := newAuthority(t, now), newAuthority(t, now)
	keda, files := made(first, kedaIdentity)
	if _, err := handshake(server, keda); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without files: %v", err)
	}
	mount(files)
	if _, err := handshake(server, keda); err != nil {
		t.Errorf("KEDA is refused: %v", err)
	}
	other, _ := made(first, "spiffe://kedify-gateway/ns/shop/gateway/web")
	if _, err := handshake(server, other); !errors.Is(err, ErrIdentity) {
		t.Errorf("an Envoy: %v", err)
	}
	foreign, files := made(second, kedaIdentity)
	foreign.RootCAs = keda.RootCAs
	if _, err := handshake(server, foreign); err == nil {
		t.Error("KEDA's name from another CA is admitted")
	}
	mount(map[string][]byte{corev1.TLSCertKey: files[corev1.TLSCertKey]})
	if _, err := handshake(server, keda); err == nil {
		t.Error("a certificate with the key of another one is served")
	}
	mount(files)
	renewed, _ := made(second, kedaIdentity)
	if _, err := handshake(server, renewed); err != nil {
		t.Errorf("after the files changed: %v", err)
	}
}
