// Package migrate makes a ScaledObject of this product of an HTTPScaledObject of KEDA's http-add-on.
//
// Job: each field of the HTTPScaledObject (http.keda.sh/v1alpha1) becomes a field of the ScaledObject, or a note says why not.
// Inputs: objects. Outputs: a ScaledObject, and notes for what a person has to do.
// PURE: no clients, context, clock, goroutines or logging. Ownership: values.
package migrate
