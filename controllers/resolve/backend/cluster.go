package backend

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/policy"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/scaler/demand/metric"
	"github.com/kedify/inference-gateway/xds/ir"
)

// Cluster returns what the proxy needs to know of a backend, its endpoints apart.
// clientCertificate is the name of the secret that the Gateway presents to backends with
// TLS; empty for none.
//
// The protocol is the one of appProtocol, HTTP/1.1 without (or see reencrypt). Backends of GRPCRoutes have
// clusters of their own (ir.RouteGRPC), which always speak HTTP/2: a Service without
// appProtocol may be the backend of both kinds, and each gets what it needs. Layer 4 routes
// likewise (ir.RouteTCP, ir.RouteTLS, ir.RouteUDP), and collectors of spans (ir.RouteTraces).
func Cluster(v store.View, key ir.ClusterKey, clientCertificate string) resolve.ClusterResult {
	result := clusterOf(v, key, clientCertificate)
	if key.Demand == "" || !result.Exists {
		return result
	}
	if counted := v.HTTPScaler(types.NamespacedName{Namespace: key.Namespace, Name: key.Demand}); counted != nil {
		result.Cluster.ScaledObject = counted.Spec.ScaledObject
		result.Cluster.CountWork = metric.CountsWork(counted.Spec)
	}
	return result
}

func clusterOf(v store.View, key ir.ClusterKey, clientCertificate string) resolve.ClusterResult {
	switch {
	case key.Hold:
		return holdCluster(key)
	case key.Kind == ir.BackendPool:
		return poolCluster(v, key, clientCertificate)
	case key.Kind == ir.BackendPicker:
		return pickerCluster(v, key, clientCertificate)
	default:
		return serviceCluster(v, key, clientCertificate)
	}
}

func serviceCluster(v store.View, key ir.ClusterKey, clientCertificate string) resolve.ClusterResult {
	port := clusterPort(v, key)
	if port == nil {
		return resolve.ClusterResult{}
	}
	result := resolve.ClusterResult{Exists: true, Cluster: ir.Cluster{Key: key, Source: serviceSource(key)}}
	switch key.Route {
	case ir.RouteGRPC, ir.RouteTraces:
		result.Cluster.Protocol = ir.HTTP2
	case ir.RouteTCP, ir.RouteTLS, ir.RouteUDP:
		result.Cluster.Protocol = ir.TCPRaw
	default:
		if result.Cluster.Protocol = ProtocolOf(port).HTTP; result.Cluster.Protocol == "" {
			result.Cluster.Protocol = ir.HTTP1
		}
	}
	// What a client sent as bytes may be TLS already (Gateway API BackendTLSPolicySpec: for
	// HTTPRoute, GRPCRoute and TLSRoute with termination).
	if key.Route != ir.RouteTCP && key.Route != ir.RouteUDP {
		applyPolicy(v, &result, port.Name, clientCertificate)
	}
	if (key.Route == ir.RouteHTTP || key.SpeaksGRPC()) && Reencrypts(v, key, port.Name) {
		reencrypt(&result, ProtocolOf(port).Stated, clientCertificate)
	}
	return result
}

// holdCluster is asked whether requests to a backend may go on: replicas of the control plane.
func holdCluster(key ir.ClusterKey) resolve.ClusterResult {
	source := serviceSource(key)
	if key.Kind == ir.BackendPool {
		source.Kind = string(store.InferencePool)
	}
	return resolve.ClusterResult{Exists: true, Cluster: ir.Cluster{
		Key: key, Protocol: ir.HTTP2, TLS: &ir.UpstreamTLS{ControlPlane: true}, Source: source,
	}}
}

// clusterPort returns the Service port behind a cluster; nil when it does not exist.
func clusterPort(v store.View, key ir.ClusterKey) *corev1.ServicePort {
	service := v.Service(types.NamespacedName{Namespace: key.Namespace, Name: key.Name})
	if service == nil || service.Spec.Type == corev1.ServiceTypeExternalName {
		return nil
	}
	if key.Route == ir.RouteUDP {
		return ServicePort(service, key.Port, corev1.ProtocolUDP)
	}
	return ServicePort(service, key.Port, corev1.ProtocolTCP)
}

func serviceSource(key ir.ClusterKey) ir.Source {
	return ir.Source{Kind: string(store.Service), Namespace: key.Namespace, Name: key.Name}
}

func poolCluster(v store.View, key ir.ClusterKey, clientCertificate string) resolve.ClusterResult {
	object := types.NamespacedName{Namespace: key.Namespace, Name: key.Name}
	pool := v.InferencePool(object)
	if pool == nil {
		return resolve.ClusterResult{}
	}
	ref := pool.Spec.EndpointPickerRef
	result := resolve.ClusterResult{Exists: true, Cluster: ir.Cluster{
		Key:      key,
		Protocol: PoolProtocol(pool),
		Pool:     &ir.Pool{FailOpen: ref != nil && ref.FailureMode == inferencev1.EndpointPickerFailOpen, Picker: pickerKey(ref, key.Namespace)},
		Source:   ir.Source{Kind: string(store.InferencePool), Namespace: key.Namespace, Name: key.Name},
	}}
	if Reencrypts(v, key, "") {
		reencrypt(&result, pool.Spec.AppProtocol != "", clientCertificate)
	}
	return result
}

// pickerCluster is the Service of an endpoint picker: gRPC over TLS. The endpoint picker
// protocol says nothing about its certificate, which pickers sign themselves by default: it
// is verified when a BackendTLSPolicy says how. A port with the appProtocol of cleartext
// HTTP/2 has no TLS.
func pickerCluster(v store.View, key ir.ClusterKey, clientCertificate string) resolve.ClusterResult {
	port := clusterPort(v, key)
	if port == nil {
		return resolve.ClusterResult{}
	}
	result := resolve.ClusterResult{Exists: true, Cluster: ir.Cluster{
		Key:      key,
		Protocol: ir.HTTP2,
		Source:   serviceSource(key),
	}}
	if key.Relay { // in front of it, by a socket of the proxy
		return result
	}
	if ProtocolOf(port).HTTP != ir.HTTP2 {
		result.Cluster.TLS = &ir.UpstreamTLS{Insecure: true, Certificate: clientCertificate}
	}
	applyPolicy(v, &result, port.Name, clientCertificate)
	return result
}

// applyPolicy adds the TLS that the BackendTLSPolicy in force asks for.
func applyPolicy(v store.View, c *resolve.ClusterResult, portName, clientCertificate string) {
	service := types.NamespacedName{Namespace: c.Cluster.Key.Namespace, Name: c.Cluster.Key.Name}
	policies := policy.For(v, service, portName)
	if len(policies) == 0 {
		return
	}
	inForce := policies[0]
	c.Policy = store.KeyOf(inForce)
	tls, secrets := policy.UpstreamTLS(v, inForce)
	tls.Certificate = clientCertificate
	c.Cluster.TLS, c.Secrets = tls, secrets
}
