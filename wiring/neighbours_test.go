package wiring_test

import (
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const otherScalerYAML = `
apiVersion: v1
kind: Service
metadata: {namespace: shop, name: other}
spec: {selector: {app: other}, ports: [{name: http, port: 80, targetPort: 3000}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {namespace: shop, name: other}
spec:
  rules:
  - host: other.example.com
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: other, port: {number: 80}}}}]}
---
`

// other adds a second trigger to namespace shop, of a Service "other".
func (r *rig) other() {
	r.t.Helper()
	r.set(otherScalerYAML + strings.TrimSpace(strings.NewReplacer("web-0", "other-0", "scaledObject: web", "scaledObject: other",
		"shop.example.com", "other.example.com", "service: web", "service: other", "name: web", "name: other").Replace(scalerYAML)))
	r.accept("other-0")
}

// TestRefusedServiceKeepsNoNeighbour: a quota that has no room for one wired Service changes nothing for another
// application of the namespace. Its requests go directly when proxies are ill, and its status says so: otherwise
// it would be scaled to zero under them. The Service without room says nothing that is not so.
func TestRefusedServiceKeepsNoNeighbour(t *testing.T) {
	t.Parallel()
	r := newRig(newCluster(t, webYAML, ingressYAML))
	r.refuses.Store("apply Service other-kedify")
	r.other()
	r.leader()
	r.Eventually(r.rewired).Should(HavePrefix("True/Rewired"))
	r.Eventually(r.path).Should(Equal(throughProxies))
	r.proxies(false)
	r.Eventually(r.path).Should(Equal(directly))
	r.Eventually(func() string { return r.rewiredOf("other-0") }).Should(And(
		HavePrefix("False/WriteRefused: Service shop/other-kedify is not as it should be"), ContainSubstring("exceeded quota")))
	wired := r.scaler("other-0").Status.Wiring
	r.Expect(wired == nil || wired.Path == "Direct").To(BeTrue(), "%+v", wired)
	r.proxies(true)
	r.Eventually(r.path).Should(Equal(throughProxies))
}

// TestRightsTakenAway: the API server forbids to change an Ingress. The condition says what it says, and once the
// right is back the Ingress is rewired without a touch.
func TestRightsTakenAway(t *testing.T) {
	t.Parallel()
	r := newRig(newCluster(t, webYAML, ingressYAML))
	r.refuses.Store("patch Ingress web")
	r.leader()
	r.Eventually(r.rewired).Should(And(
		HavePrefix("False/WriteRefused: Ingress shop/web is not rewired, because the API server refuses the change"),
		ContainSubstring("exceeded quota")))
	r.Expect(r.backends()).To(Equal([]string{"web", "files"}))
	r.refuses.Store("")
	r.Eventually(r.rewired).Should(HavePrefix("True/Rewired"))
	r.Expect(r.backends()).To(Equal([]string{"web-kedify", "files"}))
}

// TestOwnershipEnds: an object is restored, and then the API server refuses to take the product out of its field owners.
// No plan knows of it any more; it is done as soon as it can be.
func TestOwnershipEnds(t *testing.T) {
	t.Parallel()
	r := newRig(newCluster(t, webYAML, ingressYAML))
	r.leader()
	r.Eventually(r.rewired).Should(HavePrefix("True/Rewired"))
	r.refusesNext.Store("patch Ingress web")
	r.Expect(r.client.Delete(t.Context(), r.scaler("web-0"))).To(Succeed())
	r.Eventually(r.backends).Should(Equal([]string{"web", "files"}))
	r.Consistently(func() bool { return r.owns("web") }, 300*time.Millisecond).Should(BeTrue())
	r.refusesNext.Store("")
	r.refuses.Store("")
	r.Eventually(func() bool { return r.owns("web") }).Should(BeFalse())
}

// TestServiceOfAGateway: the Service of the proxies of a Gateway "web" has the name of the wired Service of a Service
// "web", and the label of the product. It stays what it is.
func TestServiceOfAGateway(t *testing.T) {
	t.Parallel()
	r := newRig(newCluster(t, webYAML, ingressYAML, `
apiVersion: v1
kind: Service
metadata: {namespace: shop, name: web-kedify, labels: {app.kubernetes.io/managed-by: kedify-gateway}}
spec: {selector: {proxies: of-gateway-web}, ports: [{name: http, port: 8000}]}
`))
	r.leader()
	r.Eventually(r.rewired).Should(HavePrefix("False/ServiceNotOurs"))
	service := &corev1.Service{}
	r.Expect(r.client.Get(t.Context(), client.ObjectKey{Namespace: "shop", Name: "web-kedify"}, service)).To(Succeed())
	r.Expect(service.Spec.Selector).To(Equal(map[string]string{"proxies": "of-gateway-web"}))
	r.Expect(r.backends()).To(Equal([]string{"web", "files"}))
}
