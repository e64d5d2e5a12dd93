// Package chain checks what stands between an object of a user and an answered request, link by link.
//
// Job: from what is known of a route, a ScaledObject or an InferencePool, a checklist: for each link whether it holds, the evidence,
// and for one that does not the fix. Inputs: Facts, which internal/cli/facts collects. Outputs: a Checklist.
// PURE: no clients, context, clock, goroutines or logging. Ownership: values.
//
// What is not known is not said to hold: such a link is Unknown, and the evidence says why.
package chain
