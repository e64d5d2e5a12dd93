package plan

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// web is a ScaledObject for Service shop/web, with the rest of its metadata.
func web(metadata string) string {
	return `
kind: ScaledObject
metadata: {name: web}
spec:
  scaleTargetRef: {name: web}
  triggers: [{type: kedify-http, metadata: {hosts: www.shop.test, service: web, port: "8080", scalingMetric: requestRate` + metadata + `}}]
---
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 8080}]}`
}

const (
	autowire = "kind: Setting\nautowire: true"
	ingress  = `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec: {rules: [{host: www.shop.test, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 8080}}}}]}}]}`
	virtualService = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: %s}
spec: {hosts: [www.shop.test], %s: [{route: [{destination: {host: other}}, {destination: {host: %s}}]}]}`
	foreignGateway = `
kind: Gateway
metadata: {name: edge, namespace: infra}
spec: {gatewayClassName: other, listeners: []}`
	ownGateway = `
kind: Gateway
metadata: {name: main, namespace: infra}
spec: {gatewayClassName: kedify, listeners: [{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]}`
	route = `
kind: HTTPRoute
metadata: {name: web, namespace: %[1]s}
spec: {parentRefs: [{name: %[2]s, namespace: infra}], rules: [{backendRefs: [{name: web, namespace: shop, port: 8080}]}]}
status: {parents: [%[3]s]}`
	permitted = `{controllerName: example.com/other, parentRef: {name: edge, namespace: infra}, ` +
		`conditions: [{type: ResolvedRefs, status: "True"}]}`
	forbidden = `{controllerName: example.com/other, parentRef: {name: edge, namespace: infra}, ` +
		`conditions: [{type: ResolvedRefs, status: "False", reason: RefNotPermitted}]}`
	openShift = `
apiVersion: route.openshift.io/v1
kind: Route
metadata: {name: web}
spec: {to: {kind: Service, name: %s}, alternateBackends: [{kind: Service, name: %s}]}`
	liveScaler = `
kind: HTTPScaler
metadata:
  name: web-0
  ownerReferences: [{apiVersion: keda.sh/v1alpha1, kind: ScaledObject, name: web, uid: uid-of-web, controller: true}]
spec: {type: kedify-http, scaledObject: web, trigger: "0", traffic: %s}
status: {conditions: [%s]}`
)

// TestBypass: what leads to an application past the proxies, and what ends the guard. Guarded
// cases have the condition, its event is a Warning and both name the objects and the way out.
func TestBypass(t *testing.T) {
	const absent = ""
	for name, c := range map[string]struct {
		metadata string
		objects  []string
		want     v1alpha1.HTTPScalerTraffic
	}{
		"nothing foreign": {absent, nil, traffic(false)},
		"an Ingress":      {absent, []string{ingress}, traffic(false, "Ingress shop/web")},
		"an Ingress that goes": {absent,
			[]string{strings.Replace(ingress, "name: web}", `name: web, deletionTimestamp: "2026-11-25T00:00:00Z", finalizers: [a/b]}`, 1)},
			traffic(false)},
		"an Ingress by default": {absent, []string{"apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: all}\n" +
			"spec: {defaultBackend: {service: {name: web, port: {name: http}}}}"}, traffic(false, "Ingress shop/all")},
		"an Ingress of others":    {absent, []string{strings.Replace(ingress, "name: web, port", "name: other, port", 1)}, traffic(false)},
		"an Ingress to the proxy": {absent, []string{strings.Replace(ingress, "name: web, port", "name: kedify-proxy, port", 1)}, traffic(false)},
		"an Ingress elsewhere":    {absent, []string{strings.Replace(ingress, "name: web}", "name: web, namespace: other}", 1)}, traffic(false)},
		"a resource as backend": {absent, []string{"apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: all}\n" +
			"spec: {defaultBackend: {resource: {kind: Bucket, name: web}}, rules: [{host: a.test}]}"}, traffic(false)},
		"switched off":    {`, trafficAutowire: "false"`, []string{ingress}, traffic(false)},
		"named":           {", trafficAutowire: ingress", nil, traffic(false, "any object of kind ingress (trafficAutowire)")},
		"named and there": {", trafficAutowire: ingress", []string{ingress}, traffic(false, "Ingress shop/web")},
		"named, and another": {", trafficAutowire: httproute", []string{ingress},
			traffic(false, "Ingress shop/web", "any object of kind httproute (trafficAutowire)")},
		"named, never wired":  {", trafficAutowire: gloo", nil, traffic(false, "any object of kind gloo (trafficAutowire)")},
		"a foreign HTTPRoute": {absent, []string{foreignGateway, fmt.Sprintf(route, "shop", "edge", "")}, traffic(false, "HTTPRoute shop/web")},
		"a foreign GRPCRoute": {absent,
			[]string{foreignGateway, strings.Replace(fmt.Sprintf(route, "shop", "edge", ""), "HTTPRoute", "GRPCRoute", 1)},
			traffic(false, "GRPCRoute shop/web")},
		"of another namespace": {absent, []string{foreignGateway, fmt.Sprintf(route, "other", "edge", permitted)},
			traffic(false, "HTTPRoute other/web")},
		"not permitted":  {absent, []string{foreignGateway, fmt.Sprintf(route, "other", "edge", forbidden)}, traffic(false)},
		"not served yet": {absent, []string{foreignGateway, fmt.Sprintf(route, "other", "edge", "")}, traffic(false)},
		"on a foreign ListenerSet": {absent, []string{strings.Replace(fmt.Sprintf(route, "shop", "edge",
			`{controllerName: example.com/other, parentRef: {name: edge, namespace: infra}, conditions: [{type: Accepted, status: "True"}]}`),
			"[{name: edge", "[{kind: ListenerSet, name: edge", 1)}, traffic(false, "HTTPRoute shop/web")},
		"a route without Gateway": {absent, []string{fmt.Sprintf(route, "shop", "edge", "")}, traffic(false)},
		"a route of the product":  {absent, []string{ownGateway, fmt.Sprintf(route, "shop", "main", "")}, traffic(false)},
		"a route of the product, named": {", trafficAutowire: httproute",
			[]string{ownGateway, fmt.Sprintf(route, "shop", "main", "")}, traffic(false)},
		"a route on both Gateways": {absent, []string{ownGateway, foreignGateway,
			strings.Replace(fmt.Sprintf(route, "shop", "main", ""), "[{name: main", "[{name: edge, namespace: infra}, {name: main", 1)},
			traffic(false, "HTTPRoute shop/web")},
		"a VirtualService": {absent, []string{fmt.Sprintf(virtualService, "shop", "http", "web")}, traffic(false, "VirtualService shop/web")},
		"of TLS": {absent, []string{fmt.Sprintf(virtualService, "shop", "tls", "web.shop.svc.cluster.local")},
			traffic(false, "VirtualService shop/web")},
		"from another namespace": {absent, []string{fmt.Sprintf(virtualService, "istio-system", "tcp", "web.shop.svc.corp.example")},
			traffic(false, "VirtualService istio-system/web")},
		"a short name elsewhere":   {absent, []string{fmt.Sprintf(virtualService, "istio-system", "http", "web")}, traffic(false)},
		"a host of the world":      {absent, []string{fmt.Sprintf(virtualService, "shop", "http", "web.shop.example.com")}, traffic(false)},
		"a Route":                  {absent, []string{fmt.Sprintf(openShift, "web", "other")}, traffic(false, "Route shop/web")},
		"a Route, as second":       {absent, []string{fmt.Sprintf(openShift, "other", "web")}, traffic(false, "Route shop/web")},
		"a Route of others":        {absent, []string{fmt.Sprintf(openShift, "other", "third")}, traffic(false)},
		"a first request":          {absent, []string{ingress, "kind: Requested\nmetadata: {name: web-0}"}, traffic(true, "Ingress shop/web")},
		"a request of another":     {absent, []string{ingress, "kind: Requested\nmetadata: {name: api-0}"}, traffic(false, "Ingress shop/web")},
		"a request without bypass": {absent, []string{"kind: Requested\nmetadata: {name: web-0}"}, traffic(false)},
		"a request of before":      {absent, []string{ingress, fmt.Sprintf(liveScaler, "{seen: true}", "")}, traffic(true, "Ingress shop/web")},
		"guarded before, a restart": {absent, []string{ingress, fmt.Sprintf(liveScaler, "{bypass: [Ingress shop/web]}", "")},
			traffic(false, "Ingress shop/web")},
		"wired": {", trafficAutowire: ingress",
			[]string{autowire, ingress, fmt.Sprintf(liveScaler, "{bypass: [Ingress shop/web]}", `{type: Rewired, status: "True", reason: Wired}`)},
			traffic(false)},
		"wired, kind service": {", trafficAutowire: service, fallbackService: pods",
			[]string{autowire, fmt.Sprintf(liveScaler, "{}", `{type: Rewired, status: "True", reason: Wired}`)}, traffic(false)},
		"to be wired": {", trafficAutowire: ingress", []string{autowire, ingress}, traffic(false, "Ingress shop/web")},
		"to be wired, kind service": {", trafficAutowire: service, fallbackService: pods",
			[]string{autowire}, traffic(false, "any object of kind service (trafficAutowire)")},
		"not wired": {", trafficAutowire: ingress",
			[]string{autowire, ingress, fmt.Sprintf(liveScaler, "{}", `{type: Rewired, status: "False", reason: Refused}`)},
			traffic(false, "Ingress shop/web")},
		"wired once, autowiring is off now": {absent,
			[]string{ingress, fmt.Sprintf(liveScaler, "{}", `{type: Rewired, status: "True", reason: Wired}`)}, traffic(false, "Ingress shop/web")},
	} {
		t.Run(name, func(t *testing.T) {
			made := Make(load(t, []byte(strings.Join(append([]string{web(c.metadata)}, c.objects...), "\n---\n"))))
			wantTraffic(t, made, c.want)
		})
	}
}

// TestUnreadObjectsMayBypass: while objects of other controllers are not read, a trigger keeps what its
// HTTPScaler lists, and a new one has an unknown demand.
func TestUnreadObjectsMayBypass(t *testing.T) {
	for name, c := range map[string]struct {
		live string
		want v1alpha1.HTTPScalerTraffic
	}{
		"new":         {"", traffic(false, unreadForeign)},
		"bypassed":    {fmt.Sprintf(liveScaler, "{bypass: [Ingress shop/web]}", ""), traffic(false, "Ingress shop/web")},
		"never":       {fmt.Sprintf(liveScaler, "{}", ""), traffic(false)},
		"seen before": {fmt.Sprintf(liveScaler, "{bypass: [Ingress shop/web], seen: true}", ""), traffic(true, "Ingress shop/web")},
	} {
		t.Run(name, func(t *testing.T) {
			world := load(t, []byte(strings.TrimSuffix(web("")+"\n---\n"+c.live, "\n---\n")))
			world.ForeignUnknown = true
			wantTraffic(t, Make(world), c.want)
		})
	}
}

// TestTriggersShareTheFirstRequest: a request for one host of an application ends the guard of its
// other triggers, so that a host without clients does not keep KEDA from scaling.
func TestTriggersShareTheFirstRequest(t *testing.T) {
	world := load(t, []byte(web("")+"\n---\n"+ingress+"\n---\nkind: Requested\nmetadata: {name: web-a}"))
	so := world.ScaledObjects[0]
	so.Spec.Triggers[0].Name = "a"
	other := *so.Spec.Triggers[0].DeepCopy()
	other.Name, other.Metadata["hosts"] = "b", "quiet.example.com"
	so.Spec.Triggers = append(so.Spec.Triggers, other)
	seen := 0
	for _, object := range Make(world).Objects {
		if scaler, is := object.(*v1alpha1.HTTPScaler); is && scaler.Spec.Traffic.Seen {
			seen++
		}
	}
	if seen != 2 {
		t.Errorf("the guard ended for %d of 2 triggers", seen)
	}
}

func traffic(seen bool, bypass ...string) v1alpha1.HTTPScalerTraffic {
	return v1alpha1.HTTPScalerTraffic{Bypass: bypass, Seen: seen}
}

func wantTraffic(t *testing.T, made Plan, want v1alpha1.HTTPScalerTraffic) {
	t.Helper()
	var scaler *v1alpha1.HTTPScaler
	for _, object := range made.Objects {
		if found, ok := object.(*v1alpha1.HTTPScaler); ok {
			scaler = found
		}
	}
	if diff := cmp.Diff(want, scaler.Spec.Traffic); diff != "" {
		t.Errorf("traffic (- want, + got):\n%s", diff)
	}
	condition := meta.FindStatusCondition(made.Statuses[0].Value.Conditions, ConditionBypassed)
	warned := ""
	for _, event := range made.Events {
		if event.Type == "Warning" && event.Reason == ReasonNoRequestYet {
			warned = event.Note
		}
	}
	if guarded := len(want.Bypass) > 0 && !want.Seen; guarded != (condition != nil) || guarded != (warned != "") {
		t.Fatalf("condition %+v, event %q", condition, warned)
	}
	if condition == nil {
		return
	}
	for _, part := range append([]string{`trafficAutowire "false"`, "A first request through"}, want.Bypass...) {
		if !strings.Contains(condition.Message, part) || !strings.Contains(warned, part) {
			t.Errorf("%q is missing in the condition %q or the event %q", part, condition.Message, warned)
		}
	}
}

// TestManyBypasses: an application behind any number of objects has a short HTTPScaler.
func TestManyBypasses(t *testing.T) {
	objects := []string{web("")}
	for i := range 100 {
		objects = append(objects, strings.Replace(ingress, "name: web}", fmt.Sprintf("name: web-%02d}", i), 1))
	}
	made := Make(load(t, []byte(strings.Join(objects, "\n---\n"))))
	var want []string
	for i := range maxBypass {
		want = append(want, fmt.Sprintf("Ingress shop/web-%02d", i))
	}
	wantTraffic(t, made, traffic(false, append(want, "92 more objects")...))
}

// TestForeignTargets: a change of an object matters to the namespaces of its backends.
func TestForeignTargets(t *testing.T) {
	world := load(t,
		[]byte(ingress+"\n---\n"+fmt.Sprintf(virtualService, "mesh", "http", "web.shop")+"\n---\n"+fmt.Sprintf(openShift, "web", "b")))
	for object, want := range map[Object][]string{
		world.Foreign[0]: {"shop"}, world.Foreign[1]: {"mesh", "shop"}, world.Foreign[2]: {"shop"},
	} {
		if diff := cmp.Diff(want, Targets(object)); diff != "" {
			t.Errorf("%T:\n%s", object, diff)
		}
	}
}

// TestRewiredHasOneOwner: a plan writes condition Rewired only without autowiring, and never over what the
// command "wiring" wrote; with autowiring it takes back what it wrote itself.
func TestRewiredHasOneOwner(t *testing.T) {
	const none, own, theirs = "", `{type: Rewired, status: "False", reason: NotRewired}`, `{type: Rewired, status: "False", reason: Refused}`
	for name, c := range map[string]struct {
		autowire       bool
		metadata, live string
		writes, owns   bool
	}{
		"off, new":                        {false, "", none, true, false},
		"off, written before":             {false, "", own, true, true},
		"off, the wiring's is left":       {false, "", theirs, false, false},
		"off, not to be wired":            {false, `, trafficAutowire: "false"`, none, false, false},
		"off, not to be wired any more":   {false, `, trafficAutowire: "false"`, own, false, true},
		"on, new":                         {true, "", none, false, false},
		"on, written before it was on":    {true, "", own, false, true},
		"on, the wiring's":                {true, "", theirs, false, false},
		"on, the wiring's, named":         {true, ", trafficAutowire: ingress", theirs, false, false},
		"on, the wiring's, not any more":  {true, `, trafficAutowire: "false"`, theirs, false, false},
		"off, the wiring's, not any more": {false, `, trafficAutowire: "false"`, theirs, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			world := load(t, []byte(web(c.metadata)+"\n---\n"+fmt.Sprintf(liveScaler, "{}", c.live)))
			world.Autowire = c.autowire
			written := meta.FindStatusCondition(Make(world).Statuses[0].Value.Conditions, ConditionRewired)
			if (written != nil) != c.writes {
				t.Errorf("the plan writes %+v", written)
			}
			live := meta.FindStatusCondition(world.Scalers[0].Status.Conditions, ConditionRewired)
			if owns := live != nil && Owns(*live); owns != c.owns {
				t.Errorf("the plan owns the live condition: %v", owns)
			}
		})
	}
}

// TestDirect: while wired Services lead past the proxies, the conditions say so, before anything else that is known
// of the traffic, and no event repeats what the command "wiring" tells.
func TestDirect(t *testing.T) {
	const (
		rewired = `{type: Rewired, status: "True", reason: Wired}`
		pods    = "kind: Service\nmetadata: {name: pods}\nspec: {selector: {app: web}, ports: [{port: 8080}]}"
	)
	for name, c := range map[string]struct {
		path, metadata, reason string
	}{
		"direct":                         {"Direct", "", ReasonDirect},
		"direct, kind service":           {"Direct", ", trafficAutowire: service, fallbackService: pods", ReasonDirect},
		"direct, named in Git by hand":   {"Direct", `, trafficAutowire: "false"`, ReasonDirect},
		"through the proxy":              {"Proxy", "", ""},
		"through the proxy, and by hand": {"Proxy", `, trafficAutowire: "false"`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			live := fmt.Sprintf(liveScaler, "{}", rewired)
			live = strings.Replace(live, "status: {",
				`status: {wiring: {path: `+c.path+`, since: "2026-11-25T00:00:00Z", services: [web-kedify]}, `, 1)
			made := Make(load(t, []byte(autowire+"\n---\n"+web(c.metadata)+"\n---\n"+pods+"\n---\n"+ingress+"\n---\n"+live)))
			conditions := made.Statuses[0].Value.Conditions
			bypassed, ready := meta.FindStatusCondition(conditions, ConditionBypassed), meta.FindStatusCondition(conditions, ConditionReady)
			if c.reason == "" {
				if bypassed != nil || ready.Status == "False" {
					t.Errorf("bypassed %+v, ready %+v", bypassed, ready)
				}
				return
			}
			if bypassed == nil || bypassed.Reason != c.reason || ready.Status != "False" || ready.Reason != c.reason {
				t.Fatalf("bypassed %+v, ready %+v", bypassed, ready)
			}
			for _, part := range []string{"web-kedify", "fallback.replicas", "does not scale to zero"} {
				if !strings.Contains(bypassed.Message, part) {
					t.Errorf("%q is missing in %q", part, bypassed.Message)
				}
			}
			for _, event := range made.Events {
				if event.Reason == c.reason {
					t.Errorf("told twice: %s", event.Note)
				}
			}
		})
	}
}
