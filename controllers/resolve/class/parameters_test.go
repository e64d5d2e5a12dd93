package class

import (
	"strings"
	"testing"
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
