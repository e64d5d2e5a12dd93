// Package resolve turns objects of the user into what the gateway should do (xds/ir) and what
// their status should say.
//
// Job: the meaning of Gateway API and of the Inference Extension. Inputs: a store.View, which
// records every read, and results of earlier functions of this package. Outputs: values, one
// per call; a wrong object yields conditions, never an error, and hurts nothing else.
// PURE: no clients, context, clock, goroutines or logging. Statuses carry no times: the
// writer adds transition times.
package resolve
