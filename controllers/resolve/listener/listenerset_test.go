package listener

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
)

// listenerSet writes a ListenerSet of the Gateway of the fixtures.
func listenerSet(namespace, name, created, listeners string) string {
	return fmt.Sprintf(`kind: ListenerSet
metadata: {name: %s, namespace: %s, generation: 5, creationTimestamp: %q}
spec:
  parentRef: {name: gw, namespace: infra}
  listeners:%s
`, name, namespace, created, strings.ReplaceAll("\n"+strings.Trim(listeners, "\n"), "\n", "\n  "))
}

// TestAllowedListeners has one case for each way to let ListenerSets in, and to keep them out.
func TestAllowedListeners(t *testing.T) {
	const accepted, refused = "Accepted=True/Accepted", "Accepted=False/NotAllowed"
	cases := []struct {
		name, allowed, namespace string
		want, message            string
	}{
		{"default", "", "infra", refused, "spec.allowedListeners.namespaces.from to Same, Selector or All"},
		{"None", "allowedListeners: {namespaces: {from: None}}", "infra", refused, "spec.allowedListeners.namespaces.from"},
		{"no namespaces", "allowedListeners: {}", "infra", refused, ""},
		{"Same, same", "allowedListeners: {namespaces: {from: Same}}", "infra", accepted, ""},
		{"Same, other", "allowedListeners: {namespaces: {from: Same}}", "team", refused, "is in another namespace"},
		{"All", "allowedListeners: {namespaces: {from: All}}", "team", accepted, ""},
		{"Selector, match", "allowedListeners: {namespaces: {from: Selector, selector: {matchLabels: {a: b}}}}", "team", accepted, ""},
		{"Selector, no match", "allowedListeners: {namespaces: {from: Selector, selector: {matchLabels: {a: c}}}}", "team",
			refused, "label the namespace"},
		{"Selector, unknown namespace", "allowedListeners: {namespaces: {from: Selector, selector: {}}}", "gone", refused, "label the namespace"},
		{"Selector without selector", "allowedListeners: {namespaces: {from: Selector}}", "team", refused, "selector of the Gateway is missing"},
		{"Selector, invalid", "allowedListeners: {namespaces: {from: Selector, selector: {matchExpressions: [{key: a, operator: Near}]}}}",
			"team", refused, "not a valid label selector"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := resolveGateway(t, "kind: Namespace\nmetadata: {name: team, labels: {a: b}}",
				fixture.Gateway(c.allowed+"\nlisteners: [{name: own, port: 80, protocol: HTTP}]"),
				listenerSet(c.namespace, "set", "2026-01-01T00:00:00Z", "- {name: l, port: 81, protocol: HTTP}"))
			set := g.ListenerSets[0]
			if got := fixture.Summary(set.Conditions); got != c.want {
				t.Fatalf("got %s, want %s", got, c.want)
			}
			if !strings.Contains(set.Conditions[0].Message, c.message) {
				t.Errorf("message %q does not contain %q", set.Conditions[0].Message, c.message)
			}
			wantListeners := 1
			if c.want == accepted {
				wantListeners = 2
			}
			if len(g.Listeners) != wantListeners || set.Accepted != (c.want == accepted) {
				t.Errorf("%d listeners, accepted %v", len(g.Listeners), set.Accepted)
			}
			if c.want == accepted {
				return
			}
			if got, want := fixture.Summary(SetStatus(ready(g), set).Conditions), refused+" Programmed=False/NotAllowed"; got != want {
				t.Errorf("status %s, want %s", got, want)
			}
		})
	}
}

// TestListenerSetParent: a set is accepted only by an accepted Gateway of a class of this controller.
func TestListenerSetParent(t *testing.T) {
	set := listenerSet("infra", "set", "2026-01-01T00:00:00Z", "- {name: l, port: 81, protocol: HTTP}")
	allow := "allowedListeners: {namespaces: {from: All}}\n"
	cases := []struct {
		name, gateway, want string
		serving             bool
	}{
		{"accepted", allow + "listeners: [{name: own, port: 80, protocol: HTTP}]", "Accepted=True/Accepted Programmed=True/Programmed", true},
		{"no own listener accepted", allow + "listeners: [{name: own, port: 80, protocol: SCTP}]",
			"Accepted=False/ParentNotAccepted Programmed=False/ParentNotProgrammed", false},
		{"unsupported address leaves running proxies alone",
			allow + "addresses: [{type: Carrier, value: pigeon}]\nlisteners: [{name: own, port: 80, protocol: HTTP}]",
			"Accepted=False/ParentNotAccepted Programmed=False/ParentNotProgrammed", true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := resolveGateway(t, fixture.Gateway(c.gateway), set)
			if got := fixture.Summary(SetStatus(ready(g), g.ListenerSets[0]).Conditions); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if got := listenerNamed(t, g, "set/l").Serving; got != c.serving {
				t.Errorf("serving is %v", got)
			}
			wantAttached := int32(0)
			if c.serving && strings.HasPrefix(c.want, "Accepted=True") {
				wantAttached = 1
			}
			if got := *GatewayStatus(ready(g)).AttachedListenerSets; got != wantAttached {
				t.Errorf("attachedListenerSets is %d, want %d", got, wantAttached)
			}
		})
	}
	foreign := strings.Replace(set, "parentRef: {name: gw", "parentRef: {group: example.com, kind: Door, name: gw", 1)
	if g := resolveGateway(t, fixture.Gateway(allow+"listeners: [{name: own, port: 80, protocol: HTTP}]"), foreign); len(g.ListenerSets) != 0 {
		t.Errorf("a set of another kind of parent is attached: %v", g.ListenerSets)
	}
}

// TestListenerSetReferences: certificates are granted to the set, not to its Gateway.
func TestListenerSetReferences(t *testing.T) {
	cert := fixture.NewPair(t, "example.com")
	gateway := fixture.Gateway("allowedListeners: {namespaces: {from: All}}\nlisteners: [{name: own, port: 80, protocol: HTTP}]")
	set := listenerSet("team", "set", "2026-01-01T00:00:00Z",
		"- {name: l, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: cert, namespace: certs}]}}")
	for kind, want := range map[string]string{
		"ListenerSet/team":  listenerGood,
		"ListenerSet/infra": notPermitted,
		"Gateway/infra":     notPermitted,
		"Gateway/team":      notPermitted,
	} {
		kind, namespace, _ := strings.Cut(kind, "/")
		g := resolveGateway(t, gateway, set, fixture.Secret("certs", "cert", cert), fixture.Grant("certs", kind, namespace, "Secret", ""))
		if got := fixture.Summary(listenerNamed(t, g, "set/l").Conditions); got != want {
			t.Errorf("grant to %s of %s: %s, want %s", kind, namespace, got, want)
		}
	}
	local := strings.Replace(set, ", namespace: certs", "", 1)
	g := resolveGateway(t, gateway, local, fixture.Secret("team", "cert", cert))
	if l := listenerNamed(t, g, "set/l"); !l.Serving || l.TLS.Certificates[0] != "team/cert" {
		t.Errorf("a Secret of the set's own namespace: %s", fixture.Summary(l.Conditions))
	}
	if got := g.Secrets[0].Source.String(); got != "ListenerSet team/set (l)" {
		t.Errorf("source %q", got)
	}
}

// TestG8ListenerSetsOfOneAge: the first by "namespace/name" wins, as a text.
func TestG8ListenerSetsOfOneAge(t *testing.T) {
	const same, listener = "2026-01-01T00:00:00Z", "- {name: l, port: 80, protocol: HTTP, hostname: tie.com}"
	g := resolveGateway(t, fixture.Gateway("allowedListeners: {namespaces: {from: All}}\nlisteners: [{name: own, port: 81, protocol: HTTP}]"),
		listenerSet("team", "tie", same, listener), listenerSet("team-a", "tie", same, listener))
	for _, l := range g.Listeners[1:] {
		if got, want := l.Serving, l.ID.Parent.Key.Namespace == "team-a"; got != want {
			t.Errorf("%s serves: %v, want %v", l.ID.Parent.Key, got, want)
		}
	}
}

// TestG8LayerFourRoutesOfOneAge: the same for routes that claim one listener.
func TestG8LayerFourRoutesOfOneAge(t *testing.T) {
	fragment := func(namespace string) resolve.ForwardFragment {
		return resolve.ForwardFragment{Created: 1, Owner: fixture.Key(namespace, "tie")}
	}
	for _, order := range [][]resolve.ForwardFragment{{fragment("team"), fragment("team-a")}, {fragment("team-a"), fragment("team")}} {
		if got := byPrecedence(order)[0].Owner.Namespace; got != "team-a" {
			t.Errorf("the first is of %s", got)
		}
	}
}

// TestListenerSetOrder: the order in which objects arrive changes nothing.
func TestListenerSetOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	sets := []string{}
	for i := range 8 {
		sets = append(sets, listenerSet(fmt.Sprintf("ns-%d", i%3), fmt.Sprintf("set-%d", i),
			fmt.Sprintf("2026-01-0%dT00:00:00Z", 1+i/3),
			fmt.Sprintf("- {name: a, port: 80, protocol: HTTP, hostname: h%d.com}\n- {name: b, port: %d, protocol: TCP}", i%4, 80+i%3)))
	}
	gateway := fixture.Gateway("allowedListeners: {namespaces: {from: All}}\nlisteners: [{name: own, port: 81, protocol: HTTP}]")
	want := resolveGateway(t, append(sets, gateway)...)
	accepted := 0
	for _, set := range want.ListenerSets {
		if set.Accepted {
			accepted++
		}
	}
	if accepted == 0 || accepted == len(sets) {
		t.Fatalf("%d of %d sets are accepted: the fixture shows nothing", accepted, len(sets))
	}
	for range 50 {
		random.Shuffle(len(sets), func(i, j int) { sets[i], sets[j] = sets[j], sets[i] })
		if got := resolveGateway(t, append(sets, gateway)...); !reflect.DeepEqual(got, want) {
			t.Fatalf("the order of %v matters:\n%+v\nwant\n%+v", sets, got, want)
		}
	}
}
