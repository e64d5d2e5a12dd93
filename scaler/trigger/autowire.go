package trigger

import (
	"slices"
	"strings"
)

// Kinds that trafficAutowire may name.
const (
	AutowireHTTPRoute      = "httproute"
	AutowireIngress        = "ingress"
	AutowireVirtualService = "virtualservice"
	AutowireRoute          = "route"
	AutowireService        = "service"
	// AutowireGloo is the vendor's; it is accepted and never wired.
	AutowireGloo = "gloo"
	// AutowireNone switches it off.
	AutowireNone = "false"
)

var autowireKinds = []string{AutowireHTTPRoute, AutowireIngress, AutowireVirtualService, AutowireRoute, AutowireService, AutowireGloo}

// autowire is a list of kinds, in any case; nil: the default.
func (r *reader) autowire() []string {
	kinds := r.list(keyTrafficAutowire, len(autowireKinds), lower)
	for _, kind := range kinds {
		switch {
		case kind == AutowireNone, kind == AutowireService:
			if len(kinds) > 1 {
				r.refuse(keyTrafficAutowire, "trafficAutowire has %q beside other kinds; write it alone or remove it", kind)
			}
		case kind == AutowireGloo:
			r.warn(keyTrafficAutowire, "trafficAutowire %q is not done here; point the Gloo objects at the proxy yourself", kind)
		case !slices.Contains(autowireKinds, kind):
			r.refuse(keyTrafficAutowire, "trafficAutowire has %s, which is not known; use %s, or %s for none",
				quote(kind), strings.Join(autowireKinds, ", "), quote(AutowireNone))
		}
	}
	if !r.refused(keyTrafficAutowire) {
		r.autowireService(slices.Contains(kinds, AutowireService))
	}
	return kinds
}

// autowireService: callers of the Service come through the proxy, so the Service itself can
// no longer lead to the Pods.
func (r *reader) autowireService(wanted bool) {
	switch {
	case !wanted:
		r.ignore(keyFallbackService, "without trafficAutowire service")
	case r.pooled():
		r.refuse(keyTrafficAutowire, "trafficAutowire %q does not go with inferencePool; leave it out", AutowireService)
	case r.text(keyFallbackService) == "":
		r.refuse(keyFallbackService, "fallbackService is missing; trafficAutowire %q needs a second Service, with the selector that service must not have",
			AutowireService)
	}
}
