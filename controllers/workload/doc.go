// Package workload says what keeps the Pods of a workload from being ready.
//
// Job: of the replicas that a workload wants, the Pods that it has and what their containers wait for, find the one reason that
// a user should read, and put it into a sentence: the words of Kubernetes, quoted and shortened.
// Inputs: Facts. Outputs: a Problem. Package live reads the facts from the API server.
// PURE: no clients, context, clock, goroutines or logging. Ownership: no state.
//
// Numbers that change while nothing else does (the pause before the next restart, the count of restarts) are left out of
// messages: a status with them would be written again and again.
package workload
