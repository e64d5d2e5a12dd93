package plan

import (
	"fmt"
	"reflect"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/internal/names"
)

// refuseForeignProxy refuses all triggers that need the generated Gateway when one of its name is
// the user's.
func (m *maker) refuseForeignProxy() {
	gateway := m.Find.Gateway(m.Proxy)
	if gateway == nil || Managed(gateway) {
		return
	}
	for _, c := range m.candidates {
		if c.generates() {
			c.refused = explanation{ReasonGatewayTaken, fmt.Sprintf(
				"Gateway %s exists and was not made by the product, so nothing is attached to it; "+
					"rename it, or route the Service with an HTTPRoute on a Gateway of class %s yourself.",
				m.Proxy, m.ClassName)}
		}
	}
}

// proxyObjects are the generated Gateway and what belongs to it; none when no trigger needs
// them.
func (m *maker) proxyObjects(certificates []types.NamespacedName) []Object {
	if !slices.ContainsFunc(m.candidates, (*candidate).generates) {
		return nil
	}
	var objects []Object
	if found := m.Find.GatewayParameters(m.Proxy); found == nil || Managed(found) {
		objects = append(objects, m.parameters()...) // else the user's parameters are used
	}
	objects = append(objects, m.grants(certificates)...)
	objects = append(objects, m.proxyGateway())
	if service := m.proxyService(); service != nil {
		objects = append(objects, service)
	}
	return objects
}

func (m *maker) proxyMeta() metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: m.Proxy.Namespace, Name: m.Proxy.Name, Labels: marks()}
}

// parameters are those of the values of the installation, in the namespace of the proxy. What a Gateway may not
// set for itself stands in an object in the namespace of the installation, where no tenant writes.
func (m *maker) parameters() []Object {
	plain, rest, problem := m.proxyValues()
	made := m.parametersIn(m.Proxy, plain)
	m.tellProblem(made, problem)
	objects := []Object{made}
	if !reflect.DeepEqual(rest, v1alpha1.GatewayParametersSpec{}) {
		objects = append(objects, m.parametersIn(m.installationParameters(), rest))
	}
	return objects
}

func (m *maker) parametersIn(key types.NamespacedName, spec v1alpha1.GatewayParametersSpec) *v1alpha1.GatewayParameters {
	return &v1alpha1.GatewayParameters{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "GatewayParameters"},
		ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name, Labels: marks()},
		Spec:       spec,
	}
}

// installationParameters is where the rest of the values is.
func (m *maker) installationParameters() types.NamespacedName {
	return types.NamespacedName{Namespace: m.Values.Namespace, Name: v1alpha1.InstallationParametersPrefix + m.Proxy.Namespace}
}

// tellProblem puts what is wrong with the values into an annotation, from which the engine puts it into the
// status of the Gateway, and into an event.
func (m *maker) tellProblem(made *v1alpha1.GatewayParameters, problem string) {
	if problem == "" {
		return
	}
	made.Annotations = map[string]string{v1alpha1.ValuesProblemAnnotation: problem}
	if gateway := m.Find.Gateway(m.Proxy); gateway != nil {
		m.tell(Event{
			About: gateway, Type: corev1.EventTypeWarning, Reason: ReasonValuesInvalid, Once: true,
			Note: "The proxies keep the values that they have: " + problem,
		})
	}
}

func (m *maker) proxyGateway() *gwv1.Gateway {
	listeners := []gwv1.Listener{
		{Name: listenerHTTP, Port: portHTTP, Protocol: gwv1.HTTPProtocolType},
		{Name: listenerInference, Port: portInference, Protocol: gwv1.HTTPProtocolType},
	}
	listeners = append(listeners, m.securedListeners()...)
	listeners = append(listeners, m.passthroughListeners()...)
	if m.Shared {
		for i := range listeners {
			if listeners[i].AllowedRoutes != nil {
				continue
			}
			listeners[i].AllowedRoutes = &gwv1.AllowedRoutes{Namespaces: &gwv1.RouteNamespaces{From: ptr.To(gwv1.NamespacesFromAll)}}
		}
	}
	return &gwv1.Gateway{
		TypeMeta:   metav1.TypeMeta{APIVersion: gwv1.GroupVersion.String(), Kind: kindGateway},
		ObjectMeta: m.proxyMeta(),
		Spec: gwv1.GatewaySpec{
			GatewayClassName: gwv1.ObjectName(m.ClassName),
			Infrastructure: &gwv1.GatewayInfrastructure{ParametersRef: &gwv1.LocalParametersReference{
				Group: v1alpha1.GroupName, Kind: "GatewayParameters", Name: m.Proxy.Name,
			}},
			Listeners: listeners,
		},
	}
}

func (m *maker) passthroughListeners() []gwv1.Listener {
	var listeners []gwv1.Listener
	for _, host := range m.passthroughHosts() {
		listener := gwv1.Listener{
			Name: passthroughName(host), Port: portHTTPS, Protocol: gwv1.TLSProtocolType, Hostname: ptr.To(gwv1.Hostname(host)),
			TLS: &gwv1.ListenerTLSConfig{Mode: ptr.To(gwv1.TLSModePassthrough)},
		}
		if m.Shared {
			at := slices.IndexFunc(m.candidates, func(c *candidate) bool {
				return c.generates() && c.passthrough() && slices.Contains(c.spec.Hosts, host)
			})
			listener.AllowedRoutes = allowedFrom(m.candidates[at].key.Namespace)
		}
		listeners = append(listeners, listener)
	}
	return listeners
}

// passthroughHosts are the server names of triggers whose TLS the proxy does not end, sorted.
func (m *maker) passthroughHosts() []string {
	var hosts []string
	for _, c := range m.candidates {
		if c.generates() && c.passthrough() {
			hosts = append(hosts, c.spec.Hosts...)
		}
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}

// grants let the shared proxy read the Secrets of other namespaces that triggers name.
func (m *maker) grants(certificates []types.NamespacedName) []Object {
	byNamespace := map[string][]gwv1.ReferenceGrantTo{}
	var namespaces []string
	for _, secret := range certificates {
		if secret.Namespace == m.Proxy.Namespace {
			continue
		}
		if byNamespace[secret.Namespace] == nil {
			namespaces = append(namespaces, secret.Namespace)
		}
		byNamespace[secret.Namespace] = append(byNamespace[secret.Namespace], gwv1.ReferenceGrantTo{
			Kind: "Secret", Name: ptr.To(gwv1.ObjectName(secret.Name)),
		})
	}
	slices.Sort(namespaces)
	var grants []Object
	for _, namespace := range namespaces {
		grants = append(grants, &gwv1.ReferenceGrant{
			TypeMeta:   metav1.TypeMeta{APIVersion: gwv1.GroupVersion.String(), Kind: "ReferenceGrant"},
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: m.Proxy.Name, Labels: marks()},
			Spec: gwv1.ReferenceGrantSpec{
				From: []gwv1.ReferenceGrantFrom{{Group: gwv1.GroupName, Kind: kindGateway, Namespace: gwv1.Namespace(m.Proxy.Namespace)}},
				To:   byNamespace[namespace],
			},
		})
	}
	return grants
}

// proxyService has the name that users of the vendor's product put into their Ingresses; the
// Gateway's own Service is called otherwise (infra.Name). It comes once the Gateway exists,
// which owns it, and not at all when the name is taken.
func (m *maker) proxyService() *corev1.Service {
	gateway := m.Find.Gateway(m.Proxy)
	if gateway == nil || gateway.UID == "" {
		return nil
	}
	if found := m.Find.Service(m.Proxy); found != nil && !Managed(found) {
		m.tell(Event{
			About: gateway, Type: corev1.EventTypeWarning, Reason: ReasonServiceTaken, Once: true,
			Note: "Service " + m.Proxy.Name + " exists and was not made by the product, so it does not lead to the proxy; " +
				"delete it, or use the Service of the Gateway.",
		})
		return nil
	}
	service := &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: m.proxyMeta(),
		Spec: corev1.ServiceSpec{Selector: map[string]string{
			gwv1.GatewayNameLabelKey: names.LabelValue(m.Proxy.Name), v1alpha1.ManagedByLabel: v1alpha1.ManagedBy,
		}},
	}
	service.OwnerReferences = []metav1.OwnerReference{{
		APIVersion: gwv1.GroupVersion.String(), Kind: kindGateway, Name: gateway.Name, UID: gateway.UID, Controller: ptr.To(true),
	}}
	for _, port := range []struct {
		name   string
		number int32
	}{{"http", portHTTP}, {"https", portHTTPS}, {"inference", portInference}} {
		service.Spec.Ports = append(service.Spec.Ports, corev1.ServicePort{
			Name: port.name, Port: port.number, Protocol: corev1.ProtocolTCP, TargetPort: intstr.FromInt32(port.number),
		})
	}
	return service
}
