// Package tracing reads how the requests of a Gateway are traced.
//
// Job: the XTelemetryPolicy in force for a Gateway (GEP-4768), or else its GatewayParameters, become an ir.Tracing or a problem that
// names the field and the fix; the status of policies. Inputs: a store.View. Outputs: values. Ownership: PURE (package resolve).
package tracing
