package plane_test

import (
	"strings"
	"testing"
	"time"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
)

// The proxies of every replica keep the route of a trigger whose ScaledObject was deleted while a wired
// Service leads to them: what was rewritten for it still sends requests.
func TestWiredRouteOutlivesItsTrigger(t *testing.T) {
	stays := strings.NewReplacer("name: web}", "name: stays}", "web.example.com", "stays.example.com", "service: a",
		"service: b").Replace(scaledObjectYAML)
	c := newCluster(t, serviceYAML("a", "10.0.0.1"), serviceYAML("b", "10.0.0.2"), scaledObjectYAML, stays)
	c.routeGrace = 2 * time.Second
	replicas := []*replica{c.leader("127.0.0.1"), c.replica("127.0.0.2")}
	trigger := &v1alpha1.HTTPScaler{ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: "web-0"}}
	c.Eventually(c.condition(trigger, "Accepted")).Should(HavePrefix("True/"))
	wired := `{"status":{"wiring":{"path":"Direct","since":"2026-11-29T12:00:00Z","services":["a-kedify"]}}}`
	c.Expect(c.client.Status().Patch(t.Context(), trigger.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(wired)))).To(Succeed())
	c.Eventually(c.condition(trigger, "Bypassed")).Should(Equal("True/Direct"))
	has := make([]func() string, 0, len(replicas))
	for _, r := range replicas {
		proxy := r.proxy(types.NamespacedName{Namespace: "apps", Name: v1alpha1.ProxyGatewayName}, deltatest.Options{})
		has = append(has, version(proxy, resource.Route, "8080/web.example.com"))
		c.Eventually(has[len(has)-1]).ShouldNot(BeEmpty())
	}

	c.Expect(c.client.Delete(t.Context(),
		&kedav1alpha1.ScaledObject{ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: "web"}})).To(Succeed())
	c.Eventually(func() bool {
		return apierrors.IsNotFound(c.client.Get(t.Context(), client.ObjectKey{Namespace: "apps", Name: "web-0"}, routeNamed("web-0")))
	}).Should(BeTrue(), "the route is gone")
	for _, version := range has {
		c.Consistently(version, time.Second/2, 10*time.Millisecond).ShouldNot(BeEmpty())
	}
	for _, version := range has {
		c.Eventually(version).Should(BeEmpty())
	}
}
