// Package hold lets requests wait in the proxy while their backend has no endpoint.
//
// Job: two things that share one state per gateway and backend. The Gate decides when proxies get
// the first endpoint and lose the last one, and whether they ask before they route (armed) or not
// (disarmed). The Activator answers proxies that ask: a request passes when its
// proxy is known to have an endpoint, and is held otherwise. It is answered 503 when nothing that may come would
// answer it: its backend was taken away, or its target is at zero and KEDA must not scale it. Only headers reach this process; a
// body waits in the proxy, or in its client.
//
// No request is lost because of the order (docs/adr/0006-holding.md):
//
//	away: arm, every proxy ACKs, a rest, every answer is confirmed; only then the endpoints go
//	back: endpoints are published, a proxy ACKs, and its requests are released in the same critical section
//
// An answer is confirmed when the proxy ends the call, because it does so when it has read the
// answer. A proxy without an ADS stream has ACKed nothing.
//
// # States
//
// A backend is in one of these states (state.go). The state decides whether proxies ask before
// they route, whether proxies keep endpoints that the engine does not want any more (those of the
// Pods alone, without the ClusterIP of their Service), and which requests pass:
//
//	state                 field     proxies  endpoints  requests
//	starting              .         ask      as wanted  are held
//	unknown               forgetAt  route    as wanted  pass if their proxy is connected
//	unheld                .         route    as wanted  pass
//	withdrawn             forgetAt  route    as wanted  are answered 503
//	cold                  .         ask      as wanted  are held
//	waking                usableAt  ask      as wanted  are held
//	armed                 .         ask      as wanted  pass if their proxy has an endpoint
//	disarmed              .         route    as wanted  pass if their proxy has an endpoint
//	awaitingACK           deadline  ask      kept       are held
//	lingering             until     ask      kept       are held
//	awaitingConfirmation  deadline  ask      kept       are held
//
// # Transitions
//
// Function next (transition.go) has all transitions. It is pure: method observe collects the facts
// that it depends on, and method advance does what a transition means. The state is looked at
// after every event, and again until it stays: a condition that already holds when a state is
// entered needs no event.
//
//	state                 ready  some          none         removed  hold+  hold-      ACK        read  busy      page   due
//	starting              (1)    .             .            .        .      .          .          .     .         .      .
//	unknown               .      unheld        unheld       .        cold   .          .          .     .         .      (2)
//	unheld                .      .             .            unknown  (1)    .          .          .     .         .      .
//	withdrawn             .      unheld        .            .        cold   .          .          .     .         .      .
//	cold                  .      armed/waking  .            .        .      withdrawn  .          .     .         .      .
//	waking                .      .             awaitingACK  cold     .      unheld     .          .     .         .      armed!
//	armed                 .      .             awaitingACK  cold     .      unheld     .          .     disarmed  .      .
//	disarmed              .      .             awaitingACK  cold     .      unheld     .          .     .         armed  armed
//	awaitingACK           .      armed/waking  .            cold     .      withdrawn  lingering  .     .         .      lingering!
//	lingering             .      armed/waking  .            cold     .      withdrawn  .          .     .         .      awaitingConfirmation
//	awaitingConfirmation  .      armed/waking  .            cold     .      withdrawn  .          cold  .         .      cold!
//
// The events:
//
//	ready        the engine applied the first complete state of the gateway
//	some, none   the engine wants endpoints, or none
//	removed      the engine removes the name of the endpoints
//	hold+ hold-  the engine wants a hold cluster, or none
//	ACK          every connected proxy accepted that it asks
//	read         every answer is confirmed
//	busy         there is enough traffic, no request is held, and every proxy has an endpoint
//	page         a maintenance page answers every request
//	due          the time in the field of the state is over; disarmed: no request for Timing.Quiet; waking: also when every
//	             picker named an endpoint of the pool
//
// The cells:
//
//	.    the state stays
//	a/b  state a for a Service, b for a pool, whose pickers must know the endpoint
//	!    a wait for a proxy or a picker is given up: a log line, and metric waits_exceeded_total
//	(1)  unheld without a hold cluster, or unknown without a name; with one armed if there are endpoints, or else cold
//	(2)  the backend is forgotten, unless requests are held; so is one that is withdrawn and removed
//
// Inputs: what the engine publishes (Apply, Ready, Forget), which proxies accepted what
// (Accepted), what pickers answer (Options.Pickers), addresses of replicas, the Catalog of triggers, the last arrivals that counting
// knows, whether a target is at zero (Options.AtZero), and calls of ext_proc. Outputs: the same
// calls of the publisher with other endpoints, answers, the number of held requests of each demand
// key (Options.Held), Dump and metrics.
//
// Ownership: a mutex per gateway guards the states of its backends, and the publisher is called
// with it held. A mutex per backend guards its requests (requests.go), and nothing is called with
// it held. Code that takes both takes that of the gateway first. Every call of a proxy is served
// by the goroutine that gRPC gives it; timers run the rest.
package hold
