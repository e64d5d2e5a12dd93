package plan

import (
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// Make says what a World should become.
func Make(world World) Plan {
	m := &maker{
		World: world, scalers: map[types.NamespacedName]*v1alpha1.HTTPScaler{},
		generated: generatedRefs(world), verdicts: verdicts(world),
	}
	for _, scaler := range world.Scalers {
		m.scalers[types.NamespacedName{Namespace: scaler.Namespace, Name: scaler.Name}] = scaler
	}
	m.collect()
	m.each(func(c *candidate) {
		m.resolveBackend(c)
		m.resolveReferences(c)
		m.resolveCounting(c)
	})
	m.attach()
	m.findBypasses()
	m.refuseForeignProxy()
	m.refuseConflicts()
	m.plan.Objects = m.proxyObjects(m.secure())
	m.each(m.finish)
	for _, c := range m.candidates {
		if c.broken != nil {
			m.keep(c)
		}
	}
	return m.plan
}

// finish adds the objects and the status of a candidate.
func (m *maker) finish(c *candidate) {
	objects := []Object{c.scaler()}
	route := ""
	if c.generates() {
		routes := m.routes(c)
		m.hear(c, routes)
		if len(routes) > 0 {
			route = routes[0].GetName()
		}
		objects = append(objects, routes...)
	}
	status := m.status(c, route)
	m.plan.Objects = append(m.plan.Objects, objects...)
	m.plan.Statuses = append(m.plan.Statuses, Status{Scaler: c.key, Value: status})
}
