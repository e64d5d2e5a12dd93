package trigger

import (
	"testing"
)

// TestHoldRules: bounds.
func TestHoldRules(t *testing.T) {
	wantRules(t, []rule{
		{changes{"holdTimeout": "500ms"}, []string{
			`trigger 0: holdTimeout "500ms" is out of range; use 1s to 1h`,
		}},
		{changes{"holdTimeout": "2h"}, []string{
			`trigger 0: holdTimeout "2h" is out of range; use 1s to 1h`,
		}},
		{changes{"holdTimeout": "30"}, []string{
			`trigger 0: holdTimeout "30" is not a duration; add the unit, like "30s"`,
		}},
		{changes{"maxPendingRequests": "0"}, []string{
			`trigger 0: maxPendingRequests "0" is out of range; use 1 to 1000000`,
		}},
		{changes{"maxPendingRequests": "1000001"}, []string{
			`trigger 0: maxPendingRequests "1000001" is out of range; use 1 to 1000000`,
		}},
		{changes{"scaleFromZero": "all"}, []string{
			`trigger 0: scaleFromZero "all" is not known; use one or needed`,
		}},
	})
}

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
