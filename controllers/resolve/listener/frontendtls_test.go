package listener

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
)

const httpsListener = `
listeners:
- {name: https, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: cert}]}}
- {name: http, port: 80, protocol: HTTP}
`

// TestClientValidation has one case for each reason that spec.tls.frontend can give.
func TestClientValidation(t *testing.T) {
	server, ca := fixture.NewPair(t, "example.com"), fixture.NewPair(t)
	encoded := base64.StdEncoding.EncodeToString(ca.Certificate)
	broken := "Accepted=False/NoValidCACertificate ResolvedRefs=False/"
	cases := []struct {
		name, validation string
		objects          []string
		want             string
		message          string
		clientCA         string
	}{
		{"good", "caCertificateRefs: [{kind: ConfigMap, group: '', name: ca}]", []string{fixture.Authority("infra", "ca", ca.Certificate)},
			listenerGood, "", "ca/gateway/infra/gw"},
		{"missing", "caCertificateRefs: [{kind: ConfigMap, group: '', name: ca}]", nil,
			broken + "InvalidCACertificateRef Conflicted=False/NoConflicts",
			"spec.tls.frontend.default.validation.caCertificateRefs[0] of the Gateway: ConfigMap infra/ca does not exist", ""},
		{"no key", "caCertificateRefs: [{kind: ConfigMap, group: '', name: ca}]",
			[]string{"kind: ConfigMap\nmetadata: {name: ca, namespace: infra}\ndata: {other: x}"},
			broken + "InvalidCACertificateRef Conflicted=False/NoConflicts", "has no key ca.crt", ""},
		{"not PEM", "caCertificateRefs: [{kind: ConfigMap, group: '', name: ca}]", []string{fixture.Authority("infra", "ca", []byte("nothing"))},
			broken + "InvalidCACertificateRef Conflicted=False/NoConflicts", "ca.crt of ConfigMap infra/ca: no PEM block", ""},
		{"kind", "caCertificateRefs: [{kind: Service, group: '', name: ca}]", nil,
			broken + "InvalidCACertificateKind Conflicted=False/NoConflicts", `kind "Service" of group "" is not supported`, ""},
		{"group", "caCertificateRefs: [{kind: ConfigMap, group: example.com, name: ca}]",
			[]string{fixture.Authority("infra", "ca", ca.Certificate)},
			broken + "InvalidCACertificateKind Conflicted=False/NoConflicts", `group "example.com"`, ""},
		{"ClusterTrustBundle", "caCertificateRefs: [{kind: ClusterTrustBundle, group: certificates.k8s.io, name: ca}]",
			[]string{fixture.TrustBundle("ca", ca.Certificate)}, listenerGood, "", "ca/gateway/infra/gw"},
		{"ClusterTrustBundle missing", "caCertificateRefs: [{kind: ClusterTrustBundle, group: certificates.k8s.io, name: ca}]", nil,
			broken + "InvalidCACertificateRef Conflicted=False/NoConflicts", "ClusterTrustBundle ca does not exist", ""},
		{"ClusterTrustBundle in a namespace",
			"caCertificateRefs: [{kind: ClusterTrustBundle, group: certificates.k8s.io, name: ca, namespace: web}]",
			[]string{fixture.TrustBundle("ca", ca.Certificate)},
			broken + "InvalidCACertificateRef Conflicted=False/NoConflicts",
			"namespace is set, and a ClusterTrustBundle is in none; leave it out", ""},
		{"ClusterTrustBundle and ConfigMap",
			"caCertificateRefs: [{kind: ClusterTrustBundle, group: certificates.k8s.io, name: ca}, {kind: ConfigMap, group: '', name: gone}]",
			[]string{fixture.TrustBundle("ca", ca.Certificate)},
			"Accepted=True/Accepted ResolvedRefs=False/InvalidCACertificateRef Conflicted=False/NoConflicts",
			"caCertificateRefs[1]", "ca/gateway/infra/gw"},
		{"Secret", "caCertificateRefs: [{kind: Secret, group: '', name: ca}]",
			[]string{"kind: Secret\nmetadata: {name: ca, namespace: infra}\ndata: {ca.crt: " + encoded + "}"},
			listenerGood, "", "ca/gateway/infra/gw"},
		{"Secret missing", "caCertificateRefs: [{kind: Secret, group: '', name: ca}]", nil,
			broken + "InvalidCACertificateRef Conflicted=False/NoConflicts", "Secret infra/ca does not exist", ""},
		{"binary data", "caCertificateRefs: [{kind: ConfigMap, group: '', name: ca}]",
			[]string{"kind: ConfigMap\nmetadata: {name: ca, namespace: infra}\nbinaryData: {ca.crt: " + encoded + "}"},
			listenerGood, "", "ca/gateway/infra/gw"},
		{"not granted", "caCertificateRefs: [{kind: ConfigMap, group: '', name: ca, namespace: web}]",
			[]string{fixture.Authority("web", "ca", ca.Certificate)},
			broken + "RefNotPermitted Conflicted=False/NoConflicts", "no ReferenceGrant in namespace web", ""},
		{"granted", "caCertificateRefs: [{kind: ConfigMap, group: '', name: ca, namespace: web}]",
			[]string{fixture.Authority("web", "ca", ca.Certificate), fixture.Grant("web", "Gateway", "infra", "ConfigMap", "ca")}, listenerGood,
			"", "ca/gateway/infra/gw"},
		{"one of two missing", "caCertificateRefs: [{kind: ConfigMap, group: '', name: gone}, {kind: ConfigMap, group: '', name: ca}]",
			[]string{fixture.Authority("infra", "ca", ca.Certificate)},
			"Accepted=True/Accepted ResolvedRefs=False/InvalidCACertificateRef Conflicted=False/NoConflicts",
			"caCertificateRefs[0]", "ca/gateway/infra/gw"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			spec := "tls: {frontend: {default: {validation: {" + c.validation + "}}}}\n" + httpsListener
			g := resolveGateway(t, append(c.objects, fixture.Secret("infra", "cert", server), fixture.Gateway(spec))...)
			l := listenerNamed(t, g, "https")
			if got := fixture.Summary(l.Conditions); got != c.want {
				t.Errorf("conditions\n got %s\nwant %s", got, c.want)
			}
			if all := allMessages(l); !strings.Contains(all, c.message) {
				t.Errorf("messages %q do not contain %q", all, c.message)
			}
			clientCA := ""
			if l.TLS != nil {
				clientCA = l.TLS.ClientCA
			}
			if clientCA != c.clientCA {
				t.Errorf("client CA %q, want %q", clientCA, c.clientCA)
			}
			if got := fixture.Summary(listenerNamed(t, g, "http").Conditions); got != listenerGood {
				t.Errorf("the HTTP listener is touched: %s", got)
			}
		})
	}
}

// TestClientValidationPerPort: a port of its own replaces the default, also with nothing.
func TestClientValidationPerPort(t *testing.T) {
	server, one, two := fixture.NewPair(t, "example.com"), fixture.NewPair(t), fixture.NewPair(t)
	g := resolveGateway(t, fixture.Secret("infra", "cert", server),
		fixture.Authority("infra", "one", one.Certificate), fixture.Authority("infra", "two", two.Certificate),
		fixture.Gateway(`
tls:
  frontend:
    default: {validation: {caCertificateRefs: [{kind: ConfigMap, group: "", name: one}]}}
    perPort:
    - port: 8443
      tls: {validation: {mode: AllowInsecureFallback,
          caCertificateRefs: [{kind: ConfigMap, group: "", name: two}, {kind: ConfigMap, group: "", name: one}]}}
    - {port: 9443, tls: {}}
listeners:
- {name: default, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: cert}]}}
- {name: lenient, port: 8443, protocol: HTTPS, tls: {certificateRefs: [{name: cert}]}}
- {name: none, port: 9443, protocol: HTTPS, tls: {certificateRefs: [{name: cert}]}}
`))
	for name, want := range map[string]struct {
		ca       string
		optional bool
	}{
		"default": {"ca/gateway/infra/gw", false},
		"lenient": {"ca/gateway/infra/gw/8443", true},
		"none":    {"", false},
	} {
		tls := listenerNamed(t, g, name).TLS
		if tls.ClientCA != want.ca || tls.ClientOptional != want.optional {
			t.Errorf("%s: CA %q optional %v, want %+v", name, tls.ClientCA, tls.ClientOptional, want)
		}
	}
	for _, s := range g.Secrets {
		if s.Name == "ca/gateway/infra/gw/8443" && !bytes.Equal(s.CA, append(bytes.Clone(two.Certificate), one.Certificate...)) {
			t.Errorf("bundle is\n%s", s.CA)
		}
	}
	if got := fixture.Summary(g.Conditions); !strings.HasSuffix(got, " InsecureFrontendValidationMode=True/ConfigurationChanged") {
		t.Errorf("conditions %s, want InsecureFrontendValidationMode at the end", got)
	}
	message := fixture.Message(g.Conditions, "InsecureFrontendValidationMode")
	if !strings.Contains(message, "spec.tls.frontend.perPort[0].tls.validation.mode") {
		t.Errorf("message %q does not name the field", message)
	}
}
