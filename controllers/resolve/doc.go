// Package resolve is the vocabulary of the stage that turns objects of the user into what the
// gateway should do (xds/ir) and what their status should say. One package per noun does the work:
//
//	class        GatewayClasses, their GatewayParameters, the installed CRDs
//	listener     Gateways and ListenerSets: listeners, certificates, conflicts, chains, addresses
//	route        HTTP, gRPC and layer 4 routes: attachment, rules, filters, the tables of hosts
//	backend      Services, InferencePools and kedify-http triggers: clusters, endpoints, pages
//	policy       BackendTLSPolicies: conflicts, CA certificates, TLS towards backends
//	grant        ReferenceGrants
//	certificate  key pairs and CA bundles, as the proxy loads them
//	hostname     the algebra of hostnames and wildcards
//	fixture      objects and helpers of the tests
//
// Calls go from route to backend to policy, and from listener to class; all use the four leaves
// and this package. route reads the result of listener, never its code.
//
// Job: the meaning of Gateway API and of the Inference Extension. Inputs: a store.View, which
// records every read, and results of earlier functions. Outputs: values, one per call; a wrong
// object yields conditions (Problem), never an error, and hurts nothing else.
// Ownership: PURE, in all of these packages: no clients, context, clock, goroutines or logging.
// Statuses carry no times: the writer adds transition times.
package resolve
