package plane_test

import (
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	certificatesv1 "k8s.io/api/certificates/v1"
	certificatesv1alpha1 "k8s.io/api/certificates/v1alpha1"
	certificatesv1beta1 "k8s.io/api/certificates/v1beta1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
)

const bundlePolicyYAML = `
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {namespace: apps, name: a}
spec:
  targetRefs: [{group: "", kind: Service, name: a}]
  validation:
    hostname: a.example.com
    caCertificateRefs: [{group: certificates.k8s.io, kind: ClusterTrustBundle, name: "example.com:roots:v1"}]
`

var bundleVersions = []schema.GroupVersion{
	certificatesv1.SchemeGroupVersion, certificatesv1beta1.SchemeGroupVersion, certificatesv1alpha1.SchemeGroupVersion,
}

// serveBundles has the API server serve ClusterTrustBundles in these versions alone.
func (c *cluster) serveBundles(versions ...schema.GroupVersion) {
	for _, version := range bundleVersions {
		c.api.Serve(version.WithKind("ClusterTrustBundle"), slices.Contains(versions, version))
	}
}

func bundleYAML(version schema.GroupVersion, content []byte) string {
	return "apiVersion: " + version.String() + "\n" + strings.Replace(fixture.TrustBundle("roots", content), "name: roots",
		`name: "example.com:roots:v1"`, 1)
}

// A policy follows its ClusterTrustBundle, in each version that an API server has: when it comes, changes, goes and
// comes back. Other routes notice nothing.
func TestTrustBundleIsFollowed(t *testing.T) {
	for _, served := range bundleVersions {
		t.Run(served.Version, func(t *testing.T) {
			c := newCluster(t, gatewayYAML, serviceYAML("a", "10.0.0.1"), serviceYAML("b", "10.0.0.2"), bundlePolicyYAML,
				routeYAML("r", "a.example.com", toA), routeYAML("other", "b.example.com", `  - {backendRefs: [{name: b, port: 80}]}`))
			c.serveBundles(served)
			proxy := c.leader("127.0.0.1").proxy(gatewayKey, deltatest.Options{})
			const untrusted, roots = "ca/policy/apps/a", "ca/bundle/example.com:roots:v1"
			proxy.Subscribe(resource.Secret, untrusted, roots)
			policy := &gwv1.BackendTLSPolicy{}
			policy.Namespace, policy.Name = "apps", "a"
			valid := func() string { return c.condition(policy, "Accepted")() + " " + c.condition(policy, "ResolvedRefs")() }
			const missing = "False/NoValidCACertificate False/InvalidCACertificateRef"
			c.Eventually(valid).Should(Equal(missing))
			c.Eventually(version(proxy, resource.Secret, untrusted)).ShouldNot(BeEmpty(), "nothing is trusted")
			other := version(proxy, resource.Cluster, "service/apps/b/80")()

			c.set(bundleYAML(served, fixture.NewPair(t).Certificate))
			c.Eventually(valid).Should(Equal("True/Accepted True/ResolvedRefs"))
			first := version(proxy, resource.Secret, roots)
			c.Eventually(first).ShouldNot(BeEmpty())
			before := first()
			c.set(bundleYAML(served, fixture.NewPair(t).Certificate))
			c.Eventually(first).ShouldNot(Equal(before), "a change of the bundle")

			c.set(bundleYAML(served, []byte("nonsense")))
			c.Eventually(valid).Should(Equal(missing))
			c.Expect(c.find(policy, "ResolvedRefs").Message).To(ContainSubstring("spec.trustBundle of ClusterTrustBundle example.com:roots:v1"))
			c.Expect(version(proxy, resource.Cluster, "service/apps/b/80")()).To(Equal(other))
		})
	}
}

// Without ClusterTrustBundles in the API server a replica serves all the rest, its GatewayClass does not claim the feature,
// and an object that refers to one says why that does not work. An API server that gets them later is noticed.
func TestTrustBundlesThatAreNotServed(t *testing.T) {
	c := newCluster(t, gatewayYAML, serviceYAML("a", "10.0.0.1"), routeYAML("r", "a.example.com", toA), bundlePolicyYAML)
	c.serveBundles()
	leader := c.leader("127.0.0.1")
	c.Eventually(c.condition(routeNamed("r"), "Accepted")).Should(Equal("True/Accepted"))
	policy := &gwv1.BackendTLSPolicy{}
	policy.Namespace, policy.Name = "apps", "a"
	c.Eventually(c.condition(policy, "ResolvedRefs")).Should(Equal("False/InvalidKind"))
	c.Expect(c.find(policy, "ResolvedRefs").Message).To(ContainSubstring("not supported by the API server of this cluster"))
	c.Expect(c.condition(policy, "Accepted")()).To(Equal("False/NoValidCACertificate"))
	claimed := func() (names []string) {
		class := &gwv1.GatewayClass{}
		c.Expect(c.client.Get(t.Context(), client.ObjectKey{Name: "kedify"}, class)).To(Succeed())
		for _, feature := range class.Status.SupportedFeatures {
			names = append(names, string(feature.Name))
		}
		return names
	}
	c.Eventually(claimed).Should(ContainElement("Gateway"))
	c.Expect(claimed()).NotTo(ContainElement("ClusterTrustBundle"))
	c.Expect(leader.Ready()).To(Succeed())

	c.set(bundleYAML(certificatesv1.SchemeGroupVersion, fixture.NewPair(t).Certificate))
	c.serveBundles(certificatesv1.SchemeGroupVersion)
	c.Eventually(c.condition(policy, "ResolvedRefs"), "20s").Should(Equal("True/ResolvedRefs"))
	c.Eventually(claimed).Should(ContainElement("ClusterTrustBundle"))
}
