// Package plan says what a ScaledObject with triggers of this product becomes.
//
// Job: from ScaledObjects and what they refer to, the objects that the product should own
// (HTTPScaler, HTTPRoute or TLSRoute per trigger, the Gateway kedify-proxy with what belongs
// to it), the statuses of the HTTPScalers, and what their owners should be told.
// Inputs: a World, which is one proxy's: a namespace, or with a shared proxy the cluster.
// Outputs: a Plan.
// PURE: no clients, context, clock, goroutines or logging. Ownership: no state; what has to
// outlive a mistake of the user (the last good weights, say) is read from the live objects.
//
// # What holds
//
//   - A trigger that became invalid keeps its last valid version in force: of the trigger, of
//     its weights, and of the number behind a portName.
//   - Of two triggers with the same host, path and headers the one of the older ScaledObject
//     wins, the other has no route at all.
//   - A route exists for every accepted trigger, also when its backend does not: its requests
//     get 5xx, and not what a shorter path or another trigger would answer.
//   - A backend that a route on a Gateway of the user already leads to gets no second route.
//   - A panic about one trigger leaves that trigger as it is, and every other as it should be.
//   - No object of the user is changed or taken over, even if it has the name of a generated one.
package plan
