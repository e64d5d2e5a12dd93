// Package standby answers KEDA while no controller is ready.
//
// Job: KEDA 2.21 counts failures of a trigger towards spec.fallback only if it gets the metric's
// specification, which an unreachable scaler does not give (docs/adr/0011). So the Pods of the command
// "wiring" are standby endpoints of the controllers' Service at KEDA's port: KEDA, a client of kube-proxy,
// reaches them exactly when no controller is ready. They answer the specification from the trigger's
// metadata, and say that the demand is unknown. A trigger whose requests go past the proxies is active, as
// controllers say as well; others are not, or every restart of the controllers would start each
// application that is at zero.
//
// Inputs: HTTPScalers, handed over by Set and Delete; TLS, as the controllers have it for KEDA. Outputs: gRPC,
// by scaler/keda; the EndpointSlices of one Pod (Slices, a pure function).
//
// Connections last 20 s: KEDA keeps one for as long as it can, and is to find the controllers when they
// are back.
//
// Ownership: Set and Delete are called by one goroutine; Serve has those of the gRPC server.
package standby
