package wiring_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// TestWithdrawnCondition: a trigger that asks for no rewriting any more has no condition of it. What the controllers
// say under the same type, and conditions of others, stay.
func TestWithdrawnCondition(t *testing.T) {
	t.Parallel()
	r, _ := wiredRig(t)
	r.edit("web-0", func(s *v1alpha1.HTTPScaler) { s.Spec.Autowire = []v1alpha1.AutowireKind{v1alpha1.AutowireNone} })
	r.Eventually(r.backends).Should(Equal([]string{"web", "files"}))
	r.Eventually(r.rewired).Should(Equal("absent"))
	r.Expect(r.scaler("web-0").Status.Conditions).To(HaveLen(1))
}
