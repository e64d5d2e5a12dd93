package route

import (
	"strings"

	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/hostname"
)

// setHostnames takes the hostnames of a route, in lower case. The API server checks them, but
// objects also come from files: a route with a wrong one is not accepted.
func (r *routeResolver) setHostnames(hostnames []gwv1.Hostname) {
	for i, value := range hostnames {
		lower := strings.ToLower(string(value))
		if len(lower) > 253 || !hostname.Pattern.MatchString(lower) {
			r.hostnameProblem = resolve.Problemf(gwv1.RouteReasonUnsupportedValue,
				"spec.hostnames[%d] %q is not a DNS name; use a name like www.example.com or *.example.com.", i, value)
			return
		}
		r.hostnames = append(r.hostnames, lower)
	}
}
