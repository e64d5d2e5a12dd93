package wiring_test

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/utils/ptr"
)

const byServiceYAML = `
apiVersion: v1
kind: Service
metadata: {namespace: shop, name: front}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  namespace: shop
  name: front-proxies
  labels:
    app.kubernetes.io/managed-by: kedify-gateway
    endpointslice.kubernetes.io/managed-by: kedify-gateway
    kubernetes.io/service-name: front
  annotations: {gateway.kedify.io/wires: web}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [10.8.0.1], conditions: {ready: true}}]
`

const byServiceDirectYAML = `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  namespace: shop
  name: front-direct
  labels:
    app.kubernetes.io/managed-by: kedify-gateway
    endpointslice.kubernetes.io/managed-by: kedify-gateway
    kubernetes.io/service-name: front
  annotations: {gateway.kedify.io/wires: web, gateway.kedify.io/path: Proxy}
addressType: IPv4
ports: [{name: http, port: 3000}]
endpoints: [{addresses: [10.1.0.1], conditions: {ready: false, serving: true, terminating: true}}]
`

const othersYAML = `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {namespace: shop, name: front-users, labels: {kubernetes.io/service-name: front}}
addressType: IPv4
ports: [{name: http, port: 3000}]
endpoints: [{addresses: [10.1.0.1], conditions: {ready: true}}]
`

// TestUnwireReleasesServices: the slices of the product on a user's Service go where the Service has endpoints without
// them. Elsewhere they lead to the application, and not to proxies that are about to go.
func TestUnwireReleasesServices(t *testing.T) {
	t.Parallel()
	selector := strings.Replace(byServiceYAML, "spec: {", "spec: {selector: {app: web}, ", 1)
	noPod := byServiceDirectYAML[:strings.Index(byServiceDirectYAML, "endpoints:")] + "endpoints: []\n"
	for name, row := range map[string]struct {
		objects []string
		// left are the slices of the product, and ready says whether the one of the application is.
		left  []string
		ready bool
		says  string
	}{
		"its selector is back": {[]string{selector, byServiceDirectYAML}, nil, false, "Deleting the EndpointSlices of Service shop/front"},
		"other slices": {[]string{byServiceYAML, byServiceDirectYAML, othersYAML}, nil, false,
			"Deleting the EndpointSlices of Service shop/front"},
		"nothing else": {[]string{byServiceYAML, byServiceDirectYAML}, []string{"front-direct"}, true,
			"Warning: Service shop/front has no selector"},
		"the application has no Pod": {[]string{byServiceYAML, noPod}, []string{"front-direct", "front-proxies"}, false,
			"its application no Pod"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, append([]string{webYAML}, row.objects...)...)
			out, err := c.unwiring(nil)
			c.Expect(err).NotTo(HaveOccurred(), out)
			c.Expect(out).To(ContainSubstring(row.says))
			var left []string
			for _, name := range []string{"front-direct", "front-proxies"} {
				if !c.absent(&discoveryv1.EndpointSlice{}, name) {
					left = append(left, name)
				}
			}
			c.Expect(left).To(Equal(row.left))
			c.Expect(c.absent(&corev1.Service{}, "front")).To(BeFalse())
			slice := &discoveryv1.EndpointSlice{}
			if row.ready && !c.absent(slice, "front-direct") {
				c.Expect(slice.Endpoints).To(HaveLen(1))
				c.Expect(slice.Endpoints[0].Conditions).To(Equal(discoveryv1.EndpointConditions{
					Ready: ptr.To(true), Serving: ptr.To(true), Terminating: ptr.To(false),
				}))
			}
		})
	}
}

// TestUnwireInSpiteOfStrangers: a tenant that names a wired Service of another namespace keeps the product from nothing,
// unless a ReferenceGrant permits it.
func TestUnwireInSpiteOfStrangers(t *testing.T) {
	t.Parallel()
	strange := strings.NewReplacer("namespace: shop, name: web", "namespace: evil, name: web", "name: web, port: 80",
		"name: web-kedify, namespace: shop, port: 80")
	route := strange.Replace(routeYAML)
	virtual := strings.NewReplacer("namespace: shop", "namespace: evil", "host: web,",
		"host: web-kedify.shop.svc.cluster.local,").Replace(virtualServiceYAML)
	const grant = `
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {namespace: shop, name: evil}
spec:
  from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: evil}]
  to: [{group: "", kind: Service}]
`
	for name, row := range map[string]struct {
		objects []string
		stays   bool
		says    string
	}{
		"an HTTPRoute":              {[]string{route}, false, "Warning: HTTPRoute evil/web"},
		"a VirtualService":          {[]string{virtual}, false, "Warning: VirtualService evil/web"},
		"an HTTPRoute with a grant": {[]string{route, grant}, true, "Left: Service shop/web-kedify: HTTPRoute evil/web leads to it"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, append([]string{webYAML, wiredYAML}, row.objects...)...)
			out, err := c.unwiring(nil)
			c.Expect(err != nil).To(Equal(row.stays), out)
			c.Expect(out).To(ContainSubstring(row.says))
			c.Expect(c.absent(&corev1.Service{}, "web-kedify")).To(Equal(!row.stays))
		})
	}
}
