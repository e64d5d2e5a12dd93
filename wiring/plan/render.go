package plan

import (
	"slices"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/internal/names"
	"github.com/kedify/inference-gateway/wiring/mirror"
)

// render makes the objects of what is needed.
func (m *maker) render(w *wired) {
	w.output = m.rendered(w, mirror.Both)
	w.awake = slices.ContainsFunc(w.output.Slices, ofReadyApplication)
	w.path = m.step(w)
	w.output = m.rendered(w, w.path)
	for _, slice := range w.output.Slices {
		if slice.Annotations[mirror.PathAnnotation] != "" {
			slice.Annotations[pathAnnotation] = string(m.Path)
		}
	}
	if w.wanted = w.asked(); !w.wanted && m.idle(w) {
		return
	}
	if w.output.Service != nil {
		m.plan.Objects = append(m.plan.Objects, w.output.Service)
	}
	for _, slice := range w.output.Slices {
		m.plan.Objects = append(m.plan.Objects, slice)
	}
	if len(w.output.Slices) == 0 {
		m.keepSlices(w)
	}
}

// keepSlices has slices that cannot be rendered now say which path the namespace has: LivePath reads it
// from all.
func (m *maker) keepSlices(w *wired) {
	for _, live := range w.slices {
		if !mirror.Ours(live) || live.Annotations[mirror.PathAnnotation] == "" {
			continue
		}
		kept := live.DeepCopy()
		kept.TypeMeta = metav1.TypeMeta{APIVersion: discoveryv1.SchemeGroupVersion.String(), Kind: kindSlice}
		kept.ObjectMeta = metav1.ObjectMeta{
			Namespace: live.Namespace, Name: live.Name, Labels: kept.Labels, OwnerReferences: kept.OwnerReferences,
			Annotations: map[string]string{ // and not the hash that was written with it
				mirror.PathAnnotation: live.Annotations[mirror.PathAnnotation], pathAnnotation: string(m.Path),
			},
		}
		if wires := live.Annotations[v1alpha1.WiresAnnotation]; wires != "" {
			kept.Annotations[v1alpha1.WiresAnnotation] = wires
		}
		m.plan.Objects = append(m.plan.Objects, kept)
	}
}

func (m *maker) rendered(w *wired, path mirror.Path) mirror.Output {
	entry := mirror.Entry{Slices: m.ProxySlices, Ports: w.ports}
	if w.inCluster {
		return mirror.RenderInCluster(mirror.InCluster{
			Service: w.live, Slices: w.slices, Endpoints: m.endpoints[w.name],
			Fallback: w.service, FallbackSlices: m.slicesOf[w.original], Entry: entry, Path: path,
		})
	}
	if m.Proxy.Namespace == m.Namespace {
		entry.Selector = map[string]string{
			gwv1.GatewayNameLabelKey: names.LabelValue(m.Proxy.Name), v1alpha1.ManagedByLabel: v1alpha1.ManagedBy,
		}
	}
	in := mirror.Input{Entry: entry, Path: path, Wired: w.live}
	if w.ofPool {
		in.Pool, in.Pods = w.pool, m.Pods
	} else {
		in.Service, in.Slices = w.service, m.slicesOf[w.original]
	}
	return mirror.Render(in)
}

// step is the path of a Service now: the one that is wanted, or Both, until what the other side needs is
// on the API server.
func (m *maker) step(w *wired) mirror.Path {
	live := mirror.PathOf(w.slices)
	if m.wantedPath(w) == v1alpha1.PathProxy {
		switch {
		case live == mirror.Direct, live == mirror.Both && !m.returned(w):
			return mirror.Both
		}
		return mirror.Proxy
	}
	// Proxies, where there are any, hold the requests until an endpoint of the application is ready.
	if w.awake && live != mirror.Proxy && slices.ContainsFunc(w.slices, ofReadyApplication) {
		return mirror.Direct
	}
	return mirror.Both
}

// wantedPath is that of the namespace. Without a trigger the proxies have no route.
func (m *maker) wantedPath(w *wired) v1alpha1.WiringPath {
	if !slices.ContainsFunc(w.scalers, func(s *v1alpha1.HTTPScaler) bool { return standingOf(s) != unserved }) {
		return v1alpha1.PathDirect
	}
	return m.Path
}

// returned reports whether proxies are ready behind every port that leads to them.
func (m *maker) returned(w *wired) bool {
	for number := range w.ports {
		if !w.entered(number) {
			return false
		}
	}
	return len(w.ports) > 0
}

func ofReadyApplication(slice *discoveryv1.EndpointSlice) bool {
	return slice.Annotations[mirror.PathAnnotation] != "" && ready(slice)
}

// pathAnnotation on a slice with endpoints of the application is the path that is wanted for the whole
// namespace. Where the Service leads may differ: it takes two steps, and without a trigger it is direct.
const pathAnnotation = v1alpha1.GroupName + "/namespace-path"

// LivePath reads from the objects which path was last decided for the namespace.
func (w World) LivePath() v1alpha1.WiringPath {
	for _, slice := range w.Slices {
		if mirror.Ours(slice) && slice.Annotations[pathAnnotation] == string(v1alpha1.PathDirect) {
			return v1alpha1.PathDirect
		}
	}
	return v1alpha1.PathProxy
}
