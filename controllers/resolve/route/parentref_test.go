package route

import (
	"strings"
	"testing"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
	"github.com/kedify/inference-gateway/controllers/store"
)

// crowdedGateway has listeners that differ in one thing each.
var crowdedGateway = fixture.Gateway(`
allowedListeners: {namespaces: {from: All}}
listeners:
- {name: same, port: 80, protocol: HTTP, hostname: same.example.com}
- {name: all, port: 80, protocol: HTTP, hostname: "*.all.example.com", allowedRoutes: {namespaces: {from: All}}}
- {name: other, port: 8080, protocol: HTTP, hostname: "*.all.example.com", allowedRoutes: {namespaces: {from: All}}}
- name: selected
  port: 80
  protocol: HTTP
  hostname: selected.example.com
  allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: {team: a}}}}
- name: byname
  port: 8081
  protocol: HTTP
  hostname: byname.example.com
  allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: {kubernetes.io/metadata.name: app}}}}
- {name: none, port: 80, protocol: HTTP, hostname: none.example.com, allowedRoutes: {namespaces: {from: None}}}
- {name: tcp, port: 9000, protocol: TCP, allowedRoutes: {namespaces: {from: All}}}
- {name: broken, port: 81, protocol: SCTP, allowedRoutes: {namespaces: {from: All}}}
- name: nocert
  port: 443
  protocol: HTTPS
  hostname: secure.example.com
  tls: {certificateRefs: [{name: missing}]}
  allowedRoutes: {namespaces: {from: All}}
`)

const teamNamespaces = `
kind: Namespace
metadata: {name: app, labels: {team: a}}
---
kind: Namespace
metadata: {name: other}
`

const appListenerSet = `
kind: ListenerSet
metadata: {name: set, namespace: app, generation: 1}
spec:
  parentRef: {name: gw, namespace: infra}
  listeners:
  - {name: mine, port: 80, protocol: HTTP, hostname: set.example.com}
  - {name: all, port: 80, protocol: HTTP, hostname: all.set.example.com, allowedRoutes: {namespaces: {from: All}}}
`

func TestParentRefs(t *testing.T) {
	tests := []struct {
		name      string
		parentRef string
		hostnames string // empty: none
		accepted  string // status/reason
		message   string
		fragments string
	}{
		{name: "every listener that takes it", parentRef: `{name: gw, namespace: infra}`,
			accepted:  "True/Accepted",
			fragments: "all *.all.example.com, other *.all.example.com, selected selected.example.com, byname byname.example.com"},
		{name: "section name", parentRef: `{name: gw, namespace: infra, sectionName: all}`,
			accepted: "True/Accepted", fragments: "all *.all.example.com"},
		{name: "port", parentRef: `{name: gw, namespace: infra, port: 8080}`,
			accepted: "True/Accepted", fragments: "other *.all.example.com"},
		{name: "section name and port", parentRef: `{name: gw, namespace: infra, sectionName: other, port: 8080}`,
			accepted: "True/Accepted", fragments: "other *.all.example.com"},
		{name: "section name on another port", parentRef: `{name: gw, namespace: infra, sectionName: all, port: 8080}`,
			accepted: "False/NoMatchingParent", message: `parentRefs[0]: Gateway infra/gw has no listener with name "all" and port 8080`},
		{name: "no such section", parentRef: `{name: gw, namespace: infra, sectionName: nope}`,
			accepted: "False/NoMatchingParent", message: `listener with name "nope"`},
		{name: "no such port", parentRef: `{name: gw, namespace: infra, port: 81}`,
			accepted: "False/NoMatchingParent", message: "no accepted listener"},
		{name: "port of no listener", parentRef: `{name: gw, namespace: infra, port: 82}`,
			accepted: "False/NoMatchingParent", message: "listener with port 82"},
		{name: "listener that is not accepted", parentRef: `{name: gw, namespace: infra, sectionName: broken}`,
			accepted: "False/NoMatchingParent", message: "no accepted listener"},
		{name: "other namespace", parentRef: `{name: gw, namespace: infra, sectionName: same}`,
			accepted: "False/NotAllowedByListeners", message: "takes routes of namespace app; let it in with allowedRoutes.namespaces"},
		{name: "namespaces None", parentRef: `{name: gw, namespace: infra, sectionName: none}`,
			accepted: "False/NotAllowedByListeners"},
		{name: "selector", parentRef: `{name: gw, namespace: infra, sectionName: selected}`,
			accepted: "True/Accepted", fragments: "selected selected.example.com"},
		{name: "selector by the name of the namespace", parentRef: `{name: gw, namespace: infra, sectionName: byname}`,
			accepted: "True/Accepted", fragments: "byname byname.example.com"},
		{name: "kind of route", parentRef: `{name: gw, namespace: infra, sectionName: tcp}`,
			accepted: "False/NotAllowedByListeners", message: "takes the kind HTTPRoute"},
		{name: "hostnames meet", parentRef: `{name: gw, namespace: infra}`, hostnames: `["a.ALL.example.com", "elsewhere.com"]`,
			accepted: "True/Accepted", fragments: "all a.all.example.com, other a.all.example.com"},
		{name: "hostnames do not meet", parentRef: `{name: gw, namespace: infra}`, hostnames: `[elsewhere.com]`,
			accepted: "False/NoMatchingListenerHostname", message: "none of spec.hostnames"},
		{name: "unresolved listener takes routes and serves none", parentRef: `{name: gw, namespace: infra, sectionName: nocert}`,
			accepted: "True/Accepted"},
		{name: "listener set, Same is its own namespace",
			parentRef: `{group: gateway.networking.k8s.io, kind: ListenerSet, name: set}`,
			accepted:  "True/Accepted", fragments: "mine set.example.com, all all.set.example.com"},
		{name: "listener of a set is none of the Gateway",
			parentRef: `{name: gw, namespace: infra, sectionName: mine}`, accepted: "False/NoMatchingParent"},
		{name: "listener of the Gateway is none of the set",
			parentRef: `{kind: ListenerSet, name: set, sectionName: same}`,
			accepted:  "False/NoMatchingParent", message: `ListenerSet app/set has no listener with name "same"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			spec := "parentRefs: [" + tt.parentRef + "]\nrules: [{backendRefs: [{name: web, port: 80}]}]"
			if tt.hostnames != "" {
				spec += "\nhostnames: " + tt.hostnames
			}
			result := resolveHTTP(t, crowdedGateway, teamNamespaces, appListenerSet, fixture.WebService, fixture.HTTPRoute(spec))
			parent := onlyParent(t, result)
			want := "Accepted=" + tt.accepted + " ResolvedRefs=True/ResolvedRefs"
			if got := fixture.Summary(parent.Conditions); got != want {
				t.Errorf("conditions: got %s, want %s", got, want)
			}
			fixture.ExpectMessage(t, parent.Conditions, "Accepted", tt.message)
			if got := strings.Join(fragmentNames(result), ", "); got != tt.fragments {
				t.Errorf("fragments: got %s, want %s", got, tt.fragments)
			}
			if accepted := strings.HasPrefix(tt.accepted, "True"); accepted != (len(parent.Attached) > 0) {
				t.Errorf("attached to %v", parent.Attached)
			}
		})
	}
}

func TestParentRefsOfOthers(t *testing.T) {
	foreign := `
kind: Gateway
metadata: {name: foreign, namespace: app}
spec: {gatewayClassName: theirs, listeners: [{name: http, port: 80, protocol: HTTP}]}
`
	result := resolveHTTP(t, foreign, fixture.WebService, fixture.HTTPRoute(`
parentRefs:
- {name: foreign}
- {name: missing}
- {kind: Service, group: "", name: web}
- {kind: Gateway, group: example.com, name: foreign}
- {kind: ListenerSet, name: missing}
rules: [{backendRefs: [{name: web, port: 80}]}]
`))
	if len(result.Parents) != 0 || len(result.Fragments) != 0 {
		t.Errorf("parents %+v, fragments %v", result.Parents, fragmentNames(result))
	}
	if statuses := Status(result, nil); len(statuses) != 0 {
		t.Errorf("status %+v", statuses)
	}
}

// A route with several parents has one entry each, in their order, and one fragment for each
// listener and hostname even where two parents lead to the same listener.
func TestSeveralParents(t *testing.T) {
	second := strings.Replace(fixture.HTTPGateway, "name: gw", "name: second", 1)
	result := resolveHTTP(t, fixture.HTTPGateway, second, fixture.WebService, fixture.HTTPRoute(`
parentRefs:
- {name: second, namespace: infra}
- {name: gw, namespace: infra}
- {name: gw, namespace: infra, sectionName: http}
- {name: gw, namespace: infra, sectionName: nope}
hostnames: [a.example.com]
rules: [{backendRefs: [{name: web, port: 80}]}]
`))
	var parents, fragments []string
	for _, p := range result.Parents {
		parents = append(parents, p.Gateway.Name+" "+string(p.Conditions[0].Status))
	}
	for _, f := range result.Fragments {
		fragments = append(fragments, f.Gateway.Name+" "+f.Hostname)
	}
	fixture.EqualSlices(t, "parents", parents, []string{"second True", "gw True", "gw True", "gw False"})
	fixture.EqualSlices(t, "fragments", fragments, []string{"second a.example.com", "gw a.example.com"})
	if result.Fragments[0].Rules != result.Fragments[1].Rules {
		t.Error("fragments do not share their rules")
	}
	for i, status := range Status(result, nil) {
		if string(status.ParentRef.Name) != result.Parents[i].Gateway.Name {
			t.Errorf("status %d is of %s", i, status.ParentRef.Name)
		}
		for _, c := range status.Conditions {
			if c.ObservedGeneration != 4 {
				t.Errorf("%s of parent %d has generation %d", c.Type, i, c.ObservedGeneration)
			}
		}
	}
}

func TestListenerSetThatIsNotAllowed(t *testing.T) {
	result := resolveHTTP(t, fixture.HTTPGateway, appListenerSet, fixture.WebService,
		fixture.HTTPRoute("parentRefs: [{kind: ListenerSet, name: set}]\nrules: [{backendRefs: [{name: web, port: 80}]}]"))
	parent := onlyParent(t, result)
	if got := fixture.Summary(parent.Conditions[:1]); got != "Accepted=False/NoMatchingParent" {
		t.Error(got)
	}
	fixture.ExpectMessage(t, parent.Conditions, "Accepted", "ListenerSet app/set is not accepted by Gateway infra/gw")
}

// A route of which a field cannot be read is refused with the field, for each kind of route: without the field it would
// serve what its owner did not write.
func TestUnreadable(t *testing.T) {
	for _, kind := range []store.Kind{store.HTTPRoute, store.GRPCRoute, store.TLSRoute, store.TCPRoute, store.UDPRoute} {
		t.Run(string(kind), func(t *testing.T) {
			spec := "parentRefs: [{name: gw, namespace: infra}]\nrules: [{backendRefs: [{name: web, port: 80}]}]"
			annotations := `metadata: {annotations: {` + v1alpha1.UnreadableAnnotation + `: "number 70000 in maxSize"}, `
			text := strings.Replace(fixture.Route(string(kind), "web", spec), "metadata: {", annotations, 1)
			result := resolveRoute(t, kind, crowdedGateway, teamNamespaces, fixture.WebService, text)
			parent := onlyParent(t, result)
			if got, want := fixture.Summary(parent.Conditions), "Accepted=False/UnsupportedValue "; !strings.HasPrefix(got, want) {
				t.Errorf("conditions: got %s, want %s", got, want)
			}
			fixture.ExpectMessage(t, parent.Conditions, "Accepted", "cannot be read: number 70000 in maxSize; correct it.")
			if len(result.Fragments) > 0 || len(result.Forwards) > 0 || len(parent.Attached) > 0 {
				t.Errorf("served: %+v", result)
			}
		})
	}
}
