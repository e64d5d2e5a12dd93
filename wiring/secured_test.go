package wiring_test

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

const virtualServiceYAML = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {namespace: shop, name: web}
spec: {hosts: [shop.example.com], http: [{route: [{destination: {host: web, port: {number: 80}}}]}]}
`

const edgeYAML = `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {namespace: shop, name: edge}
spec: {gatewayClassName: contour, listeners: []}
`

const policyYAML = `
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {namespace: shop, name: web}
spec: {targetRefs: [{group: "", kind: Service, name: web}], validation: {hostname: web, wellKnownCACertificates: System}}
`

const ruleYAML = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {namespace: istio-system, name: web}
spec: {host: web.shop.svc.cluster.local, trafficPolicy: {tls: {mode: SIMPLE}}}
`

// TestTLSByName: a consumer that speaks TLS to a Service because of another object, which names that Service, is not
// led to an entry without TLS, whichever of the objects comes first. Without that object it is.
func TestTLSByName(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ kind, object, policy string }{
		"BackendTLSPolicy": {"HTTPRoute", routeYAML, policyYAML},
		"DestinationRule":  {"VirtualService", virtualServiceYAML, ruleYAML},
		"DestinationRule with a wildcard": {"VirtualService", virtualServiceYAML,
			strings.ReplaceAll(ruleYAML, "web.shop.svc.cluster.local", `"*.local"`)},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(newCluster(t, webYAML, edgeYAML, row.object, row.policy))
			r.leader()
			rewritten := func() bool {
				_, has := r.untyped(row.kind, "web").GetAnnotations()[v1alpha1.OriginalBackendsAnnotation]
				return has
			}
			r.Eventually(r.rewired).Should(HavePrefix("False/TLSNotServed"))
			r.Expect(rewritten()).To(BeFalse())

			policy := &unstructured.Unstructured{}
			r.Expect(yaml.Unmarshal([]byte(row.policy), &policy.Object)).To(Succeed())
			r.Expect(r.client.Delete(t.Context(), policy)).To(Succeed())
			r.Eventually(rewritten).Should(BeTrue())
			r.set(row.policy)
			r.Eventually(rewritten).Should(BeFalse())
			r.Eventually(r.rewired).Should(HavePrefix("False/TLSNotServed"))
		})
	}
}
