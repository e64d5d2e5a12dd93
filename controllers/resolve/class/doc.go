// Package class resolves GatewayClasses.
//
// Job: whether a class is of this controller, which GatewayParameters it brings, and which
// features the installed CRDs of the Gateway API allow. Inputs: a store.View, the installed CRDs.
// Outputs: Result, a whole status. Ownership: PURE (package resolve).
package class
