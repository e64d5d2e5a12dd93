package plan

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/wiring/foreign"
)

// unreadForeign stands for objects of other controllers that are not read yet.
const unreadForeign = "an Ingress, VirtualService or Route that is not read yet"

// maxBypass bounds how many objects an HTTPScaler lists; the others are a number.
const maxBypass = 8

// isOfKind reports whether an object, as text, is of a kind that trafficAutowire names. Service and
// gloo name none that is looked for.
func isOfKind(object string, name v1alpha1.AutowireKind) bool {
	return slices.ContainsFunc(foreign.Kinds(), func(kind foreign.Kind) bool {
		return kind.Autowire == name && strings.HasPrefix(object, kind.GVK.Kind+" ")
	})
}

// findBypasses notes what leads to the applications past the proxies, and whether a request came
// through them meanwhile. Triggers of one ScaledObject with the same backends share that: a request
// for any of their hosts shows that clients use the proxy.
func (m *maker) findBypasses() {
	leading, requested := m.leading(), map[string]bool{}
	m.each(func(c *candidate) {
		if c.live != nil && c.live.Spec.Traffic.Seen || m.Find.Requested(c.key) {
			requested[c.application()] = true
		}
	})
	m.each(func(c *candidate) {
		traffic := v1alpha1.HTTPScalerTraffic{Bypass: m.bypass(c, leading)}
		if c.live != nil {
			traffic.Seen = c.live.Spec.Traffic.Seen
		}
		if len(traffic.Bypass) > 0 && !traffic.Seen && requested[c.application()] {
			traffic.Seen = true
			m.tell(Event{
				About: c.owner, Related: c.scaler(), Type: corev1.EventTypeNormal, Reason: ReasonRequestSeen, Once: true,
				Note: "trigger " + c.spec.Trigger + ": A request came through the proxy, so the demand that KEDA gets is what the proxies count.",
			})
		}
		c.spec.Traffic = traffic
	})
}

// application is the ScaledObject and the backends of a trigger.
func (c *candidate) application() string {
	return fmt.Sprint(c.owner.Namespace, "/", c.owner.Name, c.targets())
}

// unguarded reports whether what the proxies count is the demand: nothing bypasses them, or a
// request came through them.
func (c *candidate) unguarded() bool { return len(c.spec.Traffic.Bypass) == 0 || c.spec.Traffic.Seen }

// bypass lists what leads, or may lead, to the application of a trigger past the proxies.
func (m *maker) bypass(c *candidate, leading map[target][]string) []string {
	if c.spec.Type != v1alpha1.TriggerHTTP || c.neverWired() || m.wired(c) {
		return nil
	}
	var found []string
	for _, to := range c.targets() {
		found = append(found, leading[to]...)
	}
	for _, name := range c.spec.Autowire {
		named := func(object string) bool { return isOfKind(object, name) }
		if !slices.ContainsFunc(found, named) && !named(c.routedBy) {
			found = append(found, "any object of kind "+string(name)+" (trafficAutowire)")
		}
	}
	if m.ForeignUnknown {
		found = append(found, c.knownBypass()...)
	}
	slices.Sort(found)
	found = slices.Compact(found)
	if more := len(found) - maxBypass; more > 0 {
		found = append(found[:maxBypass], fmt.Sprintf("%d more objects", more))
	}
	return found
}

// knownBypass is what the HTTPScaler lists, while not all objects of other controllers are read. A new
// trigger has nothing to go by, and unknown is not absent.
func (c *candidate) knownBypass() []string {
	if c.live == nil {
		return []string{unreadForeign}
	}
	return c.live.Spec.Traffic.Bypass
}

// neverWired reports whether the trigger says that its requests come through the proxy.
func (c *candidate) neverWired() bool {
	return slices.Equal(c.spec.Autowire, []v1alpha1.AutowireKind{v1alpha1.AutowireNone})
}

// wired reports whether foreign objects were pointed at the proxies. Without autowire the condition is a
// remnant: objects may have been pointed back since.
func (m *maker) wired(c *candidate) bool {
	return m.Autowire && c.live != nil && meta.IsStatusConditionTrue(c.live.Status.Conditions, ConditionRewired)
}

// saysNotRewired reports whether the plan writes condition Rewired: nothing rewires objects, and the
// command "wiring" has left no condition.
func (m *maker) saysNotRewired(c *candidate) bool {
	if m.Autowire || c.neverWired() {
		return false
	}
	if c.live == nil {
		return true
	}
	left := meta.FindStatusCondition(c.live.Status.Conditions, ConditionRewired)
	return left == nil || Owns(*left)
}

// direct reports whether wired Services lead past the proxies.
func (c *candidate) direct() bool {
	return c.live != nil && c.live.Status.Wiring != nil && c.live.Status.Wiring.Path == v1alpha1.PathDirect
}

// targets are the backends that requests of the trigger may reach without a proxy, on any port.
func (c *candidate) targets() []target {
	backend := c.spec.Backend
	var targets []target
	if backend.InferencePool != "" {
		targets = append(targets, target{pool: true, key: c.of(backend.InferencePool)})
	}
	services := []string{backend.Service, backend.FallbackService}
	for _, weighted := range backend.Weighted {
		services = append(services, weighted.Service)
	}
	for _, name := range services {
		if name != "" {
			targets = append(targets, target{key: c.of(name)})
		}
	}
	return targets
}

// leading returns, by backend without a port, the objects that lead to it and that
// the proxies do not serve.
func (m *maker) leading() map[target][]string {
	found := map[target][]string{}
	for _, object := range m.foreignObjects() {
		route := readRoute(object)
		text := route.kind + " " + object.GetNamespace() + "/" + object.GetName()
		for _, to := range route.targets {
			if !slices.Contains(found[to], text) && route.mayLeadTo(to) {
				found[to] = append(found[to], text)
			}
		}
	}
	return found
}

func (m *maker) foreignObjects() []Object {
	var objects []Object
	for _, route := range m.HTTPRoutes {
		if m.servedElsewhere(route) {
			objects = append(objects, route)
		}
	}
	for _, route := range m.GRPCRoutes {
		if m.servedElsewhere(route) {
			objects = append(objects, route)
		}
	}
	for _, object := range m.Foreign {
		objects = append(objects, object)
	}
	return slices.DeleteFunc(objects, func(object Object) bool { return object.GetDeletionTimestamp() != nil })
}

// servedElsewhere reports whether one of the route's Gateways is of another controller.
func (m *maker) servedElsewhere(object Object) bool {
	if Generated(object) {
		return false
	}
	route := readRoute(object)
	if slices.ContainsFunc(route.statuses, acceptedElsewhere) { // through a ListenerSet, for instance
		return true
	}
	return slices.ContainsFunc(route.parents, func(parent gwv1.ParentReference) bool {
		key, isGateway := parentKey(parent, object.GetNamespace())
		gateway := m.gateway(isGateway, key)
		return gateway != nil && !m.Find.OurClass(string(gateway.Spec.GatewayClassName))
	})
}

// acceptedElsewhere reports whether another controller serves the route.
func acceptedElsewhere(status gwv1.RouteParentStatus) bool {
	return status.ControllerName != v1alpha1.ControllerName &&
		meta.IsStatusConditionPresentAndEqual(status.Conditions, string(gwv1.RouteConditionAccepted), metav1.ConditionTrue)
}

// mayLeadTo reports whether the route may refer to the backend. A route of another namespace must
// not change what KEDA reads of an application that the route may not refer to: its controller says so.
func (r userRoute) mayLeadTo(to target) bool {
	if r.object.GetNamespace() == to.key.Namespace || r.kind == foreign.VirtualService.Kind { // Istio knows no grants
		return true
	}
	return slices.ContainsFunc(r.statuses, func(status gwv1.RouteParentStatus) bool {
		return status.ControllerName != v1alpha1.ControllerName &&
			meta.IsStatusConditionPresentAndEqual(status.Conditions, string(gwv1.RouteConditionResolvedRefs), metav1.ConditionTrue)
	})
}

// bypassExplanation says what bypasses the proxies and what ends the guard.
func (m *maker) bypassExplanation(c *candidate) explanation {
	entry := fmt.Sprintf("Service %s, port %s", m.Proxy, c.ports())
	if c.routedBy != "" {
		entry = c.routedBy
	}
	ends := ""
	if m.Autowire {
		ends = " Autowiring points these objects at the proxy, see condition " + ConditionRewired + "."
	}
	return explanation{ReasonNoRequestYet, fmt.Sprintf(
		"%s may lead requests to the application past the proxy, and no request came through the proxy yet. The demand is unknown, so "+
			"KEDA gets an error instead of zero and keeps the replicas.%s A first request through %s ends this; so does trafficAutowire \"false\".",
		strings.Join(c.spec.Traffic.Bypass, ", "), ends, entry)}
}

// directExplanation says where the requests are, and what KEDA makes of it.
func (c *candidate) directExplanation() explanation {
	return explanation{ReasonDirect, fmt.Sprintf(
		"Wired Services %s lead to the application past the proxy, because proxies or controllers were not ready. The demand is unknown: "+
			"KEDA gets an error instead of a number, keeps the replicas or uses fallback.replicas, and does not scale to zero. Requests come back "+
			"through the proxy when proxies and controllers are ready for some time.",
		strings.Join(c.live.Status.Wiring.Services, ", "))}
}
