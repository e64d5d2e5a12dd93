package class

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/scope"
	"github.com/kedify/inference-gateway/controllers/store"
)

// TestFamilies: families of addresses that the API server would refuse in the Service are refused here.
func TestFamilies(t *testing.T) {
	for text, field := range map[string]string{
		"{ipFamilies: [IPv6]}": "", "{ipFamilyPolicy: SingleStack, ipFamilies: [IPv6]}": "", "{ipFamilyPolicy: RequireDualStack}": "",
		"{ipFamilyPolicy: PreferDualStack, ipFamilies: [IPv6, IPv4]}": "",
		"{ipFamilies: [IPv4, IPv6]}":                                  "spec.service.ipFamilies has two families",
		"{ipFamilyPolicy: PreferDualStack, ipFamilies: [IPv4, IPv4]}": "spec.service.ipFamilies has IPv4 twice",
		"{ipFamilies: [IPX]}":                                         `spec.service.ipFamilies[0] "IPX" is neither`,
		"{ipFamilyPolicy: Both}":                                      `spec.service.ipFamilyPolicy "Both" is not`,
	} {
		err := CheckParameters(specOf(t, "service: "+text))
		if field == "" && err != nil || field != "" && (err == nil || !strings.Contains(err.Error(), field)) {
			t.Errorf("%s: %v, want %q", text, err, field)
		}
	}
	class := specOf(t, "service: {ipFamilyPolicy: PreferDualStack, ipFamilies: [IPv6, IPv4]}")
	merged := MergeParameters(class, specOf(t, "service: {ipFamilyPolicy: SingleStack}"))
	if got := merged.Service.IPFamilies; len(got) != 1 || got[0] != "IPv6" {
		t.Errorf("a single family of %v: %v", class.Service.IPFamilies, got)
	}
	if got := MergeParameters(class, specOf(t, "service: {type: NodePort}")).Service.IPFamilies; len(got) != 2 {
		t.Errorf("the families of the class: %v", got)
	}
}

// TestParametersOutside: a class may name parameters of a namespace that is not watched. Whether they exist is unknown.
func TestParametersOutside(t *testing.T) {
	view := store.NewWithin(scope.Of("system", []string{"shop"})).View(nil)
	for namespace, want := range map[string]string{
		"shop":      "GatewayParameters shop/p does not exist",
		"elsewhere": "GatewayParameters elsewhere/p is in namespace elsewhere, which this installation does not watch (--watch-namespaces)",
	} {
		_, problem := ReadParameters(view, ParametersRef{
			Field: "spec.parametersRef", Group: v1alpha1.GroupName, Kind: "GatewayParameters",
			Key: types.NamespacedName{Namespace: namespace, Name: "p"},
		})
		if problem.Reason != string(gwv1.GatewayReasonInvalidParameters) || !strings.HasPrefix(problem.Message, "spec.parametersRef: "+want) {
			t.Errorf("%+v, want %q", problem, want)
		}
	}
}
