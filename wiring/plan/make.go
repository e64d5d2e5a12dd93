package plan

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// maker collects a Plan.
type maker struct {
	World
	plan Plan

	services  map[string]*corev1.Service
	pools     map[string]*inferencev1.InferencePool
	slicesOf  map[string][]*discoveryv1.EndpointSlice
	endpoints map[string]*metav1.PartialObjectMetadata

	// scalers of the proxies, the oldest first.
	scalers []*v1alpha1.HTTPScaler
	// all that is wired or may be, by the name of the Service, and in the order of the names.
	all    map[string]*wired
	sorted []*wired
	// usesOf an object by their pointers.
	usesOf map[*unstructured.Unstructured]map[string]*use
	// passing says what leads to a part of an application past the proxies, by the HTTPScaler's name.
	passing map[string][]reason
	// left are foreign objects that stay as they are, because a step panicked at them.
	left map[*unstructured.Unstructured]bool
}

// Make says what a World should become.
func Make(world World) Plan {
	m := newMaker(world)
	m.collect()
	m.read()
	for _, w := range m.sorted {
		whole := m.attempt("Service "+m.Namespace+"/"+w.name, w.owner(), func() {
			m.enter(w)
			m.noteEntered(w)
			for _, u := range w.uses {
				m.judge(w, u)
			}
			m.render(w)
		})
		if !whole {
			m.keepWired(w)
		}
	}
	m.patch()
	m.addGrants()
	m.prune()
	for _, scaler := range m.scalers {
		m.attempt("the status of HTTPScaler "+keyText(scaler), scaler, func() { m.say(scaler) })
	}
	return m.plan
}

func newMaker(world World) *maker {
	m := &maker{
		World: world, services: map[string]*corev1.Service{}, pools: map[string]*inferencev1.InferencePool{},
		slicesOf:  map[string][]*discoveryv1.EndpointSlice{},
		endpoints: map[string]*metav1.PartialObjectMetadata{}, all: map[string]*wired{},
		usesOf: map[*unstructured.Unstructured]map[string]*use{}, passing: map[string][]reason{},
		left: map[*unstructured.Unstructured]bool{},
	}
	m.plan.Memory = Memory{Idle: map[string]time.Time{}, Entered: map[string]time.Time{}, Rewrites: world.Memory.Rewrites}
	for _, service := range world.Services {
		m.services[service.Name] = service
	}
	for _, pool := range world.Pools {
		m.pools[pool.Name] = pool
	}
	for _, slice := range world.Slices {
		name := slice.Labels[discoveryv1.LabelServiceName]
		m.slicesOf[name] = append(m.slicesOf[name], slice)
	}
	for _, endpoints := range world.Endpoints {
		m.endpoints[endpoints.Name] = endpoints
	}
	return m
}

// due notes that something happens after a while although no object changes.
func (m *maker) due(after time.Duration) {
	if m.plan.Again == 0 || after < m.plan.Again {
		m.plan.Again = after
	}
}
