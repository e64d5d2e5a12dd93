// Package streams knows whether the proxies of a Gateway still follow the controllers.
//
// Job: readiness does not show a proxy that no controller reaches any more: an expired certificate, a
// network policy, a control plane that stands still. Each controller says at /status/proxies which Gateways
// have proxies that accept what they are sent; this package asks all of them every second and adds it up.
// Inputs: the EndpointSlices of the controllers' Service, HTTP. Outputs: a health.State for each Gateway.
//
// Unknown is the answer unless every ready controller said in the last seconds that it knows the Gateway and
// that no proxy of it accepts: a controller that cannot be asked, or has not read the cluster yet, may be the
// one that the proxies follow.
//
// Ownership: Poller.Run is one goroutine, with one for each controller while it asks. What was heard has a
// lock.
package streams
