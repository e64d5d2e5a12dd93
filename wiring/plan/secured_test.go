package plan

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// TestRulesOfTLS: a VirtualService stays as it is if a DestinationRule that Istio finds for its consumers sets TLS to
// the Service. That of another tenant hurts no application.
func TestRulesOfTLS(t *testing.T) {
	for name, row := range map[string]struct {
		namespace, host, mode string
		stays                 bool
	}{
		"of the Service":                     {"shop", "web", "SIMPLE", true},
		"without TLS":                        {"shop", "web", "DISABLE", false},
		"of another Service":                 {"shop", "web2", "SIMPLE", false},
		"of the mesh":                        {"istio-system", "web.shop.svc.cluster.local", "ISTIO_MUTUAL", true},
		"of the namespace of a gateway":      {"edge", "web.shop.svc.corp", "SIMPLE", true},
		"of another tenant":                  {"evil", "web.shop.svc.cluster.local", "SIMPLE", false},
		"of another tenant, for the new one": {"evil", "web-kedify.shop.svc.cluster.local", "SIMPLE", false},
		"of a Service of the same name":      {"istio-system", "web", "SIMPLE", false},
		"for every host":                     {"istio-system", "*", "SIMPLE", true},
		"for every Service":                  {"istio-system", "*.local", "SIMPLE", true},
		"for the namespace":                  {"istio-system", "*.shop.svc.corp", "SIMPLE", true},
		"for another namespace":              {"istio-system", "*.other.svc.cluster.local", "SIMPLE", false},
		"for hosts outside":                  {"istio-system", "*.example.com", "SIMPLE", false},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, strings.Join([]string{trigger, application, `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec: {hosts: [shop.example.com], gateways: [edge/public], http: [{route: [{destination: {host: web, port: {number: 80}}}]}]}`,
				`apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web, namespace: ` + row.namespace + `}
spec: {host: "` + row.host + `", trafficPolicy: {tls: {mode: ` + row.mode + `}}}`}, sep))
			c.converge()
			object := get[*unstructured.Unstructured](c, "VirtualService shop/web")
			leads := strings.Contains(object.GetAnnotations()["gateway.kedify.io/original-backends"], "web-kedify")
			if leads == row.stays {
				t.Errorf("led to the proxies: %t", leads)
			}
		})
	}
}
