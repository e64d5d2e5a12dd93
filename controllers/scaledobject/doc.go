// Package scaledobject turns ScaledObjects with triggers of the product into objects that a user can
// read: an HTTPScaler and a route per trigger, and the Gateway kedify-proxy that serves them.
//
// Job: keep the cluster as package plan says. A partition is what one proxy serves, a namespace
// or, with a shared proxy, the cluster; a change anywhere in a partition computes it anew.
// Inputs: a cache, and the attachments of routes from the engine. KEDA's CRD may come later. Outputs: objects applied under a field manager
// of our own, compared before, so that nothing is written at rest; statuses of HTTPScalers;
// events on ScaledObjects; and, for ScaledObjects that were stored before admission knew our
// types, or before KEDA's mutual TLS came or went, an empty patch that lets it rewrite them.
// Ownership: only the leader runs a Controller. Start owns its goroutines; informers call
// handlers that only enqueue.
package scaledobject
