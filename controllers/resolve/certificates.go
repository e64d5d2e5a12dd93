package resolve

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strconv"

	"k8s.io/apimachinery/pkg/types"

	corev1 "k8s.io/api/core/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
)

// minRSABits is the shortest RSA key that Envoy 1.40 loads ("only RSA certificates with
// 2048-bit or larger keys are supported").
const minRSABits = 2048

// certificateReasons are the words that one kind of reference uses for its problems.
type certificateReasons struct{ notPermitted, invalid string }

// resolveCertificates turns tls.certificateRefs into Secrets of the proxy. Those that
// resolve are served even when others do not: half of the names beats none.
func (d *declared) resolveCertificates(v store.View) {
	d.TLS = &ir.ServerTLS{}
	var refs []gwv1.SecretObjectReference
	if d.spec.TLS != nil {
		refs = d.spec.TLS.CertificateRefs
	}
	if len(refs) == 0 {
		d.fail(refuse(gwv1.ListenerReasonInvalidCertificateRef,
			"tls.certificateRefs is empty; name a Secret of type kubernetes.io/tls."))
	}
	from := grantFrom{Group: gwv1.GroupName, Kind: string(d.ID.Parent.Kind), Namespace: d.ID.Parent.Key.Namespace}
	reasons := certificateReasons{
		notPermitted: string(gwv1.ListenerReasonRefNotPermitted),
		invalid:      string(gwv1.ListenerReasonInvalidCertificateRef),
	}
	for i, ref := range refs {
		secret, problem := certificate(v, from, ref, reasons)
		if !problem.none() {
			problem.message = "tls.certificateRefs[" + strconv.Itoa(i) + "]: " + problem.message
			d.fail(problem)
			continue
		}
		secret.Source = d.source()
		d.TLS.Certificates = append(d.TLS.Certificates, secret.Name)
		d.secrets = append(d.secrets, secret)
	}
	if len(d.TLS.Certificates) == 0 {
		d.unusable = true
	}
}

// fail records an unresolved reference; the first one gives the reason, all give the message.
func (d *declared) fail(problem refusal) {
	if d.resolved.none() {
		d.resolved = problem
		return
	}
	d.resolved.message += " " + problem.message
}

// certificate resolves a reference to a Secret with a certificate and its key.
func certificate(v store.View, from grantFrom, ref gwv1.SecretObjectReference, reasons certificateReasons) (ir.Secret, refusal) {
	key := types.NamespacedName{Namespace: from.Namespace, Name: string(ref.Name)}
	if ref.Namespace != nil && *ref.Namespace != "" {
		key.Namespace = string(*ref.Namespace)
	}
	if group, kind := refGroupKind(ref); group != "" || kind != "Secret" {
		return ir.Secret{}, refuse(reasons.invalid, "group %q, kind %q is not supported; refer to a Secret (group \"\").", group, kind)
	}
	// Permission is asked before existence, so that nothing is told about foreign Secrets.
	if !granted(v, from, grantTo{Kind: "Secret", Namespace: key.Namespace, Name: key.Name}) {
		return ir.Secret{}, refuse(reasons.notPermitted,
			"no ReferenceGrant in namespace %s lets a %s of namespace %s refer to Secret %s; create one, or use a Secret of namespace %s.",
			key.Namespace, from.Kind, from.Namespace, key.Name, from.Namespace)
	}
	object := v.Secret(key)
	if object == nil {
		return ir.Secret{}, refuse(reasons.invalid, "Secret %s does not exist; create it, or correct the name.", key)
	}
	secret, err := keyPair(object)
	if err != nil {
		return ir.Secret{}, refuse(reasons.invalid, "Secret %s cannot be used: %v.", key, err)
	}
	return secret, refusal{}
}

func refGroupKind(ref gwv1.SecretObjectReference) (group, kind string) {
	kind = "Secret"
	if ref.Kind != nil && *ref.Kind != "" {
		kind = string(*ref.Kind)
	}
	if ref.Group != nil {
		group = string(*ref.Group)
	}
	return group, kind
}

// keyPair checks what the proxy would check, and more, so that a wrong Secret is refused
// here with a reason that a person can act on. Its name is the Secret's, never its content's.
func keyPair(object *corev1.Secret) (ir.Secret, error) {
	certificate, key := object.Data[corev1.TLSCertKey], object.Data[corev1.TLSPrivateKeyKey]
	for _, name := range []string{corev1.TLSCertKey, corev1.TLSPrivateKeyKey} {
		if len(object.Data[name]) == 0 {
			return ir.Secret{}, fmt.Errorf("its data has no %s", name)
		}
	}
	chain, certificates, err := certificateBlocks(certificate)
	if err != nil {
		return ir.Secret{}, fmt.Errorf("%s: %w", corev1.TLSCertKey, err)
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return ir.Secret{}, fmt.Errorf("%s and %s do not make a key pair: %w", corev1.TLSCertKey, corev1.TLSPrivateKeyKey, err)
	}
	if err := servableKey(certificates[0]); err != nil {
		return ir.Secret{}, fmt.Errorf("%s: %w", corev1.TLSCertKey, err)
	}
	// Go reads keys under wrong PEM labels, which Envoy does not: PKCS#8 suits every key.
	encoded, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		return ir.Secret{}, fmt.Errorf("%s: %w", corev1.TLSPrivateKeyKey, err)
	}
	return ir.Secret{
		Name:        types.NamespacedName{Namespace: object.Namespace, Name: object.Name}.String(),
		Certificate: chain,
		PrivateKey:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}),
	}, nil
}

// servableKey refuses the keys that Envoy 1.40 refuses, found by trying each kind that Go can
// read: Ed25519, P-256, P-384 and P-521 load.
func servableKey(leaf *x509.Certificate) error {
	switch key := leaf.PublicKey.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() < minRSABits {
			return fmt.Errorf("the RSA key has %d bits; use %d or more", key.N.BitLen(), minRSABits)
		}
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P224() {
			return errors.New("the elliptic curve is P-224; use P-256, P-384 or P-521")
		}
	}
	return nil
}

// errNoCertificate is wrapped with the place it was looked for.
var errNoCertificate = errors.New("no PEM block of type CERTIFICATE")

// certificateBlocks parses every certificate of a PEM text and returns them re-encoded: text
// between blocks, and blocks of other types, do not reach the proxy.
func certificateBlocks(text []byte) ([]byte, []*x509.Certificate, error) {
	var encoded bytes.Buffer
	var certificates []*x509.Certificate
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		parsed, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, nil, fmt.Errorf("certificate %d does not parse: %w", len(certificates)+1, err)
		}
		certificates = append(certificates, parsed)
		encoded.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: block.Bytes}))
	}
	if len(certificates) == 0 {
		return nil, nil, errNoCertificate
	}
	return encoded.Bytes(), certificates, nil
}

// caBundle returns the CA certificates of a PEM text as the proxy gets them.
func caBundle(text []byte) ([]byte, error) {
	bundle, _, err := certificateBlocks(text)
	return bundle, err
}
