// Package hold lets requests wait in the proxy while their backend has no endpoint.
//
// Job: two things that share one state per gateway and backend. The Gate decides which
// endpoints proxies are told of at the edge between none and one, and whether the proxies ask
// before they route (armed) or not (disarmed). The Activator is who they ask: it answers "go
// on" when the proxy that asks is known to have an endpoint, and lets the request wait
// otherwise. Only headers reach this process; a body waits in the proxy, or in its client.
//
// The order of things is the whole safety (docs/adr/0006-holding.md):
//
//	away: arm, every proxy ACKs, no answer is unconfirmed, a rest; only then the endpoints go
//	back: endpoints out, that proxy ACKs, in the same critical section its requests are released
//
// An answer is confirmed when the proxy ends the call, because it does so when it has read the
// answer. A proxy without an ADS stream has ACKed nothing.
//
// Inputs: what the engine publishes (Apply, Ready, Forget), which proxies accepted what
// (Accepted), addresses of replicas, the Catalog of triggers, the last arrivals that counting
// knows, and calls of ext_proc. Outputs: the same calls of the publisher with other endpoints,
// answers, the number of held requests of each demand key (Options.Held), Dump and metrics.
//
// Ownership: a mutex per gateway guards the state machines of its backends, and the publisher
// is called with it held; a mutex per backend guards its queue and its counts of answers, and
// nothing is called with it held. Whoever has both took the gateway's first. Every call of a
// proxy is served by the goroutine that gRPC gives it; timers run the rest.
package hold
