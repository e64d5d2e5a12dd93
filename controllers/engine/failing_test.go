package engine

import (
	"errors"
	"maps"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/controllers/resolve/route"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
)

// errRender stands for a value that package resolve lets through and package translate cannot
// render.
var errRender = errors.New("cannot be rendered")

var failingGateway = types.NamespacedName{Namespace: "app", Name: "gw"}

// failing is a model with one resource of each layer, and a renderer that can be made to fail.
type failing struct {
	model *Model
	out   *recorder
	fails func(layer, name string) error // nil: nothing fails
}

func newFailing(t *testing.T, first ...func(*failing)) *failing {
	t.Helper()
	f := &failing{out: newRecorder()}
	f.model = New(f.out, class.Setting{})
	f.wrap()
	f.model.Set(store.GatewayClass, &gwv1.GatewayClass{
		ObjectMeta: metav1.ObjectMeta{Name: "kedify"}, Spec: gwv1.GatewayClassSpec{ControllerName: v1alpha1.ControllerName},
	})
	f.model.Set(store.Gateway, failingGatewayObject(1, 80))
	f.setSecret(0)
	for _, name := range []string{"s1", "s2"} {
		f.model.Set(store.Service, &corev1.Service{ObjectMeta: f.meta(name), Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}})
		f.setAddress(name, "10.0.0.1")
	}
	f.setCA(0)
	f.model.Set(store.BackendTLSPolicy, &gwv1.BackendTLSPolicy{ObjectMeta: f.meta("policy"), Spec: gwv1.BackendTLSPolicySpec{
		TargetRefs: []gwv1.LocalPolicyTargetReferenceWithSectionName{{
			LocalPolicyTargetReference: gwv1.LocalPolicyTargetReference{Kind: "Service", Name: "s1"}}},
		Validation: gwv1.BackendTLSPolicyValidation{
			Hostname: "s1.example.com", CACertificateRefs: []gwv1.LocalObjectReference{{Kind: "ConfigMap", Name: "ca"}}},
	}})
	f.setRoute("exact", 1, "h1.example.com", "/v1", "s1")
	f.setRoute("wild", 1, "*.example.org", "/v1", "s1")
	for _, set := range first {
		set(f)
	}
	f.model.Synced()
	f.model.Flush()
	if len(f.out.failures) > 0 {
		t.Fatal(f.out.failures)
	}
	return f
}

// wrap puts the switch in front of every function of the renderer.
func (f *failing) wrap() {
	check := func(layer, name string) error {
		if f.fails == nil {
			return nil
		}
		return f.fails(layer, name)
	}
	r := newRenderer()
	one := func(layer string, rendered resource.Resource, err error) (resource.Resource, error) {
		if failed := check(layer, rendered.Name); failed != nil {
			return resource.Resource{Key: rendered.Key}, failed
		}
		return rendered, err
	}
	two := func(layer string, scope, routes resource.Resource, err error) (_, _ resource.Resource, _ error) {
		if failed := check(layer, routes.Name); failed != nil {
			return resource.Resource{Key: scope.Key}, resource.Resource{Key: routes.Key}, failed
		}
		return scope, routes, err
	}
	f.model.render = renderer{
		host: func(h ir.Host) (scope, routes resource.Resource, err error) {
			s, t, err := r.host(h)
			return two("host", s, t, err)
		},
		wildcards: func(w ir.Wildcards) (scope, routes resource.Resource, err error) {
			s, t, err := r.wildcards(w)
			return two("wildcards", s, t, err)
		},
		listener: func(l ir.Listener) (resource.Resource, error) {
			v, err := r.listener(l)
			return one("listener", v, err)
		},
		cluster: func(c ir.Cluster) (resource.Resource, error) { v, err := r.cluster(c); return one("cluster", v, err) },
		endpoints: func(e ir.Endpoints) (resource.Resource, error) {
			v, err := r.endpoints(e)
			return one("endpoints", v, err)
		},
		secret: func(s ir.Secret) (resource.Resource, error) { v, err := r.secret(s); return one("secret", v, err) },
	}
}

func (f *failing) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: failingGateway.Namespace, Name: name, Generation: 1}
}

func failingGatewayObject(generation int64, port int32) *gwv1.Gateway {
	return &gwv1.Gateway{
		ObjectMeta: metav1.ObjectMeta{Namespace: failingGateway.Namespace, Name: failingGateway.Name, Generation: generation},
		Spec: gwv1.GatewaySpec{GatewayClassName: "kedify", Listeners: []gwv1.Listener{
			{Name: "http", Port: port, Protocol: gwv1.HTTPProtocolType},
			{Name: "https", Port: 443, Protocol: gwv1.HTTPSProtocolType, TLS: &gwv1.ListenerTLSConfig{
				CertificateRefs: []gwv1.SecretObjectReference{{Name: "cert"}}}},
			{Name: "tcp", Port: 5432, Protocol: gwv1.TCPProtocolType},
		}},
	}
}

func (f *failing) setSecret(version int) {
	f.model.Set(store.Secret, &corev1.Secret{ObjectMeta: f.meta("cert"), Type: corev1.SecretTypeTLS, Data: map[string][]byte{
		corev1.TLSCertKey: keyPairs()[version].certificate, corev1.TLSPrivateKeyKey: keyPairs()[version].key}})
}

func (f *failing) setCA(version int) {
	f.model.Set(store.ConfigMap, &corev1.ConfigMap{
		ObjectMeta: f.meta("ca"), Data: map[string]string{"ca.crt": string(keyPairs()[version].certificate)},
	})
}

func (f *failing) setAddress(service, address string) {
	meta := f.meta(service)
	meta.Labels = map[string]string{discoveryv1.LabelServiceName: service}
	f.model.Set(store.EndpointSlice, &discoveryv1.EndpointSlice{ObjectMeta: meta, AddressType: discoveryv1.AddressTypeIPv4,
		Ports:     []discoveryv1.EndpointPort{{Name: ptr.To(""), Port: ptr.To(int32(3000))}},
		Endpoints: []discoveryv1.Endpoint{{Addresses: []string{address}}}})
}

func (f *failing) setRoute(name string, generation int64, hostname, path, service string) {
	route := crowdRoute(0, generation, path)
	route.ObjectMeta = metav1.ObjectMeta{Namespace: failingGateway.Namespace, Name: name, Generation: generation}
	route.Spec.ParentRefs = []gwv1.ParentReference{{Name: gwv1.ObjectName(failingGateway.Name), SectionName: ptr.To(gwv1.SectionName("http"))}}
	route.Spec.Hostnames = []gwv1.Hostname{gwv1.Hostname(hostname)}
	route.Spec.Rules[0].BackendRefs[0].Name = gwv1.ObjectName(service)
	f.model.Set(store.HTTPRoute, route)
}

func (f *failing) setTCPRoute(generation int64, service string) {
	route := &gwv1.TCPRoute{ObjectMeta: metav1.ObjectMeta{Namespace: failingGateway.Namespace, Name: "db", Generation: generation}}
	route.Spec.ParentRefs = []gwv1.ParentReference{{Name: gwv1.ObjectName(failingGateway.Name), SectionName: ptr.To(gwv1.SectionName("tcp"))}}
	route.Spec.Rules = []gwv1.TCPRouteRule{{BackendRefs: []gwv1.BackendRef{{BackendObjectReference: gwv1.BackendObjectReference{
		Name: gwv1.ObjectName(service), Port: ptr.To(gwv1.PortNumber(80))}}}}}
	f.model.Set(store.TCPRoute, route)
}

func (f *failing) fail(layer string) {
	f.fails = func(at, _ string) error {
		if at == layer {
			return errRender
		}
		return nil
	}
}

func (f *failing) published() map[resource.Key]string {
	return maps.Clone(f.out.resources[failingGateway])
}

func objectOf(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: failingGateway.Namespace, Name: name}
}

// programmed returns the message of the Programmed condition of a route, "" when it has none.
func (f *failing) programmed(name string) string {
	statuses, _ := f.out.statuses[resolve.Object{Kind: store.HTTPRoute, Key: objectOf(name)}].Value.([]gwv1.RouteParentStatus)
	for _, status := range statuses {
		for _, condition := range status.Conditions {
			if condition.Type == string(route.ConditionProgrammed) {
				return condition.Reason + ": " + condition.Message
			}
		}
	}
	return ""
}

// listenerProgrammed returns the message of the Programmed condition of a listener.
func (f *failing) listenerProgrammed(name string) string {
	status := f.out.statuses[resolve.Object{Kind: store.Gateway, Key: failingGateway}].Value.(*gwv1.GatewayStatus)
	for _, listener := range status.Listeners {
		for _, condition := range listener.Conditions {
			if string(listener.Name) == name && condition.Type == string(gwv1.ListenerConditionProgrammed) {
				return condition.Message
			}
		}
	}
	return ""
}
