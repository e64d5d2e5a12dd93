package listener

import (
	"cmp"
	"strconv"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/certificate"
	"github.com/kedify/inference-gateway/controllers/resolve/grant"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
)

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
		d.fail(resolve.Problemf(gwv1.ListenerReasonInvalidCertificateRef,
			"tls.certificateRefs is empty; name a Secret of type kubernetes.io/tls."))
	}
	from := grant.From{Group: gwv1.GroupName, Kind: string(d.ID.Parent.Kind), Namespace: d.ID.Parent.Key.Namespace}
	reasons := certificateReasons{
		notPermitted: string(gwv1.ListenerReasonRefNotPermitted),
		invalid:      string(gwv1.ListenerReasonInvalidCertificateRef),
	}
	for i, ref := range refs {
		secret, problem := certificateSecret(v, from, ref, reasons)
		if !problem.None() {
			problem.Message = "tls.certificateRefs[" + strconv.Itoa(i) + "]: " + problem.Message
			d.fail(problem)
			continue
		}
		secret.Source = d.Source()
		d.TLS.Certificates = append(d.TLS.Certificates, secret.Name)
		d.secrets = append(d.secrets, secret)
	}
	if len(d.TLS.Certificates) == 0 {
		d.unusable = true
	}
}

// fail records an unresolved reference; the first one gives the reason, all give the message.
func (d *declared) fail(problem resolve.Problem) {
	if d.resolved.None() {
		d.resolved = problem
		return
	}
	d.resolved.Message += " " + problem.Message
}

// certificateSecret resolves a reference to a Secret with a certificate and its key.
func certificateSecret(
	v store.View, from grant.From, ref gwv1.SecretObjectReference, reasons certificateReasons,
) (ir.Secret, resolve.Problem) {
	key := types.NamespacedName{Namespace: cmp.Or(string(ptr.Deref(ref.Namespace, "")), from.Namespace), Name: string(ref.Name)}
	if group, kind := refGroupKind(ref); group != "" || kind != "Secret" {
		return ir.Secret{}, resolve.Problemf(reasons.invalid, "group %q, kind %q is not supported; refer to a Secret (group \"\").", group, kind)
	}
	if outside := v.Outside("Secret", key); outside != "" {
		return ir.Secret{}, resolve.Problemf(reasons.notPermitted, "%s.", outside)
	}
	// Permission is checked before existence, so that the message reveals nothing about foreign Secrets.
	if !grant.Permitted(v, from, grant.To{Kind: "Secret", Namespace: key.Namespace, Name: key.Name}) {
		return ir.Secret{}, resolve.Problemf(reasons.notPermitted,
			"no ReferenceGrant in namespace %s lets a %s of namespace %s refer to Secret %s; create one, or use a Secret of namespace %s.",
			key.Namespace, from.Kind, from.Namespace, key.Name, from.Namespace)
	}
	object := v.Secret(key)
	if object == nil {
		return ir.Secret{}, resolve.Problemf(reasons.invalid, "Secret %s does not exist; create it, or correct the name.", key)
	}
	secret, err := certificate.KeyPair(object)
	if err != nil {
		return ir.Secret{}, resolve.Problemf(reasons.invalid, "Secret %s cannot be used: %v.", key, err)
	}
	return secret, resolve.Problem{}
}

func refGroupKind(ref gwv1.SecretObjectReference) (group, kind string) {
	return string(ptr.Deref(ref.Group, "")), cmp.Or(string(ptr.Deref(ref.Kind, "")), "Secret")
}
