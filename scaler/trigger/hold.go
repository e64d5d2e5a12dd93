package trigger

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// Bounds of holdTimeout and maxPendingRequests, and of the defaults of an installation.
const (
	MinHoldTimeout  = time.Second
	MaxHoldTimeout  = time.Hour
	MaxHeldRequests = 1_000_000
)

// hold leaves to the install what the trigger does not say.
func (r *reader) hold() v1alpha1.HTTPScalerHold {
	var hold v1alpha1.HTTPScalerHold
	if timeout := r.duration(keyHoldTimeout, MinHoldTimeout, MaxHoldTimeout, 0); timeout != 0 {
		hold.Timeout = &metav1.Duration{Duration: timeout}
	}
	if pending := int32(r.whole(keyMaxPending, 1, MaxHeldRequests, 0)); pending != 0 {
		hold.MaxPending = &pending
	}
	return hold
}

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
