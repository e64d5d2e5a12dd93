package plan

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/wiring/mirror"
)

// Ports of the proxies, as docs/kedify-http.md lists them.
const (
	portHTTP      = 8080
	portHTTPS     = 8443
	portInference = 9002
)

// enter decides which ports lead to which port of the proxies. Of two triggers that want different ones
// the older wins.
func (m *maker) enter(w *wired) {
	if len(w.scalers) == 0 {
		w.keepPorts()
		return
	}
	for _, scaler := range w.scalers {
		number := w.portOf(scaler)
		if number == 0 {
			if w.Service() != nil {
				w.refused[scaler.Name] = because(mirror.ReasonPortNotFound,
					"Service %s has no TCP port that the trigger names; correct port or portName.", keyText(w.Service()))
			}
			continue
		}
		target := m.entry(w, scaler, number)
		if other, taken := w.ports[number]; taken && other != target {
			w.refused[scaler.Name] = because(ReasonConflicted,
				"%s, port %d, leads to port %d of the proxies for HTTPScaler %s, which is older, and this trigger needs port %d; "+
					"give each trigger a Service of its own.", w.text(m.Namespace), number, other, w.scalers[0].Name, target)
			continue
		}
		w.ports[number] = target
	}
}

// Service is the one with the ports that clients know; nil for a pool.
func (w *wired) Service() *corev1.Service {
	switch {
	case w.inCluster:
		return w.live
	case w.ofPool:
		return nil
	}
	return w.service
}

// keepPorts are those of the live Service: no trigger says any.
func (w *wired) keepPorts() {
	if w.live == nil {
		return
	}
	for _, port := range w.live.Spec.Ports {
		switch {
		case !isTCP(port):
		case w.inCluster:
			w.ports[port.Port] = portHTTP
		case port.TargetPort.Type == intstr.Int:
			w.ports[port.Port] = port.TargetPort.IntVal
		}
	}
}

// portOf is the port of the Service that a trigger serves, 0: there is none. A pool's trigger may name
// a port of the proxies; it then serves the port that leads to the pool's.
func (w *wired) portOf(scaler *v1alpha1.HTTPScaler) int32 {
	if w.ofPool {
		return mirror.PoolPort
	}
	service, backend := w.Service(), scaler.Spec.Backend
	if service == nil {
		return 0
	}
	ports := slices.DeleteFunc(slices.Clone(service.Spec.Ports), func(p corev1.ServicePort) bool { return !isTCP(p) })
	for _, port := range ports {
		if backend.Port != nil && port.Port == *backend.Port || backend.Port == nil && port.Name == backend.PortName {
			return port.Port
		}
	}
	if backend.InferencePool != "" && len(ports) == 1 {
		return ports[0].Port
	}
	return 0
}

// entry is the port of the proxies for the requests of a trigger.
func (m *maker) entry(w *wired, scaler *v1alpha1.HTTPScaler, number int32) int32 {
	tls := scaler.Spec.TLS
	switch {
	case tls.Mode == v1alpha1.TLSPassthrough, tls.Mode == v1alpha1.TLSReencrypt,
		tls.SecretName != "" && (w.inCluster || m.speakTLS(w, number)):
		return portHTTPS
	case scaler.Spec.Backend.InferencePool != "":
		return portInference
	}
	return portHTTP
}

// speakTLS reports whether the consumers of a port speak TLS to it: those that are wired, else all; those of
// the namespace, else all. While consumers may be missing here, or those of other namespaces differ, the port
// stays what it is: a neighbour's object closes no port for others.
func (m *maker) speakTLS(w *wired, number int32) bool {
	live := w.exists() && slices.ContainsFunc(w.live.Spec.Ports, func(p corev1.ServicePort) bool {
		return isTCP(p) && p.Port == number && p.TargetPort.IntVal == portHTTPS
	})
	if m.ForeignUnknown && w.exists() {
		return live
	}
	for rank, speaks := range w.consumersOf(number) {
		switch plain := slices.Contains(speaks, false); {
		case len(speaks) == 0:
		case rank >= 2 && plain && slices.Contains(speaks, true):
			return live
		default:
			return !plain
		}
	}
	return false
}

// consumersOf says of the consumers of a port whether they speak TLS: first those of the namespace, wired ones
// before others, then those of other namespaces in the same order.
func (w *wired) consumersOf(number int32) (ranks [4][]bool) {
	for _, u := range w.uses {
		if port, why := w.portFor(u); !why.none() || port != number {
			continue
		}
		rank := 0
		if u.abroad {
			rank += 2
		}
		if !u.leads {
			rank++
		}
		ranks[rank] = append(ranks[rank], u.ref.TLS)
	}
	return ranks
}

// portFor is the port of the Service that a reference leads to.
func (w *wired) portFor(u *use) (int32, reason) {
	service, port := w.Service(), u.ref.Port
	switch {
	case w.ofPool:
		return mirror.PoolPort, reason{}
	case service == nil:
		return 0, because(mirror.ReasonNotFound, "%s leads to a Service that does not exist.", u.text)
	case port == intstr.IntOrString{}:
		if len(service.Spec.Ports) == 1 {
			return service.Spec.Ports[0].Port, reason{}
		}
		return 0, because(ReasonUnsupported, "%s names no port of Service %s, which has several; name one.", u.text, keyText(service))
	case u.kind == v1alpha1.AutowireRoute && port.Type == intstr.Int:
		return 0, because(ReasonUnsupported,
			"%s names port %d of Pods, which the proxies do not have; write the name of the port of Service %s as targetPort.",
			u.text, port.IntVal, keyText(service))
	}
	for _, p := range service.Spec.Ports {
		if isTCP(p) && (port.Type == intstr.Int && p.Port == port.IntVal || port.Type == intstr.String && p.Name == port.StrVal) {
			return p.Port, reason{}
		}
	}
	return 0, because(ReasonPort, "%s leads to port %s, which Service %s does not have.", u.text, fmt.Sprint(port.String()), keyText(service))
}
