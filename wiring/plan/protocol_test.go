package plan

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

func TestServiceAnnotationsWithTLS(t *testing.T) {
	for name, test := range map[string]struct {
		annotations    map[string]string
		ingress, route bool
	}{
		"none":                     {},
		"Contour, by number":       {map[string]string{"projectcontour.io/upstream-protocol.tls": "80, 443"}, true, true},
		"Contour, by name":         {map[string]string{"projectcontour.io/upstream-protocol.h2": "secure"}, true, true},
		"Contour, another port":    {map[string]string{"projectcontour.io/upstream-protocol.tls": "8443,other"}, false, false},
		"Contour, HTTP/2 in clear": {map[string]string{"projectcontour.io/upstream-protocol.h2c": "443"}, false, false},
		"Traefik":                  {map[string]string{"traefik.ingress.kubernetes.io/service.serversscheme": "https"}, true, false},
		"Traefik, in clear":        {map[string]string{"traefik.ingress.kubernetes.io/service.serversscheme": "h2c"}, false, false},
		"Google":                   {map[string]string{"cloud.google.com/app-protocols": `{"secure":"HTTPS"}`}, true, false},
		"Google, another port":     {map[string]string{"cloud.google.com/app-protocols": `{"other":"HTTPS"}`}, false, false},
		"Google, no JSON":          {map[string]string{"cloud.google.com/app-protocols": `secure`}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			for kind, want := range map[v1alpha1.AutowireKind]bool{
				v1alpha1.AutowireIngress: test.ingress, v1alpha1.AutowireHTTPRoute: test.route, v1alpha1.AutowireVirtualService: false,
			} {
				if got := speaksTLSTo(kind, test.annotations, corev1.ServicePort{Name: "secure", Port: 443}); got != want {
					t.Errorf("%s: speaks TLS: %v, want %v", kind, got, want)
				}
			}
		})
	}
}
