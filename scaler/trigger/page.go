package trigger

import "github.com/kedify/inference-gateway/api/v1alpha1"

func (r *reader) waitingPage() v1alpha1.HTTPScalerPage {
	return r.page(keyWaitingPageEnabled, keyWaitingPageConfigMap)
}

func (r *reader) maintenancePage() v1alpha1.HTTPScalerPage {
	return r.page(keyMaintenancePageEnabled, keyMaintenancePageConfigMap)
}

// page has a ConfigMap only while it is switched on.
func (r *reader) page(enabled, configMap string) v1alpha1.HTTPScalerPage {
	name := r.objectName(configMap, "a ConfigMap")
	if r.flag(enabled) {
		return v1alpha1.HTTPScalerPage{Enabled: true, ConfigMap: name}
	}
	if !r.refused(enabled, configMap) {
		r.ignore(configMap, "without "+enabled+" true")
	}
	return v1alpha1.HTTPScalerPage{}
}
