package plan

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// hostOwners says which namespace has a host of the shared proxy: the first that claimed it, or a wildcard above
// it. Otherwise a trigger with a longer path, or with another certificate, would take requests of other tenants.
type hostOwners map[string]string

// of returns the namespace that has a host; empty: none. The host "*" is what no trigger names: it has no other
// host.
func (o hostOwners) of(host string) string {
	if namespace, has := o[host]; has {
		return namespace
	}
	for _, rest, found := strings.Cut(strings.TrimPrefix(host, "*."), "."); found; _, rest, found = strings.Cut(rest, ".") {
		if namespace, has := o["*."+rest]; has {
			return namespace
		}
	}
	return ""
}

// claim takes the hosts of a trigger that no other namespace has.
func (o hostOwners) claim(c *candidate) {
	for _, host := range c.spec.Hosts {
		if o.of(host) == "" {
			o[host] = c.key.Namespace
		}
	}
}

// conflict finds a host that another namespace has. It does not say which one.
func (o hostOwners) conflict(c *candidate) explanation {
	for _, host := range c.spec.Hosts {
		if namespace := o.of(host); namespace != "" && namespace != c.key.Namespace {
			return explanation{ReasonConflicted, fmt.Sprintf(
				"hosts %q: a trigger of another namespace has it already and is older. On the proxy of all namespaces a host belongs to "+
					"one namespace; use another host.", host)}
		}
	}
	return explanation{}
}

// allowedFrom lets routes of one namespace attach to a listener.
func allowedFrom(namespace string) *gwv1.AllowedRoutes {
	return &gwv1.AllowedRoutes{Namespaces: &gwv1.RouteNamespaces{
		From:     ptr.To(gwv1.NamespacesFromSelector),
		Selector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: namespace}},
	}}
}
