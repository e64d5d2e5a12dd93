package backend

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kedify/inference-gateway/xds/ir"
)

// AppProtocolH2C is cleartext HTTP/2 in appProtocol (KEP-3726).
const AppProtocolH2C = "kubernetes.io/h2c"

// AppProtocol is what a Service port says about itself in appProtocol.
type AppProtocol struct {
	Known, Stated bool // stated: the version of HTTP is
	HTTP          ir.Protocol
	TLS           bool // cannot be spoken without a BackendTLSPolicy or tlsMode reencrypt
}

// ProtocolOf reads appProtocol: the names of KEP-3726, "http", "https", and "grpc", which is
// common. WebSocket needs nothing beyond HTTP/1.1.
func ProtocolOf(port *corev1.ServicePort) AppProtocol {
	if port.AppProtocol == nil || *port.AppProtocol == "" {
		return AppProtocol{Known: true, HTTP: ir.HTTP1}
	}
	switch strings.ToLower(*port.AppProtocol) {
	case "http", "kubernetes.io/ws":
		return AppProtocol{Known: true, Stated: true, HTTP: ir.HTTP1}
	case AppProtocolH2C, "grpc":
		return AppProtocol{Known: true, Stated: true, HTTP: ir.HTTP2}
	case "https":
		return AppProtocol{Known: true, HTTP: ir.HTTP1, TLS: true}
	case "kubernetes.io/wss":
		return AppProtocol{Known: true, Stated: true, HTTP: ir.HTTP1, TLS: true}
	}
	return AppProtocol{}
}

// ServicePort finds a port of a Service by number and transport; nil when it has none. A
// Service may use one number for TCP and for UDP.
func ServicePort(service *corev1.Service, number uint32, protocol corev1.Protocol) *corev1.ServicePort {
	for i := range service.Spec.Ports {
		port := &service.Spec.Ports[i]
		actual := port.Protocol
		if actual == "" {
			actual = corev1.ProtocolTCP
		}
		if uint32(port.Port) == number && actual == protocol {
			return port
		}
	}
	return nil
}

// PortNumbers lists the ports of a Service, as messages name them.
func PortNumbers(service *corev1.Service) string {
	var numbers []string
	for _, port := range service.Spec.Ports {
		text := fmt.Sprint(port.Port)
		if port.Protocol != "" && port.Protocol != corev1.ProtocolTCP {
			text += "/" + string(port.Protocol)
		}
		numbers = append(numbers, text)
	}
	if len(numbers) == 0 {
		return "none"
	}
	slices.Sort(numbers)
	return strings.Join(numbers, ", ")
}
