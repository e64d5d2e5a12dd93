package listener

import (
	"bytes"
	"cmp"
	"fmt"
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

// clientValidation is what spec.tls.frontend says for one port.
type clientValidation struct {
	*gwv1.FrontendTLSValidation
	// field is where the user wrote it; bundle is the name of its Secret in the proxy.
	field, bundle string
}

// clientValidationOf returns the validation in force for a port; a port of its own replaces
// the default as a whole, also with nothing.
func clientValidationOf(gateway *gwv1.Gateway, port uint32) clientValidation {
	if gateway.Spec.TLS == nil || gateway.Spec.TLS.Frontend == nil {
		return clientValidation{}
	}
	frontend := gateway.Spec.TLS.Frontend
	name := "ca/gateway/" + gateway.Namespace + "/" + gateway.Name
	for i, perPort := range frontend.PerPort {
		if uint32(perPort.Port) != port {
			continue
		}
		return clientValidation{
			FrontendTLSValidation: perPort.TLS.Validation,
			field:                 fmt.Sprintf("spec.tls.frontend.perPort[%d].tls.validation", i),
			bundle:                name + "/" + strconv.FormatUint(uint64(port), 10),
		}
	}
	return clientValidation{
		FrontendTLSValidation: frontend.Default.Validation,
		field:                 "spec.tls.frontend.default.validation",
		bundle:                name,
	}
}

// resolveClientValidation applies the Gateway's validation of client certificates to an HTTPS
// listener. References are the Gateway's, also for listeners of a ListenerSet.
func (d *declared) resolveClientValidation(v store.View, gateway *gwv1.Gateway) {
	validation := clientValidationOf(gateway, d.Port)
	if validation.FrontendTLSValidation == nil {
		return
	}
	from := grant.From{Group: gwv1.GroupName, Kind: string(store.Gateway), Namespace: gateway.Namespace}
	var bundle bytes.Buffer
	for i, ref := range validation.CACertificateRefs {
		authority, problem := clientCA(v, from, ref)
		if !problem.None() {
			problem.Message = fmt.Sprintf("%s.caCertificateRefs[%d] of the Gateway: %s", validation.field, i, problem.Message)
			d.fail(problem)
			continue
		}
		bundle.Write(authority)
	}
	if bundle.Len() == 0 {
		// Without a single authority a strict listener would reject every client, and a lenient
		// one none: the API wants it not accepted.
		d.accepted = resolve.Problemf(gwv1.ListenerReasonNoValidCACertificate,
			"%s.caCertificateRefs of the Gateway has no valid CA certificate; see the ResolvedRefs condition.", validation.field)
		return
	}
	d.TLS.ClientCA = validation.bundle
	d.TLS.ClientOptional = validation.Mode == gwv1.AllowInsecureFallback
	d.secrets = append(d.secrets, ir.Secret{Name: validation.bundle, CA: bundle.Bytes(), Source: d.Source()})
}

// clientCA returns the PEM bundle that a caCertificateRef names. A ClusterTrustBundle needs no ReferenceGrant: it is in no
// namespace (GEP-5075).
func clientCA(v store.View, from grant.From, ref gwv1.ObjectReference) ([]byte, resolve.Problem) {
	namespace := string(ptr.Deref(ref.Namespace, ""))
	authority := certificate.RefTo(ref.Group, ref.Kind, types.NamespacedName{
		Namespace: cmp.Or(namespace, from.Namespace), Name: string(ref.Name),
	})
	if err := authority.Supported(v); err != nil {
		return nil, resolve.Problemf(gwv1.ListenerReasonInvalidCACertificateKind, "%v.", err)
	}
	key := authority.Key
	outside := v.Outside(string(ref.Kind), key)
	switch {
	case authority.OfCluster() && namespace != "":
		return nil, resolve.Problemf(gwv1.ListenerReasonInvalidCACertificateRef,
			"namespace is set, and a %s is in none; leave it out.", ref.Kind)
	case outside != "":
		return nil, resolve.Problemf(gwv1.ListenerReasonRefNotPermitted, "%s.", outside)
	case !authority.OfCluster() && !grant.Permitted(v, from, grant.To{Kind: string(ref.Kind), Namespace: key.Namespace, Name: key.Name}):
		return nil, resolve.Problemf(gwv1.ListenerReasonRefNotPermitted,
			"no ReferenceGrant in namespace %s lets a Gateway of namespace %s refer to %s %s; create one, or use a %s of namespace %s.",
			key.Namespace, from.Namespace, ref.Kind, key.Name, ref.Kind, from.Namespace)
	}
	bundle, err := authority.Authorities(v)
	if err != nil {
		return nil, resolve.Problemf(gwv1.ListenerReasonInvalidCACertificateRef, "%v.", err)
	}
	return bundle, resolve.Problem{}
}

// insecureFallback names the first place where the Gateway lets clients in without a valid
// certificate; empty when there is none.
func insecureFallback(gateway *gwv1.Gateway) string {
	if gateway.Spec.TLS == nil || gateway.Spec.TLS.Frontend == nil {
		return ""
	}
	lenient := func(config gwv1.TLSConfig) bool {
		return config.Validation != nil && config.Validation.Mode == gwv1.AllowInsecureFallback
	}
	frontend := gateway.Spec.TLS.Frontend
	if lenient(frontend.Default) {
		return "spec.tls.frontend.default.validation.mode"
	}
	for i, perPort := range frontend.PerPort {
		if lenient(perPort.TLS) {
			return fmt.Sprintf("spec.tls.frontend.perPort[%d].tls.validation.mode", i)
		}
	}
	return ""
}
