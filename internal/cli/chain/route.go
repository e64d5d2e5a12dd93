package chain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// OfRoute explains a route.
func OfRoute(f RouteFacts) Checklist {
	l := newList(f.Route.Object)
	if !l.exists("admitted", "", f.Route.Object, f.Route.Read) {
		return l.Checklist
	}
	l.route(f.Route, f.Gateways, f.Views)
	for _, backend := range f.Backends {
		trigger := triggerOf(f.Triggers, backend)
		l.backend(backend, trigger)
		if trigger != nil {
			l.released(*trigger, f.Views)
		}
	}
	if len(f.Backends) == 0 {
		l.idle("backend", "", "no rule names a Service or an InferencePool.")
	}
	return l.Checklist
}

// triggerOf returns the trigger that the requests of a backend count for.
func triggerOf(triggers []Trigger, backend Backend) *Trigger {
	for i := range triggers {
		if of := triggers[i].Backend; of != nil && of.Object == backend.Object {
			return &triggers[i]
		}
	}
	return nil
}

// exists adds a link about an object that was to be read, and reports whether it was found.
func (l *list) exists(name, subject string, object Object, read Read) bool {
	switch {
	case read.Failure != "":
		l.unknown(name, subject, "%s could not be read: %s.", object, strings.TrimSuffix(read.Failure, "."))
	case !read.Found:
		l.add(name, subject, Failed, fmt.Sprintf("%s does not exist.", object), "create it, or correct the name")
	default:
		if name == "admitted" {
			l.ok(name, subject, "the API server has it.")
		}
		return true
	}
	return false
}

// route adds the links between a route and the proxies.
func (l *list) route(route Route, gateways []*Gateway, views Views) {
	for i, ref := range route.Refs {
		subject := parentText(route.Object.Namespace, ref)
		var gateway *Gateway
		if i < len(gateways) {
			gateway = gateways[i]
		}
		if gateway != nil && !l.gatewayExists(subject, *gateway) {
			continue
		}
		parents := parentsOf(route, ref)
		if len(parents) == 0 {
			l.add("attached", subject, Failed, "no controller has answered for this parent, so its status is empty.",
				"see whether the controllers of the product run: kubectl kedify doctor")
			continue
		}
		for _, parent := range parents {
			l.attached(subject, route, parent)
		}
		if gateway != nil {
			l.listening(subject, ref, *gateway)
			l.serves(subject, *gateway)
			l.acknowledged(subject, *gateway, views)
		}
	}
	if len(route.Refs) == 0 {
		l.add("attached", "", Failed, "parentRefs is empty, so no Gateway serves the route.", "name a Gateway in spec.parentRefs")
	}
}

func parentText(namespace string, ref gwv1.ParentReference) string {
	text := fmt.Sprintf("%s %s/%s", ptr.Deref(ref.Kind, "Gateway"), cmp.Or(string(ptr.Deref(ref.Namespace, "")), namespace), ref.Name)
	if ref.SectionName != nil {
		text += " (" + string(*ref.SectionName) + ")"
	}
	return text
}

func parentsOf(route Route, ref gwv1.ParentReference) (found []gwv1.RouteParentStatus) {
	for _, parent := range route.Parents {
		if parentText(route.Object.Namespace, parent.ParentRef) == parentText(route.Object.Namespace, ref) &&
			ptr.Deref(parent.ParentRef.Port, 0) == ptr.Deref(ref.Port, 0) {
			found = append(found, parent)
		}
	}
	return found
}

func (l *list) gatewayExists(subject string, gateway Gateway) bool {
	switch {
	case gateway.Failure != "":
		l.unknown("gateway", subject, "%s could not be read: %s.", gateway.Object, strings.TrimSuffix(gateway.Failure, "."))
		return true
	case !gateway.Found:
		l.add("gateway", subject, Failed, fmt.Sprintf("%s does not exist.", gateway.Object), "create it, or correct spec.parentRefs of the route")
		return false
	case !gateway.Ours:
		l.add("gateway", subject, Failed, fmt.Sprintf("its class %q is not of this product, which neither serves it nor says so.", gateway.Class),
			fmt.Sprintf("set gatewayClassName to %s, or ask the controller of class %q", v1alpha1.GatewayClassName, gateway.Class))
		return false
	}
	return true
}

// attached adds what one controller says about the route.
func (l *list) attached(subject string, route Route, parent gwv1.RouteParentStatus) {
	if name := parent.ControllerName; name != v1alpha1.ControllerName {
		l.idle("attached", subject, "controller %s answers for this parent.", name)
		return
	}
	l.condition("attached", subject, parent.Conditions, expected{
		kind: string(gwv1.RouteConditionAccepted), want: metav1.ConditionTrue, generation: route.Generation,
		fix: "change what the message names; it is the reason why no listener takes the route",
	})
	l.condition("resolved", subject, parent.Conditions, expected{
		kind: string(gwv1.RouteConditionResolvedRefs), want: metav1.ConditionTrue, generation: route.Generation,
		fix: "create what the message names, or correct the reference",
	})
	for _, condition := range parent.Conditions {
		switch {
		case condition.Type == v1alpha1.GroupName+"/Programmed" && condition.Status == metav1.ConditionFalse:
			l.add("acknowledged", subject, Failed, conditionText(condition), "change the rule that the message names")
		case condition.Type == string(gwv1.RouteConditionPartiallyInvalid) && condition.Status == metav1.ConditionTrue:
			l.add("attached", subject, Failed, conditionText(condition), "change the rules that the message names; the others are served")
		}
	}
}

// expected is a condition that should be there.
type expected struct {
	kind       string
	want       metav1.ConditionStatus
	generation int64
	fix        string
}

// condition adds a link for a condition.
func (l *list) condition(name, subject string, conditions []metav1.Condition, e expected) {
	at := slices.IndexFunc(conditions, func(c metav1.Condition) bool { return c.Type == e.kind })
	if at < 0 {
		l.unknown(name, subject, "condition %s is not there yet.", e.kind)
		return
	}
	condition := conditions[at]
	switch {
	case condition.Status == e.want && e.generation != 0 && condition.ObservedGeneration < e.generation:
		l.unknown(name, subject, "%s is for generation %d, and the object has %d: the controllers have not seen the last change yet.",
			conditionText(condition), condition.ObservedGeneration, e.generation)
	case condition.Status == e.want:
		l.ok(name, subject, "%s", conditionText(condition))
	case condition.Status == metav1.ConditionUnknown:
		l.unknown(name, subject, "%s", conditionText(condition))
	default:
		l.add(name, subject, Failed, conditionText(condition), e.fix)
	}
}

func conditionText(c metav1.Condition) string {
	text := fmt.Sprintf("%s=%s (%s)", c.Type, c.Status, c.Reason)
	if c.Message != "" {
		text += ": " + c.Message
	}
	return text
}

// listening adds a listener that takes the route and serves nothing, where a parentRef leaves the route no other. What keeps all
// listeners from serving, such as an Envoy that does not start, the conditions of the Gateway say.
func (l *list) listening(subject string, ref gwv1.ParentReference, gateway Gateway) {
	if ptr.Deref(ref.Kind, kindGateway) != kindGateway {
		return // sectionName is that of a listener of the ListenerSet
	}
	var silent []string
	for _, listener := range gateway.Listeners {
		if ref.SectionName != nil && *ref.SectionName != listener.Name {
			continue
		}
		cause := causeOf(listener.Conditions)
		if cause == nil || !meta.IsStatusConditionFalse(listener.Conditions, string(gwv1.ListenerConditionProgrammed)) {
			return
		}
		silent = append(silent, fmt.Sprintf("listener %q serves nothing: %s", listener.Name, conditionText(*cause)))
	}
	if len(silent) > 0 {
		l.add("listener", subject, Failed, strings.Join(silent, "; "), "create or correct what the message names")
	}
}

const kindGateway = gwv1.Kind("Gateway")

// causeOf is the condition of a listener that says why the listener cannot be programmed; nil: none does.
func causeOf(conditions []metav1.Condition) *metav1.Condition {
	for _, bad := range []struct {
		kind   gwv1.ListenerConditionType
		status metav1.ConditionStatus
	}{
		{gwv1.ListenerConditionConflicted, metav1.ConditionTrue},
		{gwv1.ListenerConditionAccepted, metav1.ConditionFalse},
		{gwv1.ListenerConditionResolvedRefs, metav1.ConditionFalse},
	} {
		if meta.IsStatusConditionPresentAndEqual(conditions, string(bad.kind), bad.status) {
			return meta.FindStatusCondition(conditions, string(bad.kind))
		}
	}
	return nil
}

// serves adds whether a Gateway takes connections.
func (l *list) serves(subject string, gateway Gateway) {
	if !gateway.Found {
		return
	}
	if troubled := waiting(gateway.Pods); troubled != "" && ready(gateway.Pods) == 0 {
		l.add("gateway", subject, Failed, fmt.Sprintf("none of its %d proxies is ready: %s.", len(gateway.Pods), troubled),
			"repair what keeps the Pods of the Gateway from starting")
		return
	}
	l.condition("gateway", subject, gateway.Conditions, expected{
		kind: string(gwv1.GatewayConditionAccepted), want: metav1.ConditionTrue, fix: "change what the message names",
	})
	l.condition("gateway", subject, gateway.Conditions, expected{
		kind: string(gwv1.GatewayConditionProgrammed), want: metav1.ConditionTrue, fix: "see the message: it names what the Gateway waits for",
	})
}

// acknowledged adds whether the proxies have what the object asks for.
func (l *list) acknowledged(subject string, gateway Gateway, views Views) {
	envoys := gateway.Envoys
	switch {
	case envoys == nil:
		l.unknown("acknowledged", subject, "no replica of the control plane answered%s.", because(views.Failure))
	case len(envoys.Rejected) > 0:
		rejection := envoys.Rejected[0]
		l.add("acknowledged", subject, Failed,
			fmt.Sprintf("proxy %s refused %s: %s.", rejection.Node, rejection.Resource.Name, strings.TrimSuffix(rejection.Message, ".")),
			"change the rule that the proxy refuses")
	case envoys.Connected == 0:
		l.add("acknowledged", subject, Failed, "no proxy of the Gateway is connected to a replica of the control plane.",
			"see the Pods of the Gateway, and kubectl kedify doctor")
	case envoys.Behind > 0:
		l.unknown("acknowledged", subject, "%d of %d proxies have not acknowledged the configuration yet.", envoys.Behind, envoys.Connected)
	case envoys.Resources == 0:
		l.unknown("acknowledged", subject, "the proxies have nothing that comes from the object.")
	default:
		l.ok("acknowledged", subject, "all %d proxies have acknowledged the configuration.", envoys.Connected)
	}
}

func because(failure string) string {
	if failure == "" {
		return ""
	}
	return ": " + strings.TrimSuffix(failure, ".")
}

func ready(pods []Pod) (count int) {
	for _, pod := range pods {
		if pod.Ready {
			count++
		}
	}
	return count
}

// waiting quotes the reasons of Pods that are not ready, each once.
func waiting(pods []Pod) string {
	var reasons []string
	for _, pod := range pods {
		if !pod.Ready && pod.Waiting != "" && !slices.Contains(reasons, pod.Waiting) {
			reasons = append(reasons, pod.Waiting)
		}
	}
	const shown = 3
	if len(reasons) > shown {
		reasons = append(reasons[:shown], fmt.Sprintf("and %d other reasons", len(reasons)-shown))
	}
	return strings.Join(reasons, "; ")
}
