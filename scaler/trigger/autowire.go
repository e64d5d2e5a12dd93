package trigger

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// autowireKinds are the kinds that trafficAutowire may name.
var autowireKinds = []v1alpha1.AutowireKind{
	v1alpha1.AutowireHTTPRoute, v1alpha1.AutowireIngress, v1alpha1.AutowireVirtualService,
	v1alpha1.AutowireRoute, v1alpha1.AutowireService, v1alpha1.AutowireGloo,
}

// autowire is a list of kinds, in any case; nil: the default.
func (r *reader) autowire() (kinds []v1alpha1.AutowireKind) {
	for _, kind := range r.list(keyTrafficAutowire, len(autowireKinds), lower) {
		kinds = append(kinds, v1alpha1.AutowireKind(kind))
	}
	for _, kind := range kinds {
		switch {
		case kind == v1alpha1.AutowireNone, kind == v1alpha1.AutowireService:
			if len(kinds) > 1 {
				r.refuse(keyTrafficAutowire, "trafficAutowire has %q beside other kinds; write it alone or remove it", kind)
			}
		case kind == v1alpha1.AutowireGloo:
			r.warn(keyTrafficAutowire, "trafficAutowire %q is not done here; point the Gloo objects at the proxy yourself", kind)
		case !slices.Contains(autowireKinds, kind):
			r.refuse(keyTrafficAutowire, "trafficAutowire has %s, which is not known; use %s, or %s for none",
				quote(string(kind)), strings.Join(texts(autowireKinds), ", "), quote(string(v1alpha1.AutowireNone)))
		}
	}
	if !r.refused(keyTrafficAutowire) {
		r.autowireService(slices.Contains(kinds, v1alpha1.AutowireService))
	}
	return kinds
}

// Unwired warns of an accepted trigger whose trafficAutowire names kinds while autowiring is switched off:
// no object is pointed at the proxy, so the demand is unknown until a request comes through it. Empty: it
// names none. Without trafficAutowire it depends on other objects, which the controller looks at.
func Unwired(spec v1alpha1.HTTPScalerSpec) string {
	if len(spec.Autowire) == 0 || slices.Equal(spec.Autowire, []v1alpha1.AutowireKind{v1alpha1.AutowireNone}) {
		return ""
	}
	return fmt.Sprintf("%s %s is not wired, because autowiring is switched off (autowire.enabled of the chart): until a first request "+
		"comes through the proxy the demand is unknown, KEDA gets an error and keeps the replicas; point these objects at the proxy, "+
		"then write %q",
		keyTrafficAutowire, strings.Join(texts(spec.Autowire), ", "), v1alpha1.AutowireNone)
}

// autowireService: callers of the Service come through the proxy, so the Service itself can
// no longer lead to the Pods.
func (r *reader) autowireService(wanted bool) {
	switch {
	case !wanted:
		r.ignore(keyFallbackService, "without trafficAutowire service")
	case r.pooled():
		r.refuse(keyTrafficAutowire, "trafficAutowire %q does not go with inferencePool; leave it out", v1alpha1.AutowireService)
	case r.text(keyFallbackService) == "":
		r.refuse(keyFallbackService, "fallbackService is missing; trafficAutowire %q needs a second Service, "+
			"with the selector that service must not have",
			v1alpha1.AutowireService)
	}
}
