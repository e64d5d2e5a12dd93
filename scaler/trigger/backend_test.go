package trigger

import (
	"testing"
)

// TestBackendRules: where requests go (T02, T03, decisions 5 and 8).
func TestBackendRules(t *testing.T) {
	wantRules(t, []rule{
		{changes{"service": "-"}, []string{
			`trigger 0: service is missing; name the Service of Deployment web`,
		}},
		{changes{"service": "-", "inferencePool": "\u2028"}, []string{
			`trigger 0: service is missing, and inferencePool is blank; name the Service of Deployment web or an InferencePool`,
		}},
		{changes{"service": "web.shop"}, []string{
			`trigger 0: service "web.shop" is not the name of a Service; use the name alone, without namespace or port`,
		}},
		{changes{"service": "Web"}, []string{
			`trigger 0: service "Web" is not the name of a Service; use the name alone, without namespace or port`,
		}},
		{changes{"port": "-"}, []string{
			`trigger 0: port is missing; set port, or portName for the name of a port of the Service`,
		}},
		{changes{"port": "abc"}, []string{
			`trigger 0: port "abc" is not a port number; use 1 to 65535, or portName for the name of a port`,
		}},
		{changes{"port": "70000"}, []string{
			`trigger 0: port "70000" is not a port number; use 1 to 65535, or portName for the name of a port`,
		}},
		{changes{"port": "0"}, []string{
			`trigger 0: port "0" is not a port number; use 1 to 65535, or portName for the name of a port`,
		}},
		{changes{"port": "-1"}, []string{
			`trigger 0: port "-1" is not a port number; use 1 to 65535, or portName for the name of a port`,
		}},
		{changes{"port": "+80"}, []string{
			`trigger 0: port "+80" is not a port number; use 1 to 65535, or portName for the name of a port`,
		}},
		{changes{"portName": "http"}, []string{
			`trigger 0: port "8080" and portName "http" are both set; keep one`,
		}},
		{changes{"port": "-", "portName": "http port"}, []string{
			`trigger 0: portName "http port" is not the name of a port; use the name alone, without namespace or port`,
		}},
		{changes{"loadbalancing": "random"}, []string{
			`trigger 0: loadbalancing "random" is not known; use dns or eds`,
		}},
		{changes{"inferencePool": "llm"}, nil},
		{changes{"inferencePool": "llm", "port": "9002", "loadbalancing": "eds"}, nil},
		{changes{"inferencePool": "llm", "loadbalancing": "dns"}, []string{
			`trigger 0: loadbalancing "dns" does not go with inferencePool, whose picker chooses Pods; use eds or leave it out`,
		}},
		{changes{"inferencePool": "llm", "service": "-", "port": "-"}, []string{
			`warning: trigger 0: service is missing; requests go to the inferencePool, ` +
				`but name the Service of the same Pods, too, so that their selectors can be compared`,
		}},
		{changes{"inferencePool": "llm", "service": "-", "port": "9002", "portName": "grpc"}, []string{
			`warning: trigger 0: service is missing; requests go to the inferencePool, ` +
				`but name the Service of the same Pods, too, so that their selectors can be compared`,
			`trigger 0: port "9002" and portName "grpc" are both set; keep one`,
		}},
		{changes{"inferencePool": "llm", "port": "-"}, []string{
			`trigger 0: port is missing; set port, or portName for the name of a port of the Service`,
		}},
		{changes{"inferencePool": "other/llm"}, []string{
			`trigger 0: inferencePool "other/llm" is not the name of an InferencePool; use the name alone of one in the same namespace`,
		}},
		{changes{"fallbackService": "web-pods"}, []string{
			`warning: trigger 0: fallbackService has no effect without trafficAutowire service; remove it`,
		}},
	})
}

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
		{changes{"tlsMode": "passthrough", "hosts": "a.example.org, 192.0.2.1"}, []string{
			`trigger 0: hosts item "192.0.2.1" is an address, and does not go with tlsMode "passthrough", which sees server names only: ` +
				`no client names an address there; use a DNS name`,
		}},
		{changes{"tlsMode": "passthrough", "headers": "[{name: a}]"}, []string{
			`trigger 0: headers does not go with tlsMode "passthrough", which sees server names only; leave it out, or use reencrypt`,
		}},
		{changes{"tlsMode": "passthrough", "inferencePool": "llm"}, []string{
			`trigger 0: inferencePool "llm" does not go with tlsMode "passthrough", which sees server names only; use plaintext or reencrypt`,
		}},
		{changes{"tlsMode": "passthrough", "tlsSecretName": "cert", "coldStartWaitingPageEnabled": "true", "healthcheckPath": "/healthz"},
			[]string{
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
