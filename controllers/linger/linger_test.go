package linger_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	testingclock "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/linger"
	"github.com/kedify/inference-gateway/controllers/store"
)

// known are the objects that the engine has.
type known map[string]client.Object

func (k known) Set(kind store.Kind, object client.Object) {
	k[string(kind)+" "+object.GetName()] = object
}

func (k known) Delete(kind store.Kind, key types.NamespacedName) {
	delete(k, string(kind)+" "+key.Name)
}

func (k known) String() string {
	var all []string
	for name := range k {
		all = append(all, name)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func generated(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: "apps", Name: name, Labels: map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy},
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "keda.sh/v1alpha1", Kind: "ScaledObject", Name: "web", Controller: ptr.To(true)}},
	}
}

func route(meta metav1.ObjectMeta) *gwv1.HTTPRoute { return &gwv1.HTTPRoute{ObjectMeta: meta} }

func trigger(services ...string) *v1alpha1.HTTPScaler {
	made := &v1alpha1.HTTPScaler{ObjectMeta: generated("web-0")}
	if len(services) > 0 {
		made.Status.Wiring = &v1alpha1.HTTPScalerWiring{Path: v1alpha1.PathProxy, Services: services}
	}
	return made
}

// The routes and the HTTPScaler of a trigger with wired Services outlive it by the grace; everything
// else goes at once.
func TestWhatLingers(t *testing.T) {
	user := route(metav1.ObjectMeta{Namespace: "apps", Name: "web-0"})
	other := route(generated("api-0"))
	for name, test := range map[string]struct {
		scaler  *v1alpha1.HTTPScaler
		kind    store.Kind
		object  client.Object
		lingers bool
	}{
		"route of a wired trigger":                  {trigger("a-kedify"), store.HTTPRoute, route(generated("web-0")), true},
		"route of its probes":                       {trigger("a-kedify"), store.HTTPRoute, route(generated("web-0.health")), true},
		"route of its SNI":                          {trigger("a-kedify"), store.TLSRoute, &gwv1.TLSRoute{ObjectMeta: generated("web-0")}, true},
		"HTTPScaler of a wired trigger":             {trigger("a-kedify"), store.HTTPScaler, trigger("a-kedify"), true},
		"route of a trigger without wired Services": {trigger(), store.HTTPRoute, route(generated("web-0")), false},
		"route of another trigger":                  {trigger("a-kedify"), store.HTTPRoute, other, false},
		"route of a user with the same name":        {trigger("a-kedify"), store.HTTPRoute, user, false},
		"GRPCRoute": {trigger("a-kedify"), store.GRPCRoute,
			&gwv1.GRPCRoute{ObjectMeta: generated("web-0")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			clock, engine := testingclock.NewFakeClock(time.Now()), known{}
			l := linger.New(engine, clock, 0)
			l.Set(store.HTTPScaler, test.scaler)
			l.Set(test.kind, test.object)
			has := string(test.kind) + " " + test.object.GetName()
			l.Delete(test.kind, test.object)
			if !test.lingers {
				g.Expect(engine).NotTo(HaveKey(has))
				return
			}
			clock.Step(linger.DefaultGrace - 1)
			g.Expect(engine).To(HaveKey(has))
			clock.Step(1)
			g.Expect(engine).NotTo(HaveKey(has))
		})
	}
}

// A trigger that the wiring has left, and says so in the status before its objects go, was wired a moment ago.
// haproxy got three 404 in the 100 ms in which the status had gone before the objects.
func TestWhatWasWiredLingers(t *testing.T) {
	const step = linger.DefaultGrace / 2
	for name, test := range map[string]struct {
		left    []time.Duration // between status and status, and to the deletion
		lingers bool
	}{
		"at once":                        {[]time.Duration{0}, true},
		"within the grace":               {[]time.Duration{linger.DefaultGrace - 1}, true},
		"after the grace":                {[]time.Duration{linger.DefaultGrace}, false},
		"more statuses prolong no grace": {[]time.Duration{step, step, step}, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			clock, engine := testingclock.NewFakeClock(time.Now()), known{}
			l := linger.New(engine, clock, 0)
			l.Set(store.HTTPScaler, trigger("a-kedify"))
			l.Set(store.HTTPRoute, route(generated("web-0")))
			for _, rest := range test.left {
				l.Set(store.HTTPScaler, trigger())
				clock.Step(rest)
			}
			l.Delete(store.HTTPScaler, trigger())
			l.Delete(store.HTTPRoute, route(generated("web-0")))
			if !test.lingers {
				g.Expect(engine).To(BeEmpty())
				return
			}
			clock.Step(linger.DefaultGrace - 1)
			g.Expect(engine).To(HaveKey("HTTPRoute web-0"))
			clock.Step(1)
			g.Expect(engine).To(BeEmpty())
		})
	}
}

// A trigger that comes back within the grace keeps its routes, in any order in which its objects go and come.
func TestWhatComesBackStays(t *testing.T) {
	g := NewWithT(t)
	clock, engine := testingclock.NewFakeClock(time.Now()), known{}
	l := linger.New(engine, clock, 0)
	l.Set(store.HTTPScaler, trigger("a-kedify"))
	l.Set(store.HTTPRoute, route(generated("web-0")))
	l.Delete(store.HTTPScaler, trigger("a-kedify"))
	l.Delete(store.HTTPRoute, route(generated("web-0")))
	clock.Step(linger.DefaultGrace / 2)
	l.Set(store.HTTPScaler, trigger()) // not wired yet
	l.Set(store.HTTPRoute, route(generated("web-0")))
	clock.Step(2 * linger.DefaultGrace)
	g.Expect(engine.String()).To(Equal("HTTPRoute web-0, HTTPScaler web-0"))

	l.Delete(store.HTTPRoute, route(generated("web-0")))
	g.Expect(engine.String()).To(Equal("HTTPScaler web-0"), "nothing leads to a trigger that is not wired")
}

func hosts(route *gwv1.HTTPRoute, names ...gwv1.Hostname) *gwv1.HTTPRoute {
	route.Spec.Hostnames = names
	return route
}

func rule(prefix, service string) gwv1.HTTPRouteRule {
	return gwv1.HTTPRouteRule{
		Matches: []gwv1.HTTPRouteMatch{{Path: &gwv1.HTTPPathMatch{Type: ptr.To(gwv1.PathMatchPathPrefix), Value: &prefix}}},
		BackendRefs: []gwv1.HTTPBackendRef{{BackendRef: gwv1.BackendRef{
			BackendObjectReference: gwv1.BackendObjectReference{Name: gwv1.ObjectName(service)},
		}}},
	}
}

// What a change takes from the route of a wired trigger is served for the grace; what it adds, at once, and first.
func TestWhatAChangeTakesAwayLingers(t *testing.T) {
	with := func(rules []gwv1.HTTPRouteRule, names ...gwv1.Hostname) *gwv1.HTTPRoute {
		made := hosts(route(generated("web-0")), names...)
		made.Spec.Rules = rules
		return made
	}
	one, two := []gwv1.HTTPRouteRule{rule("/a", "web")}, []gwv1.HTTPRouteRule{rule("/b", "web")}
	for name, test := range map[string]struct {
		scaler              *v1alpha1.HTTPScaler
		before, after, kept *gwv1.HTTPRoute
	}{
		"a host less":     {trigger("a-kedify"), with(one, "a", "b"), with(one, "b"), with(one, "b", "a")},
		"another host":    {trigger("a-kedify"), with(one, "a"), with(one, "b"), with(one, "b", "a")},
		"a host more":     {trigger("a-kedify"), with(one, "a"), with(one, "a", "b"), with(one, "a", "b")},
		"no host for all": {trigger("a-kedify"), with(one), with(one, "a"), with(one)},
		"another path":    {trigger("a-kedify"), with(one, "a"), with(two, "a"), with(append(two[:1:1], one...), "a")},
		"not wired":       {trigger(), with(one, "a"), with(two, "b"), with(two, "b")},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			clock, engine := testingclock.NewFakeClock(time.Now()), known{}
			l := linger.New(engine, clock, 0)
			l.Set(store.HTTPScaler, test.scaler)
			l.Set(store.HTTPRoute, test.before)
			l.Set(store.HTTPRoute, test.after)
			g.Expect(engine["HTTPRoute web-0"]).To(Equal(test.kept))
			clock.Step(linger.DefaultGrace)
			g.Expect(engine["HTTPRoute web-0"]).To(Equal(test.after))
		})
	}
}

// A route that changes again within the grace keeps what it had, but not for ever.
func TestWhatALotOfChangesTakeAway(t *testing.T) {
	g := NewWithT(t)
	clock, engine := testingclock.NewFakeClock(time.Now()), known{}
	l := linger.New(engine, clock, 0)
	l.Set(store.HTTPScaler, trigger("a-kedify"))
	served := func() []gwv1.Hostname { return engine["HTTPRoute web-0"].(*gwv1.HTTPRoute).Spec.Hostnames }
	names := []gwv1.Hostname{"a", "b", "c", "d", "e"}
	l.Set(store.HTTPRoute, hosts(route(generated("web-0")), names[0]))
	for _, name := range names[1:] {
		l.Set(store.HTTPRoute, hosts(route(generated("web-0")), name))
		g.Expect(len(served())).To(BeNumerically("<=", 4))
		clock.Step(linger.DefaultGrace - 1)
	}
	g.Expect(served()).NotTo(ContainElement(names[0]))
	clock.Step(linger.DefaultGrace)
	g.Expect(served()).To(Equal(names[4:]))
	l.Set(store.HTTPRoute, hosts(route(generated("web-0")), "f"))
	l.Delete(store.HTTPRoute, route(generated("web-0")))
	g.Expect(served()).To(HaveLen(2))
	clock.Step(linger.DefaultGrace)
	g.Expect(engine).NotTo(HaveKey("HTTPRoute web-0"))
}

// A trigger that is gone is forgotten: a namesake without wired Services has no grace.
func TestNothingIsRemembered(t *testing.T) {
	g := NewWithT(t)
	clock, engine := testingclock.NewFakeClock(time.Now()), known{}
	l := linger.New(engine, clock, 0)
	l.Set(store.HTTPScaler, trigger("a-kedify"))
	l.Delete(store.HTTPScaler, trigger("a-kedify"))
	clock.Step(linger.DefaultGrace)
	l.Set(store.HTTPRoute, route(generated("web-0")))
	l.Delete(store.HTTPRoute, route(generated("web-0")))
	g.Expect(engine).To(BeEmpty())
}
