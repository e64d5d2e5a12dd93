// Package snapshot shows the demand of triggers in `kubectl get httpscaler`.
//
// Job: copy rate, requests in flight and held requests of each trigger into the status of its
// HTTPScaler, coarsely: two significant digits, only when they differ from the live status, at most
// every ten seconds for each trigger and five writes per second in all. An unknown demand is not shown:
// neither one that the registry does not know, nor one of requests that go past the proxies.
// Of triggers that scale by tokens also the work, the highest level of a ready replica in 24 hours (peaks),
// and the target that it suggests; these are written when they differ by more than a tenth.
// Inputs: the scaler.Catalog, readings of the demand.Registry, ready replicas, a cache of
// HTTPScalers. Outputs:
// server-side applies of status.demand, with a field owner of its own.
// Ownership: Writer.Run is one goroutine of the leader.
//
// The numbers are for people. No other package reads them: KEDA gets exact values from the scaler.
package snapshot
