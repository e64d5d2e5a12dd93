// Package verdict says why requests of a trigger wait and nothing answers them.
//
// Job: from what is known of the ScaledObject, its scale target, the Pods and the Service or pool, the one reason and the
// sentence of condition Served. Inputs: Facts. Outputs: a workload.Problem.
// PURE: no clients, context, clock, goroutines or logging. Ownership: no state.
//
// A request that waits is released when its backend has a ready endpoint that its proxy knows. The causes are looked for along
// that way, and the first one found counts: there is a target, KEDA may and does start it, its Pods are made, scheduled,
// pulled, run and ready, the Service selects them and names a port of theirs, a proxy has them.
package verdict
