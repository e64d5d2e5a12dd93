// Package scaler will turn what Envoys count into answers for KEDA, and hold requests that meet
// zero pods: packages count, demand, hold, keda and trigger (docs/adr, README "What works now").
// It holds no code yet; the IR has the places it needs (ir.Target, ir.ClusterKey.Scope), and the
// xDS server takes further services on its port (server.Options.Register).
package scaler
