package wiring_test

import (
	"fmt"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// setStatus writes the address of an Ingress, as its controller does now and then.
func (r *rig) setStatus(address string) {
	r.t.Helper()
	text := fmt.Sprintf(`{"status":{"loadBalancer":{"ingress":[{"ip":%q}]}}}`, address)
	r.Expect(r.client.Patch(r.t.Context(), r.untyped("Ingress", "web"), client.RawPatch(types.MergePatchType, []byte(text)))).To(Succeed())
}

// TestVersionsThatMeanNothing: a version of an object that differs in nothing that plans read, such as a status,
// is what the next patch is made for. Otherwise each patch would be one of a version that is gone.
func TestVersionsThatMeanNothing(t *testing.T) {
	t.Parallel()
	r := newRig(newCluster(t, webYAML, ingressYAML))
	r.Expect(r.client.Delete(t.Context(), r.scaler("web-0"))).To(Succeed())
	r.leader()
	r.Consistently(r.backends, "300ms").Should(Equal([]string{"web", "files"}))
	r.setStatus("192.0.2.1")

	r.set(scalerYAML)
	r.accept("web-0")
	r.Eventually(r.backends).Should(Equal([]string{"web-kedify", "files"}))
	r.Eventually(r.rewired).Should(HavePrefix("True/Rewired"))
	r.setStatus("192.0.2.2")
	r.Expect(r.client.Delete(t.Context(), r.scaler("web-0"))).To(Succeed())
	r.Eventually(r.backends).Should(Equal([]string{"web", "files"}))
}
