package plan

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/wiring/mirror"
)

// wired is a Service whose endpoints lead to the proxies, or should: a wired Service, or with kind
// "service" one of the user.
type wired struct {
	// name of the Service, and of what it stands for; with kind "service" of its fallback.
	name, original string
	ofPool         bool
	inCluster      bool

	// live is the Service, nil: there is none. service or pool is the original.
	live    *corev1.Service
	service *corev1.Service
	pool    *inferencev1.InferencePool
	// slices of the Service.
	slices []*discoveryv1.EndpointSlice

	// scalers whose requests go there, the oldest first; none: their triggers are gone.
	scalers []*v1alpha1.HTTPScaler
	// refused is why a scaler has no part of it, by its name.
	refused map[string]reason
	// ports of the proxies by port of the Service.
	ports map[int32]int32
	uses  []*use
	// named: a reference names it, served or refused.
	named bool
	// wanted: a reference or a user asks for it.
	wanted bool
	// awake: an endpoint of the application is ready.
	awake  bool
	path   mirror.Path
	output mirror.Output
	// gone: nothing has pointed at it for long enough.
	gone bool
	// broken: a step panicked at it, and it stays as it is.
	broken bool
}

// collect finds what is wired or may be: what the triggers name, and what exists.
func (m *maker) collect() {
	for _, scaler := range byAge(m.Scalers) {
		if scaler.Spec.Type != v1alpha1.TriggerHTTP || scaler.DeletionTimestamp != nil {
			continue
		}
		m.scalers = append(m.scalers, scaler)
		for _, w := range m.of(scaler) {
			w.scalers = append(w.scalers, scaler)
		}
	}
	for _, service := range m.Services {
		if original, pool := mirror.Original(service); original != "" {
			m.wired(service.Name, original, pool)
		}
	}
	for _, slice := range m.Slices {
		name, fallback := slice.Labels[discoveryv1.LabelServiceName], slice.Annotations[v1alpha1.WiresAnnotation]
		if mirror.Ours(slice) && fallback != "" && m.all[name] == nil {
			m.wired(name, fallback, false).inCluster = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.all)) {
		w := m.all[name]
		w.live, w.slices = m.services[w.name], m.slicesOf[w.name]
		if w.ofPool {
			w.pool = m.pools[w.original]
		} else {
			w.service = m.services[w.original]
		}
		m.sorted = append(m.sorted, w)
	}
}

// of returns what the requests of a trigger go through: with kind "service" the Service itself.
func (m *maker) of(scaler *v1alpha1.HTTPScaler) []*wired {
	backend := scaler.Spec.Backend
	if inCluster(scaler) {
		w := m.wired(backend.Service, backend.FallbackService, false)
		w.inCluster = true
		return []*wired{w}
	}
	var found []*wired
	if backend.Service != "" {
		found = append(found, m.wired(mirror.Name(backend.Service, false), backend.Service, false))
	}
	if backend.InferencePool != "" {
		found = append(found, m.wired(mirror.Name(backend.InferencePool, true), backend.InferencePool, true))
	}
	return found
}

func (m *maker) wired(name, original string, pool bool) *wired {
	if m.all[name] == nil {
		m.all[name] = &wired{name: name, original: original, ofPool: pool, refused: map[string]reason{}, ports: map[int32]int32{}}
	}
	return m.all[name]
}

// byAge sorts HTTPScalers as the conflicts of their triggers are decided.
func byAge(scalers []*v1alpha1.HTTPScaler) []*v1alpha1.HTTPScaler {
	sorted := slices.Clone(scalers)
	slices.SortFunc(sorted, func(a, b *v1alpha1.HTTPScaler) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), strings.Compare(a.Name, b.Name))
	})
	return sorted
}

// inCluster reports whether the endpoints of the trigger's own Service are to lead to the proxies.
func inCluster(scaler *v1alpha1.HTTPScaler) bool {
	return slices.Contains(scaler.Spec.Autowire, v1alpha1.AutowireService)
}

// allows reports whether objects of a kind may be rewritten for a trigger.
func allows(scaler *v1alpha1.HTTPScaler, kind v1alpha1.AutowireKind) bool {
	if len(scaler.Spec.Autowire) == 0 {
		return kind != v1alpha1.AutowireService
	}
	return slices.Contains(scaler.Spec.Autowire, kind)
}

// text names the original in messages.
func (w *wired) text(namespace string) string {
	kind := "Service "
	if w.ofPool {
		kind = "InferencePool "
	}
	return kind + namespace + "/" + w.original
}

// exists reports whether there is a Service that the product made, or for kind "service" one.
func (w *wired) exists() bool {
	if w.live == nil || w.live.UID == "" || w.live.DeletionTimestamp != nil {
		return false
	}
	if w.inCluster {
		return true
	}
	original, pool := mirror.Original(w.live)
	return original == w.original && pool == w.ofPool
}

// entered reports whether a ready endpoint of a proxy is behind a port of the live Service.
func (w *wired) entered(number int32) bool {
	if !w.exists() {
		return false
	}
	i := slices.IndexFunc(w.live.Spec.Ports, func(p corev1.ServicePort) bool { return isTCP(p) && p.Port == number })
	if i < 0 {
		return false
	}
	target := w.ports[number]
	return slices.ContainsFunc(w.slices, func(slice *discoveryv1.EndpointSlice) bool {
		if slice.Annotations[mirror.PathAnnotation] != "" { // the application
			return false
		}
		return slices.ContainsFunc(slice.Ports, func(p discoveryv1.EndpointPort) bool {
			return ptr.Deref(p.Name, "") == w.live.Spec.Ports[i].Name && ptr.Deref(p.Port, 0) == target
		}) && ready(slice)
	})
}

// noteEntered remembers since when a proxy is behind the wired Service.
func (m *maker) noteEntered(w *wired) {
	for number := range w.ports {
		if !w.entered(number) {
			continue
		}
		since, known := m.Memory.Entered[w.name]
		if !known {
			since = m.Now
		}
		m.plan.Memory.Entered[w.name] = since
		return
	}
}

func ready(slice *discoveryv1.EndpointSlice) bool {
	return slices.ContainsFunc(slice.Endpoints, func(e discoveryv1.Endpoint) bool { return ptr.Deref(e.Conditions.Ready, true) })
}

func isTCP(port corev1.ServicePort) bool {
	return port.Protocol == "" || port.Protocol == corev1.ProtocolTCP
}

func keyText(object metav1.Object) string { return object.GetNamespace() + "/" + object.GetName() }
