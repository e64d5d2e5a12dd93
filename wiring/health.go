package wiring

import (
	"context"
	"maps"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/infra"
	"github.com/kedify/inference-gateway/wiring/health"
	"github.com/kedify/inference-gateway/wiring/streams"
)

const (
	// probeInterval is the time between two live reads, which tell whether informers are up to date.
	probeInterval = time.Second
	// probeTimeout bounds a live read.
	probeTimeout = time.Second
)

// machines are the health of each namespace. The queue of moves works on one namespace at a time, so a
// machine has one user at a time.
type machines struct {
	settings health.Settings

	mu  sync.Mutex
	all map[string]*health.Machine
	// noted is the path of a namespace that was told last.
	noted map[string]v1alpha1.WiringPath
}

func newMachines(options Options) *machines {
	settings := health.DefaultSettings()
	settings.Debounce, settings.Recovery = options.Debounce, options.Recovery
	settings.MaxRecovery = max(settings.MaxRecovery, options.Recovery)
	return &machines{settings: settings, all: map[string]*health.Machine{}, noted: map[string]v1alpha1.WiringPath{}}
}

func (m *machines) of(namespace string) *health.Machine {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.all[namespace] == nil {
		m.all[namespace] = health.New(m.settings)
	}
	return m.all[namespace]
}

func (m *machines) forget(namespace string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.all, namespace)
	delete(m.noted, namespace)
}

// note returns the path that was noted before; empty: none was.
func (m *machines) note(namespace string, path v1alpha1.WiringPath) (before v1alpha1.WiringPath) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before = m.noted[namespace]
	m.noted[namespace] = path
	return before
}

// observe is what is known of the proxies and controllers of a namespace. While the API server does not
// answer, or informers are behind it, nothing is known.
func (w *Wiring) observe(namespace string, path v1alpha1.WiringPath) health.Observation {
	seen := health.Observation{Path: path}
	if !w.fresh.Load() || !w.world.knows(kindEndpointSlice, kindService) {
		return seen
	}
	proxies, controllers := w.proxiesOf(namespace), w.controllers()
	seen.Proxies = readiness(w.slicesOf(proxies))
	// Without its Service a controller cannot be seen; that it is dead does not follow.
	if _, found := find[*corev1.Service](w.world, kindService, controllers); found {
		seen.Controllers = readiness(w.slicesOf(controllers))
	}
	seen.Streams = w.streams.State(w.deps.Options.proxy(namespace))
	return seen
}

// controllerAddresses is where the controllers say which proxies follow them.
func (w *Wiring) controllerAddresses() []string {
	if !w.world.knows(kindEndpointSlice) {
		return nil
	}
	return streams.Addresses(w.slicesOf(w.controllers()))
}

// streamsChanged asks for a look at the health of the namespaces that a Gateway serves.
func (w *Wiring) streamsChanged(gateway types.NamespacedName) {
	switch {
	case gateway != w.deps.Options.proxy(gateway.Namespace):
	case w.deps.Options.SharedProxy:
		w.moveAll()
	case w.world.concerned(gateway.Namespace):
		w.moves.Add(gateway.Namespace)
	}
}

// proxiesOf is the Service of the Gateway that serves a namespace. Its selector never changes.
func (w *Wiring) proxiesOf(namespace string) types.NamespacedName {
	gateway := w.deps.Options.proxy(namespace)
	return types.NamespacedName{Namespace: gateway.Namespace, Name: infra.Name(gateway)}
}

func (w *Wiring) controllers() types.NamespacedName {
	return types.NamespacedName{Namespace: w.deps.Options.Namespace, Name: w.deps.Options.ControllerService}
}

// slicesOf are the EndpointSlices of a Service, as informers have them.
func (w *Wiring) slicesOf(service types.NamespacedName) []*discoveryv1.EndpointSlice {
	return slicesIn(objectsOf[*discoveryv1.EndpointSlice](w.world, kindEndpointSlice, service.Namespace), service.Name)
}

func slicesIn(all []*discoveryv1.EndpointSlice, service string) []*discoveryv1.EndpointSlice {
	var found []*discoveryv1.EndpointSlice
	for _, slice := range all {
		if slice.Labels[discoveryv1.LabelServiceName] == service {
			found = append(found, slice)
		}
	}
	return found
}

// readiness reports whether slices have a ready endpoint.
func readiness(slices []*discoveryv1.EndpointSlice) health.State {
	for _, slice := range slices {
		for _, endpoint := range slice.Endpoints {
			if ptr.Deref(endpoint.Conditions.Ready, true) {
				return health.Ready
			}
		}
	}
	return health.NotReady
}

// confirmIll reads live whether the proxies of a namespace, or the controllers, have no ready endpoint. A
// move to safety on an old view would be a move because informers are slow. What the controllers said of
// their streams is live already.
func (w *Wiring) confirmIll(ctx context.Context, namespace string) (bool, error) {
	for _, service := range []types.NamespacedName{w.proxiesOf(namespace), w.controllers()} {
		slices, err := w.liveSlices(ctx, service)
		if err != nil {
			return false, err
		}
		if readiness(slices) == health.NotReady {
			return true, nil
		}
	}
	return w.streams.State(w.deps.Options.proxy(namespace)) == health.NotReady, nil
}

func (w *Wiring) liveSlices(ctx context.Context, service types.NamespacedName) ([]*discoveryv1.EndpointSlice, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	return listSlices(ctx, w.deps.API.Direct, service)
}

func listSlices(ctx context.Context, reader client.Reader, service types.NamespacedName) ([]*discoveryv1.EndpointSlice, error) {
	list := &discoveryv1.EndpointSliceList{}
	err := reader.List(ctx, list, client.InNamespace(service.Namespace), client.MatchingLabels{discoveryv1.LabelServiceName: service.Name})
	if err != nil {
		return nil, err
	}
	slices := make([]*discoveryv1.EndpointSlice, len(list.Items))
	for i := range list.Items {
		slices[i] = &list.Items[i]
	}
	return slices, nil
}

// watchFreshness compares what informers know of the controllers with a live read, every second.
func (w *Wiring) watchFreshness(ctx context.Context) error {
	ticker := w.deps.Clock.NewTicker(probeInterval)
	defer ticker.Stop()
	var missed map[string]string
	for {
		missed = w.probe(ctx, missed)
		select {
		case <-ticker.C():
		case <-ctx.Done():
			return nil
		}
	}
}

// probe takes the versions that informers had missed at the last probe and returns those that they miss
// now. What they still miss after a second makes their view old.
func (w *Wiring) probe(ctx context.Context, missed map[string]string) (missing map[string]string) {
	live, err := w.liveSlices(ctx, w.controllers())
	if ctx.Err() != nil {
		return nil
	}
	var known []*discoveryv1.EndpointSlice
	if err == nil {
		known, err = listSlices(ctx, w.deps.API.Cache, w.controllers())
	}
	fresh := err == nil
	if found := versions(live); fresh && !maps.Equal(found, versions(known)) {
		missing = found
		fresh = missed == nil || !maps.Equal(missed, found)
	}
	if w.fresh.Swap(fresh) != fresh {
		if !fresh {
			w.deps.Log.Info("Stopped judging health: the API server does not answer, or informers are behind it", "error", err)
		}
		w.moveAll()
	}
	return missing
}

func versions(slices []*discoveryv1.EndpointSlice) map[string]string {
	found := map[string]string{}
	for _, slice := range slices {
		found[slice.Name] = slice.ResourceVersion
	}
	return found
}
