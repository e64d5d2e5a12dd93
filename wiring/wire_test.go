package wiring_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/wiring/foreign"
)

func nested(content map[string]any, path ...string) ([]any, bool, error) {
	return unstructured.NestedSlice(content, path...)
}

// TestT40Ingress: an Ingress that leads to a scaled application leads to its wired Service, by one word; its
// other backends stay.
func TestT40Ingress(t *testing.T) {
	t.Parallel()
	r := newRig(newCluster(t, webYAML, ingressYAML))
	before := r.untyped("Ingress", "web")
	r.leader()
	r.Eventually(r.backends).Should(Equal([]string{"web-kedify", "files"}))
	r.Eventually(r.path).Should(Equal(throughProxies))
	after := r.untyped("Ingress", "web")
	r.Expect(after.GetAnnotations()).To(HaveKeyWithValue(v1alpha1.OriginalBackendsAnnotation, `{"web-kedify":"web"}`))
	text := strings.ReplaceAll(fmt.Sprint(after.Object["spec"]), "web-kedify", "web")
	r.Expect(text).To(Equal(fmt.Sprint(before.Object["spec"])), "one word differs")
	r.Eventually(func() string { return r.rewired() }).Should(HavePrefix("True/Rewired"))
	r.Expect(r.scaler("web-0").Status.Wiring.Objects).To(Equal([]string{"Ingress shop/web"}))
}

// rewired is the condition of the trigger.
func (r *rig) rewired() string { return r.rewiredOf("web-0") }

func (r *rig) rewiredOf(scaler string) string {
	for _, condition := range r.scaler(scaler).Status.Conditions {
		if condition.Type == "Rewired" {
			return string(condition.Status) + "/" + condition.Reason + ": " + condition.Message
		}
	}
	return "absent"
}

// TestT48LaterObject: an object that is made after the trigger is wired without a touch, and restored with the
// trigger.
func TestT48LaterObject(t *testing.T) {
	t.Parallel()
	r := newRig(newCluster(t, webYAML))
	r.leader()
	r.Eventually(r.rewired).Should(HavePrefix("False/NothingToRewire"))
	r.set(ingressYAML)
	before := r.untyped("Ingress", "web").Object["spec"]
	r.Eventually(r.backends).Should(ContainElement("web-kedify"))
	r.Expect(r.client.Delete(t.Context(), r.scaler("web-0"))).To(Succeed())
	r.Eventually(r.backends).Should(Equal([]string{"web", "files"}))
	r.Eventually(func() bool { return r.owns("web") }).Should(BeFalse(), "the product owns no field any more")
	r.Expect(r.untyped("Ingress", "web").Object["spec"]).To(Equal(before))
}

// TestT55Leftover: what a process restored and did not disown before it ended, the next leader disowns. What is
// rewritten stays the product's.
func TestT55Leftover(t *testing.T) {
	t.Parallel()
	c := newCluster(t, webYAML, ingressYAML, strings.ReplaceAll(ingressYAML, "name: web, annotations", "name: restored, annotations"))
	restored := c.untyped("Ingress", "restored")
	c.patch(restored, []foreign.Operation{{Op: "replace", Path: "/spec/rules/0/http/paths/1/backend/service/name", Value: "assets"}})
	r := newRig(c)
	r.Expect(r.owns("restored")).To(BeTrue())
	r.leader()
	r.Eventually(func() bool { return r.owns("restored") }).Should(BeFalse())
	r.Eventually(r.backends).Should(ContainElement("web-kedify"))
	r.Consistently(func() bool { return r.owns("web") }, 300*time.Millisecond).Should(BeTrue())
}

// owns reports whether the product is among the field owners of an Ingress.
func (r *rig) owns(name string) bool {
	for _, entry := range r.untyped("Ingress", name).GetManagedFields() {
		if entry.Manager == "kedify-gateway-wiring" {
			return true
		}
	}
	return false
}

// TestManyObjects: 500 Ingresses with 2,000 paths are wired by one patch each, and at rest nothing is written.
// How long that takes on a cluster is a test of its own; here the time is logged.
func TestManyObjects(t *testing.T) {
	const count = 500
	c := newCluster(t, webYAML)
	for i := range count {
		c.set(strings.NewReplacer("name: web, annotations", fmt.Sprintf("name: web-%d, annotations", i),
			"  - host: shop.example.com", "  - host: shop.example.com\n    http: {paths: ["+
				"{path: /a, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}, "+
				"{path: /b, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}\n  - host: www.shop.example.com").
			Replace(ingressYAML))
	}
	r := newRig(c)
	r.edit("web-0", func(s *v1alpha1.HTTPScaler) { s.Spec.Hosts = []string{"shop.example.com", "www.shop.example.com"} })
	began := time.Now()
	r.leader()
	wired := func() int {
		patched := 0
		for _, write := range r.written() {
			if strings.HasPrefix(write, "patch Ingress ") {
				patched++
			}
		}
		return patched
	}
	r.Eventually(wired).WithTimeout(3 * time.Minute).Should(BeNumerically(">=", count))
	t.Logf("wired %d Ingresses in %s", count, time.Since(began))
	r.Eventually(r.rewired).Should(HavePrefix("True/Rewired"))
	r.Eventually(r.quiet(500 * time.Millisecond)).Should(BeTrue())
	r.Expect(wired()).To(Equal(count), "one patch each")
}

// quiet reports whether nothing was written for a while.
func (r *rig) quiet(span time.Duration) func() bool {
	last, since := len(r.written()), time.Now()
	return func() bool {
		if now := len(r.written()); now != last {
			last, since = now, time.Now()
		}
		return time.Since(since) >= span
	}
}
