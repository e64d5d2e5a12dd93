package policy

import (
	"strings"

	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
)

// untrusted is a CA certificate whose key was thrown away when it was made: no certificate can
// verify against it. It stands in for CA certificates that a policy names and that are not
// there, so that connections fail, which an empty bundle would not make sure of.
const untrusted = `-----BEGIN CERTIFICATE-----
MIIBVDCB+6ADAgECAgEBMAoGCCqGSM49BAMCMBExDzANBgNVBAMTBm5vYm9keTAg
Fw03MDAxMDEwMDAwMDBaGA85OTk5MTIzMTIzNTk1OVowETEPMA0GA1UEAxMGbm9i
b2R5MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEl8NpmvSUTdkyPhzMEYHWOeCm
6VfyhqAPNnlZrpw9DVEO32Gfc5KtDtv/LdBYbNrrf2IhVrCAh+uAMs5EoItqRqNC
MEAwDgYDVR0PAQH/BAQDAgIEMA8GA1UdEwEB/wQFMAMBAf8wHQYDVR0OBBYEFF23
KbrqV4HNb6lVt55QD1i8ihCbMAoGCCqGSM49BAMCA0gAMEUCIQDiDzDDzUZ0j1tk
qm50fzRUwFIdkG4ofg1Iy4ciD5taUgIgf8Alq87/mhZSoAeVC6EBDVHoswxnclqe
zaGvPUW+B3k=
-----END CERTIFICATE-----
`

// UpstreamTLS is what a policy asks for towards the backend, with the secrets it needs. A
// policy without valid CA certificates still asks for TLS: its connections fail and the
// client gets 503 (Gateway API BackendTLSPolicyValidation: never plain text).
func UpstreamTLS(v store.View, policy *gwv1.BackendTLSPolicy) (*ir.UpstreamTLS, []ir.Secret) {
	validation := policy.Spec.Validation
	tls := &ir.UpstreamTLS{SNI: strings.ToLower(string(validation.Hostname))}
	for _, name := range validation.SubjectAltNames {
		switch name.Type {
		case gwv1.HostnameSubjectAltNameType:
			tls.Names = append(tls.Names, ir.SubjectAltName{Name: strings.ToLower(string(name.Hostname))})
		case gwv1.URISubjectAltNameType:
			tls.Names = append(tls.Names, ir.SubjectAltName{URI: true, Name: string(name.URI)})
		}
	}
	authorities := authoritiesOf(v, policy)
	if authorities.system {
		tls.SystemCA = true
		return tls, nil
	}
	if len(authorities.bundle) == 0 {
		authorities.bundle = []byte(untrusted)
	}
	key := store.KeyOf(policy)
	tls.CA = authorities.name
	return tls, []ir.Secret{{
		Name:   tls.CA,
		CA:     authorities.bundle,
		Source: ir.Source{Kind: string(store.BackendTLSPolicy), Namespace: key.Namespace, Name: key.Name},
	}}
}
