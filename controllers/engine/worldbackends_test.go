package engine

import (
	"fmt"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"
	gwxv1 "sigs.k8s.io/gateway-api/apisx/v1alpha1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

func (w *world) service() client.Object {
	service := &corev1.Service{ObjectMeta: w.meta("s1", "s2", "epp"), Spec: corev1.ServiceSpec{
		Ports: []corev1.ServicePort{
			{Name: "main", Port: pick(w, []int32{80, 80, 8080, 9002}), TargetPort: intstr.FromInt32(3000)},
			{Name: "udp", Protocol: corev1.ProtocolUDP, Port: 53, TargetPort: intstr.FromInt32(3053)},
		},
	}}
	if w.odds(6) { // the Service of a data plane, with its address
		service.Labels = map[string]string{gwv1.GatewayNameLabelKey: pick(w, []string{"g1", "g2"})}
		service.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: fmt.Sprintf("192.0.2.%d", 1+w.random.IntN(3))}}
	}
	return service
}

func (w *world) pod() client.Object {
	pod := &corev1.Pod{ObjectMeta: w.meta("p1", "p2", "p3")}
	pod.Labels = map[string]string{"app": pick(w, []string{"x", "y"})}
	pod.Status.PodIPs = []corev1.PodIP{{IP: fmt.Sprintf("10.0.0.%d", 1+w.random.IntN(4))}}
	pod.Status.PodIP = pod.Status.PodIPs[0].IP
	ready := pick(w, []corev1.ConditionStatus{corev1.ConditionTrue, corev1.ConditionFalse})
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: ready}}
	return pod
}

func (w *world) secret() client.Object {
	secret := &corev1.Secret{ObjectMeta: w.meta("c1", "c2"), Type: corev1.SecretTypeTLS}
	pair := keyPairs()[w.random.IntN(2)]
	secret.Data = map[string][]byte{corev1.TLSCertKey: pair.certificate, corev1.TLSPrivateKeyKey: pair.key}
	if w.odds(5) {
		secret.Data[corev1.TLSPrivateKeyKey] = []byte("no key")
	}
	return secret
}

func (w *world) configMap() client.Object {
	config := &corev1.ConfigMap{ObjectMeta: w.meta("ca"), Data: map[string]string{"ca.crt": string(keyPairs()[w.random.IntN(2)].certificate)}}
	if w.odds(4) {
		config.Data = map[string]string{"ca.crt": "no certificate"}
	}
	return config
}

// bundleRef leads to the trustBundle of a world.
var bundleRef = gwv1.LocalObjectReference{Group: certificatesv1.GroupName, Kind: "ClusterTrustBundle", Name: "ca"}

func (w *world) trustBundle() client.Object {
	bundle := &certificatesv1.ClusterTrustBundle{ObjectMeta: metav1.ObjectMeta{Name: "ca"}}
	bundle.Spec.TrustBundle = string(keyPairs()[w.random.IntN(2)].certificate)
	if w.odds(4) {
		bundle.Spec.TrustBundle = "no certificate"
	}
	return bundle
}

func (w *world) namespaceObject() client.Object {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: w.namespace(), Labels: map[string]string{"team": pick(w, []string{"x", "y"})},
	}}
}

func (w *world) grant() client.Object {
	grant := &gwv1.ReferenceGrant{ObjectMeta: w.meta("grant")}
	kind := pick(w, []gwv1.Kind{"HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute", "Gateway", "ListenerSet"})
	grant.Spec.From = []gwv1.ReferenceGrantFrom{{Group: gwv1.GroupName, Kind: kind, Namespace: gwv1.Namespace(w.namespace())}}
	grant.Spec.To = []gwv1.ReferenceGrantTo{{Kind: "Service"}, {Kind: "Secret"}, {Group: inferencev1.GroupName, Kind: "InferencePool"},
		{Group: gwxv1.GroupName, Kind: "XBackend"}}
	return grant
}

func (w *world) backendTLSPolicy() client.Object {
	policy := &gwv1.BackendTLSPolicy{ObjectMeta: w.meta("p1", "p2")}
	service := gwv1.LocalPolicyTargetReference{Kind: "Service", Name: gwv1.ObjectName(pick(w, []string{"s1", "s2", "epp"}))}
	policy.Spec.TargetRefs = []gwv1.LocalPolicyTargetReferenceWithSectionName{{LocalPolicyTargetReference: service}}
	if w.odds(3) {
		policy.Spec.TargetRefs[0].SectionName = ptr.To(gwv1.SectionName("main"))
	}
	policy.Spec.Validation.Hostname = gwv1.PreciseHostname(pick(w, []string{"x.example.com", "y.example.com"}))
	if w.odds(4) {
		policy.Spec.Validation.WellKnownCACertificates = ptr.To(gwv1.WellKnownCACertificatesSystem)
	} else {
		policy.Spec.Validation.CACertificateRefs = pick(w, [][]gwv1.LocalObjectReference{
			{{Kind: "ConfigMap", Name: "ca"}}, {bundleRef}, {bundleRef, {Kind: "ConfigMap", Name: "ca"}},
		})
	}
	return policy
}

func (w *world) xBackend() client.Object { return &gwxv1.XBackend{ObjectMeta: w.meta("s1")} }

func (w *world) trafficPolicy() client.Object {
	policy := &gwxv1.XBackendTrafficPolicy{ObjectMeta: w.meta("x1")}
	policy.Spec.TargetRefs = pick(w, [][]gwv1.LocalPolicyTargetReference{
		{{Kind: "Service", Name: "s1"}, {Group: inferencev1.GroupName, Kind: "InferencePool", Name: "pool"}}, {{Kind: "Service", Name: "s2"}},
	})
	if w.odds(2) {
		policy.Spec.RetryConstraint = &gwxv1.RetryConstraint{}
	}
	return policy
}

func (w *world) telemetryPolicy() client.Object {
	policy := &gwxv1.XTelemetryPolicy{ObjectMeta: w.meta("t1", "t2")}
	policy.CreationTimestamp = metav1.Unix(int64(w.random.IntN(3)), 0)
	policy.Spec.TargetRefs = pick(w, [][]gwv1.LocalObjectReference{
		{{Group: gwv1.GroupName, Kind: "Gateway", Name: "g1"}},
		{{Group: gwv1.GroupName, Kind: "Gateway", Name: "g2"}, {Group: gwv1.GroupName, Kind: "Gateway", Name: "g1"}},
		{{Group: gwv1.GroupName, Kind: "Gateway", Name: "g1"}, {Kind: "Service", Name: "s1"}},
	})
	if policy.Spec.Tracing.Mode = pick(w, []gwxv1.TracingMode{"", "Disabled", "Enabled", "Enabled"}); policy.Spec.Tracing.Mode == "Enabled" {
		policy.Spec.Tracing.Provider.BackendRef = w.collector()
		policy.Spec.Tracing.SamplingRate = &gwv1.Fraction{Numerator: int32(w.random.IntN(3))}
	}
	return policy
}

// collector refers to a Service that may be there, of a namespace that may permit it.
func (w *world) collector() gwv1.BackendObjectReference {
	ref := gwv1.BackendObjectReference{Name: pick(w, []gwv1.ObjectName{"s1", "s2"}), Port: ptr.To(gwv1.PortNumber(80))}
	if w.odds(3) {
		ref.Namespace = ptr.To(gwv1.Namespace(w.namespace()))
	}
	return ref
}

func (w *world) parameters() client.Object {
	return &v1alpha1.GatewayParameters{ObjectMeta: w.meta("params"), Spec: v1alpha1.GatewayParametersSpec{
		Replicas: ptr.To(int32(w.random.IntN(3))),
	}}
}

func (w *world) httpScaler() client.Object {
	scaler := &v1alpha1.HTTPScaler{ObjectMeta: w.meta("t1", "t2")}
	scaler.Spec = v1alpha1.HTTPScalerSpec{
		Type:    v1alpha1.TriggerHTTP,
		Backend: v1alpha1.HTTPScalerBackend{Service: pick(w, []string{"s1", "s2"})},
		Scale:   v1alpha1.HTTPScalerScale{Min: int32(w.random.IntN(2)), Max: 5},
	}
	if path := pick(w, []v1alpha1.WiringPath{"", v1alpha1.PathProxy, v1alpha1.PathDirect}); path != "" {
		scaler.Status.Wiring = &v1alpha1.HTTPScalerWiring{Path: path}
	}
	if w.odds(2) {
		scaler.Spec.Metric = v1alpha1.HTTPScalerMetric{Type: v1alpha1.QueueDepth, QueueDepth: &v1alpha1.QueueDepthMetric{
			Pods: v1alpha1.PodMetrics{Path: "/metrics", Port: pick(w, []*int32{nil, ptr.To(int32(8000))})}}}
	}
	switch w.random.IntN(3) {
	case 0:
		scaler.Spec.Backend.PortName = pick(w, []string{"main", "other"})
	case 1:
		scaler.Spec.Backend.InferencePool = "pool"
	default:
		scaler.Spec.Backend.Port = ptr.To(pick(w, []int32{80, 8080}))
	}
	return scaler
}

func (w *world) slice() client.Object {
	slice := &discoveryv1.EndpointSlice{ObjectMeta: w.meta("e1", "e2", "e3"), AddressType: discoveryv1.AddressTypeIPv4}
	slice.Labels = map[string]string{discoveryv1.LabelServiceName: pick(w, []string{"s1", "s2", "epp"})}
	slice.Ports = []discoveryv1.EndpointPort{{Name: ptr.To("main"), Port: ptr.To(int32(3000))}}
	for i := range w.random.IntN(3) {
		endpoint := discoveryv1.Endpoint{
			Addresses:  []string{fmt.Sprintf("10.0.1.%d", 1+i)},
			Conditions: discoveryv1.EndpointConditions{Ready: ptr.To(w.random.IntN(4) > 0)},
		}
		if w.odds(2) { // of a Pod that may be there, and have the address
			endpoint.Addresses = []string{fmt.Sprintf("10.0.0.%d", 1+w.random.IntN(4))}
			endpoint.TargetRef = &corev1.ObjectReference{Kind: "Pod", Name: pick(w, []string{"p1", "p2", "p3"})}
		}
		slice.Endpoints = append(slice.Endpoints, endpoint)
	}
	return slice
}

func (w *world) pool() client.Object {
	pool := &inferencev1.InferencePool{ObjectMeta: w.meta("pool")}
	app := pick(w, []inferencev1.LabelValue{"x", "y"})
	pool.Spec.Selector.MatchLabels = map[inferencev1.LabelKey]inferencev1.LabelValue{"app": app}
	pool.Spec.TargetPorts = []inferencev1.Port{{Number: inferencev1.PortNumber(pick(w, []int32{8000, 8001}))}}
	if w.random.IntN(4) > 0 {
		pool.Spec.EndpointPickerRef = &inferencev1.EndpointPickerRef{
			Name: "epp", Kind: "Service", Port: &inferencev1.Port{Number: 9002},
			FailureMode: pick(w, []inferencev1.EndpointPickerFailureMode{inferencev1.EndpointPickerFailOpen, inferencev1.EndpointPickerFailClose}),
		}
	}
	return pool
}
