package trigger

import (
	"slices"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// tls needs to know what else is routed by.
func (r *reader) tls(spec v1alpha1.HTTPScalerSpec) v1alpha1.HTTPScalerTLS {
	secret := r.objectName(keyTLSSecretName, "a Secret")
	otherwise := v1alpha1.TLSPlaintext
	if secret != "" {
		otherwise = v1alpha1.TLSReencrypt // what the vendor's samples with a Secret and no mode expect
	}
	tls := v1alpha1.HTTPScalerTLS{
		Mode:       choice(r, keyTLSMode, otherwise, v1alpha1.TLSPlaintext, v1alpha1.TLSReencrypt, v1alpha1.TLSPassthrough),
		SecretName: secret,
	}
	switch tls.Mode {
	case v1alpha1.TLSReencrypt:
		if r.text(keyTLSSecretName) == "" {
			r.refuse(keyTLSSecretName, "tlsSecretName is missing; tlsMode %q needs a Secret of type kubernetes.io/tls", v1alpha1.TLSReencrypt)
		}
	case v1alpha1.TLSPassthrough:
		r.passthrough(spec)
		tls.SecretName = ""
	}
	return tls
}

// passthrough: the proxy sees the server name of a connection, and nothing inside of it.
func (r *reader) passthrough(spec v1alpha1.HTTPScalerSpec) {
	const reason = "with tlsMode \"passthrough\", which sees server names only"
	if !slices.Equal(spec.PathPrefixes, []string{rootPath}) {
		r.refuse(keyPathPrefixes, "pathPrefixes %s does not go %s; leave it out, or use reencrypt",
			quote(r.text(keyPathPrefixes)), reason)
	}
	if r.text(keyHeaders) != "" {
		r.refuse(keyHeaders, "headers does not go %s; leave it out, or use reencrypt", reason)
	}
	if r.pooled() {
		r.refuse(keyInferencePool, "inferencePool %s does not go %s; use plaintext or reencrypt",
			quote(r.text(keyInferencePool)), reason)
	}
	for _, key := range []string{
		keyTLSSecretName, keyHealthcheckPath, keyHealthcheckResponse, keyHealthcheckPathPrefix,
		keyWaitingPageEnabled, keyWaitingPageConfigMap, keyMaintenancePageEnabled, keyMaintenancePageConfigMap,
	} {
		r.ignore(key, reason)
	}
}
