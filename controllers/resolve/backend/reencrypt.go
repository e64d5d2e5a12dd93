package backend

import (
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
)

// Reencrypts reports whether a kedify-http trigger says that a backend speaks TLS: the trigger
// that the requests count for. Where they count for no trigger, as those of mirrors and of load
// balancers' health checks, it is the oldest with the same backend, wherever its requests are counted.
func Reencrypts(v store.View, cluster ir.ClusterKey, portName string) bool {
	var trigger *v1alpha1.HTTPScaler
	if cluster.Demand != "" {
		trigger = v.HTTPScaler(types.NamespacedName{Namespace: cluster.Namespace, Name: cluster.Demand})
	} else {
		trigger = oldest(v, cluster, func(candidate *v1alpha1.HTTPScaler) bool { return leadsTo(candidate, cluster, portName) })
	}
	return trigger != nil && trigger.Spec.TLS.Mode == v1alpha1.TLSReencrypt
}

// reencrypt opens TLS to the backend. Applications sign their certificates themselves, so
// nothing is verified unless a BackendTLSPolicy says how. Where nothing states the version of
// HTTP, the backend chooses it: gRPC servers refuse HTTP/1.1, many others know nothing else.
func reencrypt(c *resolve.ClusterResult, stated bool, clientCertificate string) {
	if c.Cluster.TLS == nil {
		c.Cluster.TLS = &ir.UpstreamTLS{Insecure: true, HostSNI: true, Certificate: clientCertificate}
	}
	if !stated && c.Cluster.Protocol == ir.HTTP1 {
		c.Cluster.Protocol = ir.HTTPAny
	}
}
