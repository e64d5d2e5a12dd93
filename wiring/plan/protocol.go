package plan

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// Annotations of a Service with which a consumer speaks TLS to it. Contour's list ports by number or name, for
// Ingresses and HTTPRoutes; Traefik's is for all ports, Google's a JSON object from name to protocol, both for
// Ingresses.
var contourTLS = []string{"projectcontour.io/upstream-protocol.tls", "projectcontour.io/upstream-protocol.h2"}

const (
	traefikScheme   = "traefik.ingress.kubernetes.io/service.serversscheme"
	googleProtocols = "cloud.google.com/app-protocols"
)

// annotatedTLS reports whether a consumer speaks TLS because an annotation of the Service says so.
// The wired Service has the same annotations.
func (w *wired) annotatedTLS(u *use) bool {
	service := w.Service()
	number, why := w.portFor(u)
	if service == nil || !why.none() {
		return false
	}
	i := slices.IndexFunc(service.Spec.Ports, func(p corev1.ServicePort) bool { return isTCP(p) && p.Port == number })
	return i >= 0 && speaksTLSTo(u.kind, service.Annotations, service.Spec.Ports[i])
}

func speaksTLSTo(kind v1alpha1.AutowireKind, annotations map[string]string, port corev1.ServicePort) bool {
	if kind != v1alpha1.AutowireIngress && kind != v1alpha1.AutowireHTTPRoute {
		return false
	}
	for _, annotation := range contourTLS {
		for _, listed := range strings.Split(annotations[annotation], ",") {
			if listed = strings.TrimSpace(listed); listed != "" && (listed == port.Name || listed == strconv.Itoa(int(port.Port))) {
				return true
			}
		}
	}
	if kind != v1alpha1.AutowireIngress {
		return false
	}
	if strings.EqualFold(annotations[traefikScheme], "https") {
		return true
	}
	protocols := map[string]string{}
	if json.Unmarshal([]byte(annotations[googleProtocols]), &protocols) != nil {
		return false
	}
	return slices.Contains([]string{"HTTPS", "HTTP2"}, strings.ToUpper(protocols[port.Name]))
}
