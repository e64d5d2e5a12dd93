package trigger

import "testing"

// TestTLSRules: T22.
func TestTLSRules(t *testing.T) {
	wantRules(t, []rule{
		{changes{"tlsMode": "reencrypt"}, []string{
			`trigger 0: tlsSecretName is missing; tlsMode "reencrypt" needs a Secret of type kubernetes.io/tls`,
		}},
		{changes{"tlsMode": "mutual"}, []string{
			`trigger 0: tlsMode "mutual" is not known; use plaintext, reencrypt or passthrough`,
		}},
		{changes{"tlsMode": "passthrough", "pathPrefixes": "/a"}, []string{
			`trigger 0: pathPrefixes "/a" does not go with tlsMode "passthrough", which sees server names only; leave it out, or use reencrypt`,
		}},
		{changes{"tlsMode": "passthrough", "pathPrefixes": "/"}, nil},
		{changes{"tlsMode": "passthrough", "headers": "[{name: a}]"}, []string{
			`trigger 0: headers does not go with tlsMode "passthrough", which sees server names only; leave it out, or use reencrypt`,
		}},
		{changes{"tlsMode": "passthrough", "inferencePool": "llm"}, []string{
			`trigger 0: inferencePool "llm" does not go with tlsMode "passthrough", which sees server names only; use plaintext or reencrypt`,
		}},
		{changes{"tlsMode": "passthrough", "tlsSecretName": "cert", "coldStartWaitingPageEnabled": "true", "healthcheckPath": "/healthz"}, []string{
			`warning: trigger 0: tlsSecretName has no effect with tlsMode "passthrough", which sees server names only; remove it`,
			`warning: trigger 0: healthcheckPath has no effect with tlsMode "passthrough", which sees server names only; remove it`,
			`warning: trigger 0: coldStartWaitingPageEnabled has no effect with tlsMode "passthrough", which sees server names only; remove it`,
		}},
		{changes{"tlsSecretName": "a b"}, []string{
			`trigger 0: tlsSecretName "a b" is not the name of a Secret; use the name alone of one in the same namespace`,
		}},
		{changes{"tlsMode": "reencrypt", "tlsSecretName": "Cert"}, []string{
			`trigger 0: tlsSecretName "Cert" is not the name of a Secret; use the name alone of one in the same namespace`,
		}},
		{changes{"tlsMode": "reencrypt", "tlsSecretName": "cert", "inferencePool": "llm", "headers": "[{name: a}]"}, nil},
	})
}
