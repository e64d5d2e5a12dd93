// Package stage is the way of resources from the engine to the publisher.
//
// Job: the one interface of everything on that way. publish.Publisher is its end; the stages
// before it change what proxies learn, or when, and call the next one.
// Inputs, outputs: calls of Apply, Ready and Forget.
// Ownership: the package has no state. Calls that concern one gateway come one after the other,
// and an implementation keeps their order; calls for two gateways may come at the same time.
package stage

import (
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
)

// Stage receives the resources of gateways. No method waits for a proxy.
type Stage interface {
	// Apply changes the resources of a gateway, as one step. The receiver owns the change from then
	// on; the bodies are shared and must not be modified.
	Apply(gateway ir.Key, change resource.Change)
	// Ready says that the first complete state of a gateway was applied.
	Ready(gateway ir.Key)
	// Forget says that a gateway was deleted.
	Forget(gateway ir.Key)
}
