package charts_test

import (
	"strings"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
)

// TestX8RoutesOfTheSharedProxy: no tenant attaches a route to the proxy of all namespaces, or changes one that was made
// for a trigger; the product makes them, and routes of other Gateways are not looked at.
func TestX8RoutesOfTheSharedProxy(t *testing.T) {
	policy := newWrites(t, named[*admissionregistrationv1.ValidatingAdmissionPolicy](t,
		rendered(t, "--set=kedifyProxy.clusterWide=true"), "kedify-gateway-shared-routes"))
	const (
		attached = "metadata: {namespace: two, name: a}\n" +
			"spec: {hostnames: [two.test], parentRefs: [{name: kedify-proxy, namespace: kedify-system}]}"
		stolen = "metadata: {namespace: two, name: a}\n" +
			"spec: {hostnames: [one.test], parentRefs: [{name: kedify-proxy, namespace: kedify-system}]}"
		labelled = "metadata: {namespace: two, name: a, labels: {a: b}}\n" +
			"spec: {hostnames: [two.test], parentRefs: [{name: kedify-proxy, namespace: kedify-system}]}"
		second = "metadata: {namespace: two, name: a}\n" +
			"spec: {parentRefs: [{name: web}, {name: kedify-proxy, namespace: kedify-system, sectionName: http}]}"
		local   = "metadata: {namespace: two, name: a}\nspec: {parentRefs: [{name: kedify-proxy}]}"
		other   = "metadata: {namespace: two, name: a}\nspec: {parentRefs: [{name: web, namespace: kedify-system}]}"
		none    = "metadata: {namespace: two, name: a}\nspec: {}"
		ofAdmin = "metadata: {namespace: kedify-system, name: a}\nspec: {parentRefs: [{name: kedify-proxy}]}"
	)
	for title, c := range map[string]struct {
		write
		want bool
	}{
		"a tenant attaches":            {write{"alice", "CREATE", "gateway.networking.k8s.io", "httproutes", "", attached}, false},
		"as a second parent":           {write{"alice", "CREATE", "gateway.networking.k8s.io", "grpcroutes", "", second}, false},
		"a tenant moves a route there": {write{"alice", "UPDATE", "gateway.networking.k8s.io", "httproutes", other, attached}, false},
		"a tenant changes a host":      {write{"alice", "UPDATE", "gateway.networking.k8s.io", "httproutes", attached, stolen}, false},
		"a tenant changes a label":     {write{"alice", "UPDATE", "gateway.networking.k8s.io", "httproutes", attached, labelled}, true},
		"the product makes it":         {write{controllersUser, "CREATE", "gateway.networking.k8s.io", "httproutes", "", attached}, true},
		"a proxy of the namespace":     {write{"alice", "CREATE", "gateway.networking.k8s.io", "httproutes", "", local}, true},
		"another Gateway":              {write{"alice", "CREATE", "gateway.networking.k8s.io", "httproutes", "", other}, true},
		"no parent":                    {write{"alice", "CREATE", "gateway.networking.k8s.io", "httproutes", "", none}, true},
		"the administrator":            {write{"root", "CREATE", "gateway.networking.k8s.io", "httproutes", "", ofAdmin}, true},
		"a ServiceAccount of a tenant": {write{"system:serviceaccount:two:kedify-gateway", "CREATE", "gateway.networking.k8s.io",
			"httproutes", "", attached}, false},
	} {
		if got := policy.allowed(t, c.write); got != c.want {
			t.Errorf("%s: allowed is %t", title, got)
		}
	}
	if text, err := template(t); err != nil || strings.Contains(text, "shared-routes") {
		t.Errorf("without a shared proxy: %v", err)
	}
}
