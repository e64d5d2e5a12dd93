package plan

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/ptr"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/internal/names"
)

const (
	// maxCertificates is gwv1.ListenerTLSConfig.CertificateRefs'.
	maxCertificates = 64
	// maxServerNames is how many TLS listeners one Gateway takes (gwv1.GatewaySpec.Listeners) besides those for
	// HTTP and inference.
	maxServerNames = 62
)

// secured is a HTTPS listener of the generated Gateway.
type secured struct {
	host      string // everyHost on the proxy of one namespace
	namespace string
	secrets   []types.NamespacedName
}

// secure finds the HTTPS listeners and returns their Secrets. The proxy of a namespace has one with all
// certificates, of which Envoy chooses by server name; the first is shown to clients that name no host. On
// the proxy of all namespaces each host has a listener of its own, with the certificates of the namespace that has
// the host: Envoy would else choose among those of all tenants, and prefer an ECDSA key to an RSA key.
func (m *maker) secure() []types.NamespacedName {
	var all []types.NamespacedName
	room := maxServerNames - len(m.passthroughHosts())
	for _, c := range m.candidates {
		if !c.generates() || !c.terminates() {
			continue
		}
		secret := c.of(c.spec.TLS.SecretName)
		hosts := []string{everyHost}
		if m.Shared {
			hosts = c.spec.Hosts
		}
		for _, host := range hosts {
			if m.secureHost(c, host, secret, room) && !slices.Contains(all, secret) {
				all = append(all, secret)
			}
		}
	}
	return all
}

// secureHost has a Secret presented for a host. A trigger whose Secret or host is one too many is told so.
func (m *maker) secureHost(c *candidate, host string, secret types.NamespacedName, room int) bool {
	at := slices.IndexFunc(m.secured, func(s secured) bool { return s.host == host })
	switch {
	case at < 0 && len(m.secured) >= room:
		c.unresolve(ReasonTooMany, fmt.Sprintf(
			"tlsSecretName: a Gateway takes %d server names, and those of older triggers are as many; write wildcards like *.example.com.",
			maxServerNames))
		return false
	case at < 0:
		m.secured = append(m.secured, secured{host: host, namespace: c.key.Namespace, secrets: []types.NamespacedName{secret}})
	case slices.Contains(m.secured[at].secrets, secret):
	case len(m.secured[at].secrets) == maxCertificates:
		c.unresolve(ReasonTooMany, fmt.Sprintf(
			"tlsSecretName: a listener takes %d Secrets, and those of older triggers are as many; "+
				"use one certificate for several hosts.", maxCertificates))
		return false
	default:
		m.secured[at].secrets = append(m.secured[at].secrets, secret)
	}
	return true
}

// securedListeners are the HTTPS listeners, by name.
func (m *maker) securedListeners() []gwv1.Listener {
	listeners := make([]gwv1.Listener, 0, len(m.secured))
	for _, s := range m.secured {
		tls := &gwv1.ListenerTLSConfig{Mode: ptr.To(gwv1.TLSModeTerminate)}
		for _, secret := range s.secrets {
			ref := gwv1.SecretObjectReference{Name: gwv1.ObjectName(secret.Name)}
			if secret.Namespace != m.Proxy.Namespace {
				ref.Namespace = ptr.To(gwv1.Namespace(secret.Namespace))
			}
			tls.CertificateRefs = append(tls.CertificateRefs, ref)
		}
		listener := gwv1.Listener{Name: securedName(s.host), Port: portHTTPS, Protocol: gwv1.HTTPSProtocolType, TLS: tls}
		if s.host != everyHost {
			listener.Hostname = ptr.To(gwv1.Hostname(s.host))
		}
		if m.Shared {
			listener.AllowedRoutes = allowedFrom(s.namespace)
		}
		listeners = append(listeners, listener)
	}
	slices.SortFunc(listeners, func(a, b gwv1.Listener) int { return strings.Compare(string(a.Name), string(b.Name)) })
	return listeners
}

// securedNames are those of the listeners of a trigger that the proxy ends TLS for.
func (m *maker) securedNames(c *candidate) (found []gwv1.SectionName) {
	for _, s := range m.secured {
		if !m.Shared || s.namespace == c.key.Namespace && slices.Contains(c.spec.Hosts, s.host) {
			found = append(found, securedName(s.host))
		}
	}
	slices.Sort(found)
	return found
}

// securedName is the name of the HTTPS listener of a host.
func securedName(host string) gwv1.SectionName { return sectionName(listenerHTTPS, host) }

// passthroughName is the name of the listener of a server name.
func passthroughName(host string) gwv1.SectionName { return sectionName("tls", host) }

func sectionName(kind, host string) gwv1.SectionName {
	name := kind + "." + host
	if host == everyHost {
		name = kind
	} else if suffix, wildcard := strings.CutPrefix(host, "*."); wildcard {
		name = kind + "-any." + suffix
	}
	if len(name) > validation.DNS1123SubdomainMaxLength {
		name = names.Shorten(name, name, validation.DNS1123SubdomainMaxLength)
	}
	return gwv1.SectionName(name)
}
