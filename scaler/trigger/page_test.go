package trigger

import "testing"

// TestPagesRules: truth values and names of ConfigMaps.
func TestPagesRules(t *testing.T) {
	wantRules(t, []rule{
		{changes{"coldStartWaitingPageEnabled": "yes"}, []string{
			`trigger 0: coldStartWaitingPageEnabled "yes" is neither true nor false; write one of them in quotes`,
		}},
		{changes{"coldStartWaitingPageConfigMapRef": "page"}, []string{
			`warning: trigger 0: coldStartWaitingPageConfigMapRef has no effect without coldStartWaitingPageEnabled true; remove it`,
		}},
		{changes{"coldStartWaitingPageEnabled": "maybe", "coldStartWaitingPageConfigMapRef": "page"}, []string{
			`trigger 0: coldStartWaitingPageEnabled "maybe" is neither true nor false; write one of them in quotes`,
		}},
		{changes{"maintenancePageEnabled": "1"}, []string{
			`trigger 0: maintenancePageEnabled "1" is neither true nor false; write one of them in quotes`,
		}},
		{changes{"maintenancePageConfigMapRef": "page"}, []string{
			`warning: trigger 0: maintenancePageConfigMapRef has no effect without maintenancePageEnabled true; remove it`,
		}},
		{changes{"maintenancePageEnabled": "true", "maintenancePageConfigMapRef": "Page"}, []string{
			`trigger 0: maintenancePageConfigMapRef "Page" is not the name of a ConfigMap; use the name alone of one in the same namespace`,
		}},
	})
}
