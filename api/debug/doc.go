// Package debug has the types of the JSON that the debug views of a controller answer on its
// metrics port.
//
// Job: give the control plane, the command line and the end-to-end tests one declaration of each
// view: /xds ([]Gateway), /demand ([]Demand), /keda ([]Asked), /queue (map of Queue by namespace/name), /hold
// ([]Hold), /envoy-metrics-map (EnvoyMetricsMap) and /status/proxies (Streams).
// Inputs: the packages that own the state fill the types in; controllers/plane serves them.
// Outputs: plain structs. The JSON has names and versions, never the content of a Secret.
// Ownership: values; a view is a copy of the state at one moment.
//
// The package imports the standard library only, so that a reader of the JSON does not link the
// control plane, and packages below xds/ do not link Kubernetes.
package debug
