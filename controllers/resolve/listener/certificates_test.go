package listener

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
)

const (
	unresolvedRef = "Accepted=True/Accepted ResolvedRefs=False/InvalidCertificateRef Conflicted=False/NoConflicts"
	notPermitted  = "Accepted=True/Accepted ResolvedRefs=False/RefNotPermitted Conflicted=False/NoConflicts"
)

// TestCertificateRefs has one case for each way in which tls.certificateRefs can be wrong.
func TestCertificateRefs(t *testing.T) {
	good, other := fixture.NewPair(t, "example.com"), fixture.NewPair(t, "example.org")
	cases := []struct {
		name, refs string
		objects    []string
		want       string
		message    string
		certs      string // names of Secrets served
	}{
		{"same namespace", "[{name: cert}]", []string{fixture.Secret("infra", "cert", good)}, listenerGood, "", "infra/cert"},
		{"two certificates in their order", "[{name: other}, {name: cert}]",
			[]string{fixture.Secret("infra", "cert", good), fixture.Secret("infra", "other", other)}, listenerGood, "", "infra/other infra/cert"},
		{"none", "[]", nil, unresolvedRef, "tls.certificateRefs is empty", ""},
		{"missing", "[{name: cert}]", nil, unresolvedRef, "tls.certificateRefs[0]: Secret infra/cert does not exist", ""},
		{"kind", "[{kind: WrongKind, name: cert}]", []string{fixture.Secret("infra", "cert", good)}, unresolvedRef,
			`kind "WrongKind" is not supported; refer to a Secret`, ""},
		{"group", "[{group: example.com, name: cert}]", []string{fixture.Secret("infra", "cert", good)}, unresolvedRef,
			`group "example.com"`, ""},
		{"not PEM", "[{name: cert}]",
			[]string{fixture.Secret("infra", "cert", fixture.Pair{Certificate: []byte("Hello world"), Key: []byte("Hello world")})}, unresolvedRef,
			"tls.crt: no PEM block of type CERTIFICATE", ""},
		{"no key", "[{name: cert}]", []string{fixture.Secret("infra", "cert", fixture.Pair{Certificate: good.Certificate})}, unresolvedRef,
			"its data has no tls.key", ""},
		{"no certificate", "[{name: cert}]", []string{fixture.Secret("infra", "cert", fixture.Pair{Key: good.Key})}, unresolvedRef,
			"its data has no tls.crt", ""},
		{"key of another certificate", "[{name: cert}]",
			[]string{fixture.Secret("infra", "cert", fixture.Pair{Certificate: good.Certificate, Key: other.Key})}, unresolvedRef,
			"do not make a key pair", ""},
		{"broken intermediate", "[{name: cert}]", []string{fixture.Secret("infra", "cert",
			fixture.Pair{Certificate: append(bytes.Clone(good.Certificate), brokenCertificate()...), Key: good.Key})}, unresolvedRef,
			"certificate 2 does not parse", ""},
		{"short RSA key", "[{name: cert}]", []string{fixture.Secret("infra", "cert", fixture.NewRSAPair(t, 1024))}, unresolvedRef,
			"the RSA key has 1024 bits; use 2048 or more", ""},
		{"RSA", "[{name: cert}]", []string{fixture.Secret("infra", "cert", fixture.NewRSAPair(t, 2048))}, listenerGood, "", "infra/cert"},
		{"P-224", "[{name: cert}]", []string{fixture.Secret("infra", "cert", newECPair(t, elliptic.P224()))}, unresolvedRef,
			"the elliptic curve is P-224", ""},
		{"P-521", "[{name: cert}]", []string{fixture.Secret("infra", "cert", newECPair(t, elliptic.P521()))}, listenerGood, "", "infra/cert"},
		{"foreign without grant", "[{name: cert, namespace: certs}]", []string{fixture.Secret("certs", "cert", good)}, notPermitted,
			"no ReferenceGrant in namespace certs lets a Gateway of namespace infra refer to Secret cert", ""},
		{"foreign and missing without grant", "[{name: cert, namespace: certs}]", nil, notPermitted, "no ReferenceGrant", ""},
		{"foreign with grant of all", "[{name: cert, namespace: certs}]",
			[]string{fixture.Secret("certs", "cert", good), fixture.Grant("certs", "Gateway", "infra", "Secret", "")},
			listenerGood, "", "certs/cert"},
		{"foreign with grant by name", "[{name: cert, namespace: certs}]",
			[]string{fixture.Secret("certs", "cert", good), fixture.Grant("certs", "Gateway", "infra", "Secret", "cert")},
			listenerGood, "", "certs/cert"},
		{"foreign with grant of the empty name", "[{name: cert, namespace: certs}]",
			[]string{fixture.Secret("certs", "cert", good), fixture.Grant("certs", "Gateway", "infra", "Secret", "''")},
			listenerGood, "", "certs/cert"},
		{"grant of another name", "[{name: cert, namespace: certs}]",
			[]string{fixture.Secret("certs", "cert", good), fixture.Grant("certs", "Gateway", "infra", "Secret", "other")}, notPermitted,
			"no ReferenceGrant", ""},
		{"grant to another namespace", "[{name: cert, namespace: certs}]",
			[]string{fixture.Secret("certs", "cert", good), fixture.Grant("certs", "Gateway", "elsewhere", "Secret", "")}, notPermitted,
			"no ReferenceGrant", ""},
		{"grant to another kind", "[{name: cert, namespace: certs}]",
			[]string{fixture.Secret("certs", "cert", good), fixture.Grant("certs", "HTTPRoute", "infra", "Secret", "")}, notPermitted,
			"no ReferenceGrant", ""},
		{"grant in the problem namespace", "[{name: cert, namespace: certs}]",
			[]string{fixture.Secret("certs", "cert", good), fixture.Grant("infra", "Gateway", "infra", "Secret", "")}, notPermitted,
			"no ReferenceGrant", ""},
		{"one of two missing", "[{name: gone}, {name: cert}]", []string{fixture.Secret("infra", "cert", good)}, unresolvedRef,
			"tls.certificateRefs[0]: Secret infra/gone does not exist", "infra/cert"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			spec := "listeners:\n- {name: l, port: 443, protocol: HTTPS, tls: {certificateRefs: " + c.refs + "}}"
			g := resolveGateway(t, append(c.objects, fixture.Gateway(spec))...)
			l := listenerNamed(t, g, "l")
			if got := fixture.Summary(l.Conditions); got != c.want {
				t.Errorf("conditions\n got %s\nwant %s", got, c.want)
			}
			if all := allMessages(l); !strings.Contains(all, c.message) {
				t.Errorf("messages %q do not contain %q", all, c.message)
			}
			var certs, secrets string
			if l.TLS != nil {
				certs = strings.Join(l.TLS.Certificates, " ")
			}
			for _, s := range g.Secrets {
				secrets += s.Name + "\n"
			}
			if certs != c.certs || len(strings.Fields(secrets)) != len(strings.Fields(c.certs)) {
				t.Errorf("certificates %q with secrets %q, want %q", certs, secrets, c.certs)
			}
			if l.Serving != (c.certs != "") {
				t.Errorf("serving is %v with certificates %q", l.Serving, c.certs)
			}
		})
	}
}

func newECPair(t testing.TB, curve elliptic.Curve) fixture.Pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return fixture.SignedBy(t, key, &key.PublicKey, "example.com")
}

func brokenCertificate() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("not DER")})
}

// TestCertificateContent: what reaches the proxy is the chain alone, under a name that does
// not change with it.
func TestCertificateContent(t *testing.T) {
	leaf, issuer := fixture.NewPair(t, "example.com"), fixture.NewPair(t)
	mislabelled := bytes.ReplaceAll(leaf.Key, []byte("PRIVATE KEY"), []byte("RSA PRIVATE KEY"))
	text := append([]byte("Subject: example.com\n"), leaf.Certificate...)
	text = append(text, issuer.Key...) // put there by mistake
	text = append(text, issuer.Certificate...)
	g := resolveGateway(t, fixture.Secret("infra", "cert", fixture.Pair{Certificate: text, Key: mislabelled}), fixture.Gateway(
		"listeners:\n- {name: l, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: cert}]}}"))
	if len(g.Secrets) != 1 {
		t.Fatalf("secrets %v, want one", g.Secrets)
	}
	s := g.Secrets[0]
	if want := append(bytes.Clone(leaf.Certificate), issuer.Certificate...); !bytes.Equal(s.Certificate, want) {
		t.Errorf("chain is\n%s\nwant\n%s", s.Certificate, want)
	}
	if !bytes.Equal(s.PrivateKey, leaf.Key) || s.Name != "infra/cert" || s.CA != nil {
		t.Errorf("secret %q with key %q", s.Name, s.PrivateKey)
	}
	if got := s.Source.String(); got != "Gateway infra/gw (l)" {
		t.Errorf("source %q", got)
	}
}

// TestClientCertificate: spec.tls.backend.clientCertificateRef never touches Accepted.
func TestClientCertificate(t *testing.T) {
	good := fixture.NewPair(t, "client")
	cases := []struct {
		name, ref string
		objects   []string
		want      string
		message   string
		secret    string
	}{
		{"good", "{name: c}", []string{fixture.Secret("infra", "c", good)}, "True/ResolvedRefs", "", "infra/c"},
		{"missing", "{name: c}", nil, "False/InvalidClientCertificateRef",
			"spec.tls.backend.clientCertificateRef: Secret infra/c does not exist", ""},
		{"kind", "{name: c, kind: ConfigMap}", nil, "False/InvalidClientCertificateRef", `kind "ConfigMap"`, ""},
		{"group", "{name: c, group: example.com}", nil, "False/InvalidClientCertificateRef", `group "example.com"`, ""},
		{"malformed", "{name: c}", []string{fixture.Secret("infra", "c", fixture.Pair{Certificate: []byte("x"), Key: []byte("x")})},
			"False/InvalidClientCertificateRef", "tls.crt", ""},
		{"not granted", "{name: c, namespace: other}", []string{fixture.Secret("other", "c", good)}, "False/RefNotPermitted",
			"no ReferenceGrant in namespace other", ""},
		{"granted", "{name: c, namespace: other}",
			[]string{fixture.Secret("other", "c", good), fixture.Grant("other", "Gateway", "infra", "Secret", "c")},
			"True/ResolvedRefs", "", "other/c"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := resolveGateway(t, append(c.objects, fixture.Gateway(
				"tls: {backend: {clientCertificateRef: "+c.ref+"}}\nlisteners: [{name: l, port: 80, protocol: HTTP}]"))...)
			if got, want := fixture.Summary(g.Conditions), "Accepted=True/Accepted ResolvedRefs="+c.want; got != want {
				t.Errorf("conditions %s, want %s", got, want)
			}
			if message := fixture.Message(g.Conditions, "ResolvedRefs"); !strings.Contains(message, c.message) {
				t.Errorf("message %q does not contain %q", message, c.message)
			}
			if g.ClientCertificate != c.secret || len(g.Secrets) != len(strings.Fields(c.secret)) {
				t.Errorf("certificate %q with %d secrets, want %q", g.ClientCertificate, len(g.Secrets), c.secret)
			}
		})
	}
}
