package engine

import (
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/xds/ir"
)

// What one unit computes and another reads is a dependency (store.Dep), like an object is. Each
// has a type of its own here; portKey and secretKey are dependencies as well: how a port is
// served, and the content of a secret.
type (
	gatewayDep   struct{ gateway types.NamespacedName } // resolve.GatewayResult of a Gateway
	poolDep      struct{ pool types.NamespacedName }    // resolve.PoolResult of an InferencePool
	routeDep     struct{ route resolve.Object }         // resolve.RouteResult of a route
	fragmentsDep struct{ at fragmentKey }               // fragments of a listener for one hostname
	patternsDep  struct{ listener listenerKey }         // wildcard hostnames of a listener
	forwardsDep  struct{ listener listenerKey }         // layer 4 fragments of a listener
	attachedDep  struct{ gateway types.NamespacedName } // how many routes each listener of a Gateway has

	poolUsersDep     struct{ pool types.NamespacedName }    // Gateways that use an InferencePool
	xBackendUsersDep struct{ backend types.NamespacedName } // Gateways whose routes refer to an XBackend
	serviceUsersDep  struct{ service types.NamespacedName } // Gateways that use a Service
	demandUsersDep   struct{ scaler types.NamespacedName }  // Gateways whose requests count for an HTTPScaler

	deliveryDep  struct{ gateway types.NamespacedName } // what the proxies of a Gateway have
	installedDep struct{}                               // the CRDs of the Gateway API
	rejectedDep  struct{ object ir.Source }             // what is not in force because of an object
)

// rejectedOf is the dependency on what is not in force because of the object of a source.
func rejectedOf(source ir.Source) rejectedDep {
	source.Section = ""
	return rejectedDep{source}
}
