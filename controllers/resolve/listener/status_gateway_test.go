package listener

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
)

var twoListeners = `
allowedListeners: {namespaces: {from: Same}}
listeners:
- {name: web, port: 80, protocol: HTTP}
- {name: alt, port: 8080, protocol: HTTP}
- {name: late, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: gone}]}}
`

// refusal of a proxy that names a listener of the Gateway.
func rejectedListener(name string) resolve.Rejected {
	return resolve.Rejected{Source: ir.Source{Kind: "Gateway", Namespace: "infra", Name: "gw", Section: name}, Message: "bad filter"}
}

// TestProgrammed has one case for each state of the data plane.
func TestProgrammed(t *testing.T) {
	cases := []struct {
		name    string
		change  func(*StatusInput)
		want    string // of the Gateway
		message string
		web     string // of listener web
	}{
		{"ready", func(*StatusInput) {}, "True/Programmed", "The proxies have", "True/Programmed"},
		{"no proxy", func(in *StatusInput) { in.Connected, in.Programmed = 0, nil },
			"False/Pending", "No proxy is connected yet; see the Pods with the label gateway.networking.k8s.io/gateway-name=gw.", "False/Pending"},
		{"its Pods wait", func(in *StatusInput) {
			in.Connected, in.Programmed, in.ProxiesWait = 0, nil, "None of 1 Pod of Deployment gw-kedify is ready: container envoy: ImagePullBackOff"
		}, "False/Pending", "No proxy is connected yet. None of 1 Pod of Deployment gw-kedify is ready: container envoy: ImagePullBackOff.",
			"False/Pending"},
		{"no acknowledgement", func(in *StatusInput) { in.Programmed = nil }, "False/Pending",
			"No proxy has acknowledged port 80, 8080 yet.", "False/Pending"},
		{"one port waits", func(in *StatusInput) { in.Programmed = map[uint32]bool{80: true} }, "False/Pending",
			"acknowledged port 8080 yet", "True/Programmed"},
		{"no address", func(in *StatusInput) { in.Addresses = nil }, "False/AddressNotAssigned",
			"set spec.service.type in the GatewayParameters", "True/Programmed"},
		{"nothing yet", func(in *StatusInput) { in.Addresses, in.Connected, in.Programmed = nil, 0, nil },
			"False/AddressNotAssigned", "No proxy is connected yet", "False/Pending"},
		{"address not usable", func(in *StatusInput) { in.Unusable = "spec.addresses: 198.51.100.0 is not to be had" },
			"False/AddressNotUsable", "spec.addresses: 198.51.100.0 is not to be had.", "True/Programmed"},
		{"one refused", func(in *StatusInput) { in.Rejected = []resolve.Rejected{rejectedListener("web")} },
			"True/Programmed", `They refused listener "web": bad filter.`, "False/Invalid"},
		{"all refused", func(in *StatusInput) {
			in.Rejected = []resolve.Rejected{rejectedListener("web"), rejectedListener("alt")}
		},
			"False/Invalid", `The proxies refused listener "web": bad filter. listener "alt"`, "False/Invalid"},
		{"data plane cannot be made", func(in *StatusInput) {
			in.Connected, in.Programmed, in.Rejected = 0, nil, []resolve.Rejected{rejectedListener("")}
		}, "False/Invalid", "The data plane cannot be made: bad filter.", "False/Pending"},
		{"data plane cannot be changed", func(in *StatusInput) { in.Rejected = []resolve.Rejected{rejectedListener("")} },
			"True/Programmed", "The data plane cannot be brought up to date: bad filter.", "True/Programmed"},
		{"something else refused", func(in *StatusInput) { in.Rejected = []resolve.Rejected{rejectedListener("other")} },
			"True/Programmed", "", "True/Programmed"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			in := ready(resolveGateway(t, fixture.Gateway(twoListeners)))
			c.change(&in)
			status := GatewayStatus(in)
			got := resolve.FindCondition(status.Conditions, "Programmed")
			if text := string(got.Status) + "/" + got.Reason; text != c.want {
				t.Errorf("Gateway %s, want %s", text, c.want)
			}
			if !strings.Contains(got.Message, c.message) {
				t.Errorf("message %q does not contain %q", got.Message, c.message)
			}
			web := resolve.FindCondition(status.Listeners[0].Conditions, "Programmed")
			if text := string(web.Status) + "/" + web.Reason; text != c.web {
				t.Errorf("listener web %s (%s), want %s", text, web.Message, c.web)
			}
			late := resolve.FindCondition(status.Listeners[2].Conditions, "Programmed")
			if late.Status != "False" || late.Reason != "Invalid" || !strings.Contains(late.Message, "InvalidCertificateRef") {
				t.Errorf("listener late %+v", late)
			}
		})
	}
}

// TestWaitingPorts: a port is named once however many listeners share it.
func TestWaitingPorts(t *testing.T) {
	in := ready(resolveGateway(t, fixture.Gateway("listeners: ["+
		"{name: a, port: 80, protocol: HTTP, hostname: a.com}, {name: b, port: 80, protocol: HTTP, hostname: b.com}]")))
	in.Programmed = nil
	got, want := resolve.FindCondition(GatewayStatus(in).Conditions, "Programmed").Message, "No proxy has acknowledged port 80 yet."
	if got != want {
		t.Errorf("message %q, want %q", got, want)
	}
}

// TestManyAddresses: a status takes 16.
func TestManyAddresses(t *testing.T) {
	in := ready(resolveGateway(t, fixture.Gateway(oneListener)))
	in.Addresses = make([]gwv1.GatewayStatusAddress, 20)
	if got := len(GatewayStatus(in).Addresses); got != 16 {
		t.Errorf("%d addresses, want 16", got)
	}
}

// TestProgrammedNothingServes: a Gateway without a listener to serve is not programmed,
// even if its proxies acknowledge everything.
func TestProgrammedNothingServes(t *testing.T) {
	in := ready(resolveGateway(t,
		fixture.Gateway("listeners: [{name: late, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: gone}]}}]")))
	in.Programmed[443] = true
	if got := resolve.FindCondition(GatewayStatus(in).Conditions, "Programmed"); got.Status != "False" || got.Reason != "Invalid" {
		t.Errorf("%+v", got)
	}
}

// TestClientCertificateRefused: what proxies have against the client certificate is said of
// the reference.
func TestClientCertificateRefused(t *testing.T) {
	in := ready(resolveGateway(t, fixture.Secret("infra", "c", fixture.NewPair(t)),
		fixture.Gateway("tls: {backend: {clientCertificateRef: {name: c}}}"+oneListener)))
	in.Rejected = []resolve.Rejected{{Source: in.Result.Secrets[0].Source, Message: "no such curve"}}
	before := in.Result.Conditions[1]
	got := resolve.FindCondition(GatewayStatus(in).Conditions, "ResolvedRefs")
	if got.Reason != "InvalidClientCertificateRef" || !strings.Contains(got.Message, "no such curve") {
		t.Errorf("%+v", got)
	}
	if in.Result.Conditions[1] != before {
		t.Error("the shared result changed")
	}
}

// TestConflictIsTheReasonOfAll: conditions of a listener in conflict speak with one voice.
func TestConflictIsTheReasonOfAll(t *testing.T) {
	in := ready(resolveGateway(t, fixture.Gateway("listeners: ["+
		"{name: a, port: 80, protocol: HTTP}, {name: b, port: 80, protocol: TCP}, {name: ok, port: 81, protocol: HTTP}]")))
	got := fixture.Summary(GatewayStatus(in).Listeners[0].Conditions)
	want := "Accepted=False/ProtocolConflict ResolvedRefs=True/ResolvedRefs Conflicted=True/ProtocolConflict Programmed=False/ProtocolConflict"
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestListenerSetProgrammed: a set follows its own listeners and the addresses of the Gateway.
func TestListenerSetProgrammed(t *testing.T) {
	set := listenerSet("infra", "set", "2026-01-01T00:00:00Z",
		"- {name: l, port: 9090, protocol: HTTP}\n- {name: lost, port: 80, protocol: TCP}")
	cases := []struct {
		name   string
		change func(*StatusInput)
		want   string
	}{
		{"ready", func(*StatusInput) {}, "True/Programmed"},
		{"waits", func(in *StatusInput) { in.Programmed[9090] = false }, "False/Pending"},
		{"the Gateway waits", func(in *StatusInput) { in.Programmed[80] = false }, "True/Programmed"},
		{"no address", func(in *StatusInput) { in.Addresses = nil }, "False/ParentNotProgrammed"},
		{"bad address", func(in *StatusInput) { in.Unusable = "x" }, "False/ParentNotProgrammed"},
		{"refused", func(in *StatusInput) {
			in.Rejected = []resolve.Rejected{{Source: ir.Source{Kind: "ListenerSet", Namespace: "infra", Name: "set", Section: "l"}, Message: "no"}}
		}, "False/ListenersNotValid"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			in := ready(resolveGateway(t, fixture.Gateway(twoListeners), set))
			c.change(&in)
			status := SetStatus(in, in.Result.ListenerSets[0])
			if got, want := fixture.Summary(status.Conditions), "Accepted=True/ListenersNotValid Programmed="+c.want; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if len(status.Listeners) != 2 {
				t.Fatalf("%d listeners", len(status.Listeners))
			}
			if got := resolve.FindCondition(status.Listeners[1].Conditions, "Programmed").Reason; got != "ProtocolConflict" {
				t.Errorf("lost is %s", got)
			}
		})
	}
}

// TestAttachedRoutes: counts go to the listener of the right parent, also to one that is not
// accepted.
func TestAttachedRoutes(t *testing.T) {
	set := listenerSet("infra", "set", "2026-01-01T00:00:00Z", "- {name: web, port: 9090, protocol: HTTP}")
	in := ready(resolveGateway(t, fixture.Gateway(twoListeners), set))
	gateway := resolve.Object{Kind: store.Gateway, Key: fixture.GatewayKey}
	in.Attached = map[resolve.ListenerID]int32{
		{Parent: gateway, Name: "web"}: 3, {Parent: gateway, Name: "late"}: 2,
		{Parent: resolve.Object{Kind: store.ListenerSet, Key: fixture.Key("infra", "set")}, Name: "web"}: 1,
	}
	status := GatewayStatus(in)
	got := []int32{status.Listeners[0].AttachedRoutes, status.Listeners[1].AttachedRoutes, status.Listeners[2].AttachedRoutes}
	if got[0] != 3 || got[1] != 0 || got[2] != 2 {
		t.Errorf("attached %v", got)
	}
	if got := SetStatus(in, in.Result.ListenerSets[0]).Listeners[0].AttachedRoutes; got != 1 {
		t.Errorf("attached to the set: %d", got)
	}
}

// checkConditions: every condition carries the generation of its object and a message, one
// of a type each, and no time.
func checkConditions(t *testing.T, where string, generation int64, conditions []metav1.Condition) {
	t.Helper()
	if len(conditions) == 0 || len(conditions) > 8 {
		t.Errorf("%s has %d conditions", where, len(conditions))
	}
	seen := map[string]bool{}
	for _, c := range conditions {
		if c.ObservedGeneration != generation || c.Message == "" || c.Reason == "" || seen[c.Type] || !c.LastTransitionTime.IsZero() {
			t.Errorf("%s, generation %d: %+v", where, generation, c)
		}
		if len(c.Message) > 32768 {
			t.Errorf("%s: message of %d characters", where, len(c.Message))
		}
		seen[c.Type] = true
	}
}

func TestEveryCondition(t *testing.T) {
	specs := map[string]string{
		"good": oneListener, "mixed": twoListeners, "nothing": "listeners: [{name: l, port: 1, protocol: X}]",
		"conflict":  "listeners: [{name: a, port: 80, protocol: HTTP}, {name: b, port: 80, protocol: TCP}]",
		"address":   "addresses: [{type: test/fake, value: x}]" + oneListener,
		"parameter": "infrastructure: {parametersRef: {group: a, kind: b, name: c}}" + oneListener,
		"insecure": "tls: {backend: {clientCertificateRef: {name: c}}, " +
			"frontend: {default: {validation: {mode: AllowInsecureFallback, caCertificateRefs: [{group: '', kind: ConfigMap, name: c}]}}}}\n" +
			strings.TrimSpace(httpsListener),
	}
	sets := []string{
		listenerSet("infra", "set", "2026-01-01T00:00:00Z", "- {name: l, port: 9090, protocol: HTTP}\n- {name: lost, port: 80, protocol: TCP}"),
		listenerSet("other", "set", "2026-01-01T00:00:00Z", "- {name: l, port: 9090, protocol: HTTP}"),
	}
	for name, spec := range specs {
		for _, in := range []StatusInput{
			{Result: resolveGateway(t, append(sets, fixture.Gateway(spec))...)},
			ready(resolveGateway(t, append(sets, fixture.Gateway("allowedListeners: {namespaces: {from: All}}\n"+strings.Replace(spec,
				"allowedListeners: {namespaces: {from: Same}}\n", "", 1)))...)),
		} {
			status := GatewayStatus(in)
			checkConditions(t, name, 7, status.Conditions)
			for _, l := range status.Listeners {
				checkConditions(t, name+" "+string(l.Name), 7, l.Conditions)
			}
			if len(in.Result.ListenerSets) != 2 {
				t.Fatalf("%s: %d sets", name, len(in.Result.ListenerSets))
			}
			for _, set := range in.Result.ListenerSets {
				status := SetStatus(in, set)
				checkConditions(t, name+" "+set.Key.String(), 5, status.Conditions)
				for _, l := range status.Listeners {
					checkConditions(t, name+" "+set.Key.String()+" "+string(l.Name), 5, l.Conditions)
				}
			}
		}
	}
	checkConditions(t, "class", 3, class.Status(class.Resolve(fixture.Store(t, fixture.Class).View(nil), "kedify")).Conditions)
}
