// Package route resolves HTTPRoutes, GRPCRoutes, TLSRoutes, TCPRoutes and UDPRoutes.
//
// Job: to which listeners a route is attached, what its rules mean, and which rules a hostname
// has in which order. Inputs: a store.View, results of Gateways. Outputs: resolve.RouteResult, the
// tables of hosts, status entries. Ownership: PURE (package resolve).
package route
