package trigger

import (
	"fmt"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// wiredServiceWanted is the value of the annotation that asks for a wired Service; wiredServiceUnwanted
// says the same as no annotation.
const (
	wiredServiceWanted   = "true"
	wiredServiceUnwanted = "false"
)

// wiredService reports whether the annotation of an object asks for wired Services.
func wiredService(object Object) bool {
	return object.Annotations[v1alpha1.WiredServiceAnnotation] == wiredServiceWanted
}

// wiredServiceProblem says what is wrong with the annotation; empty: nothing. It is a warning: the
// triggers work without a wired Service.
func wiredServiceProblem(object Object) string {
	switch value, found := object.Annotations[v1alpha1.WiredServiceAnnotation]; {
	case !found, value == wiredServiceWanted, value == wiredServiceUnwanted:
		return ""
	default:
		return fmt.Sprintf("annotation %s has the value %s, so no wired Service is made; use %q or %q",
			v1alpha1.WiredServiceAnnotation, quote(value), wiredServiceWanted, wiredServiceUnwanted)
	}
}

// ignoreWiredService warns of the annotation on a trigger without proxies of the product.
func (r *reader) ignoreWiredService() {
	if wiredService(r.object) {
		r.warn(v1alpha1.WiredServiceAnnotation, "annotation %s has no effect with %s; remove it",
			v1alpha1.WiredServiceAnnotation, v1alpha1.TriggerEnvoyHTTP)
	}
}

// NoWiredService warns of an accepted trigger that asks for a wired Service while autowiring is switched
// off; empty: it does not ask.
func NoWiredService(spec v1alpha1.HTTPScalerSpec) string {
	if !spec.WiredService {
		return ""
	}
	return fmt.Sprintf("annotation %s asks for a wired Service, and autowiring is switched off (autowire.enabled of the chart), "+
		"so none is made; switch it on, or remove the annotation", v1alpha1.WiredServiceAnnotation)
}
