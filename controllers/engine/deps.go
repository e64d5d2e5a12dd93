package engine

import (
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
)

// Results that other units read are dependencies like objects are; their kinds cannot be
// mistaken for kinds of objects.
const (
	gatewayResult  store.Kind = "=gateway"   // resolve.GatewayResult of a Gateway
	routeResult    store.Kind = "=route"     // resolve.RouteResult of a route
	poolResult     store.Kind = "=pool"      // resolve.PoolResult of a pool
	fragmentsAt    store.Kind = "=fragments" // fragments of a listener for one hostname
	patternsOf     store.Kind = "=patterns"  // wildcard hostnames of a listener
	forwardsOf     store.Kind = "=forwards"  // layer 4 fragments of a listener
	portOf         store.Kind = "=port"      // how the connections of a port are served
	secretOf       store.Kind = "=secret"    // content of a secret
	attachedTo     store.Kind = "=attached"  // how many routes each listener of a Gateway has
	poolUsers      store.Kind = "=users"     // Gateways that use a pool
	serviceUsers   store.Kind = "=services"  // Gateways that use a Service
	demandUsers    store.Kind = "=demand"    // Gateways whose requests count for a trigger
	deliveryOf     store.Kind = "=delivery"  // what the proxies of a Gateway have
	rejectedObject store.Kind = "=rejected"  // rejections that an object caused
	installedCRDs  store.Kind = "=installed" // the CRDs of the Gateway API
)

func gatewayDep(key types.NamespacedName) store.Dep {
	return store.Dep{Kind: gatewayResult, Value: key.String()}
}
func poolDep(key types.NamespacedName) store.Dep {
	return store.Dep{Kind: poolResult, Value: key.String()}
}
func attachedDep(key types.NamespacedName) store.Dep {
	return store.Dep{Kind: attachedTo, Value: key.String()}
}
func deliveryDep(key types.NamespacedName) store.Dep {
	return store.Dep{Kind: deliveryOf, Value: key.String()}
}

func routeDep(object resolve.Object) store.Dep {
	return store.Dep{Kind: routeResult, Index: store.Index(object.Kind), Value: object.Key.String()}
}

func installedDep() store.Dep { return store.Dep{Kind: installedCRDs} }

func poolUsersDep(key types.NamespacedName) store.Dep {
	return store.Dep{Kind: poolUsers, Value: key.String()}
}
func serviceUsersDep(key types.NamespacedName) store.Dep {
	return store.Dep{Kind: serviceUsers, Value: key.String()}
}

func demandUsersDep(key types.NamespacedName) store.Dep {
	return store.Dep{Kind: demandUsers, Value: key.String()}
}

func rejectedDep(source ir.Source) store.Dep {
	return store.Dep{Kind: rejectedObject, Index: store.Index(source.Kind), Value: source.Key().String()}
}

func fragmentsDep(key fragmentKey) store.Dep {
	return store.Dep{Kind: fragmentsAt, Index: listenerIndex(key.gateway, key.listener), Value: key.hostname}
}

func patternsDep(gateway types.NamespacedName, listener resolve.ListenerID) store.Dep {
	return store.Dep{Kind: patternsOf, Index: listenerIndex(gateway, listener)}
}

func forwardsDep(gateway types.NamespacedName, listener resolve.ListenerID) store.Dep {
	return store.Dep{Kind: forwardsOf, Index: listenerIndex(gateway, listener)}
}

func listenerIndex(gateway types.NamespacedName, listener resolve.ListenerID) store.Index {
	return store.Index(gateway.String() + "|" + string(listener.Parent.Kind) + "|" +
		listener.Parent.Key.String() + "|" + listener.Name)
}

func portDep(key portKey) store.Dep {
	return store.Dep{Kind: portOf, Index: store.Index(key.gateway.String()), Value: fmt.Sprint(key.transport, key.port)}
}

func secretDep(key secretKey) store.Dep {
	return store.Dep{Kind: secretOf, Index: store.Index(key.gateway.String()), Value: key.name}
}
