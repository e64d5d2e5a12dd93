// Package plane is the control plane: every part of it, made and connected.
//
// Job: New makes the parts of one replica and connects them. The stages, in the order in which a
// change travels: watch -> linger -> engine (store, resolve, translate) -> pickerdelay -> hold -> publish -> xds ->
// Envoy; statuses, data planes and triggers leave the engine beside it. What Envoys acknowledge, count
// and hold comes back through peers, demand and keda. The package also has the adapters between two
// packages that do not know each other.
//
// Inputs: Deps, the API server behind interfaces and the options of the process.
//
// Outputs: functions to run, on every replica or on the leader alone; HTTP handlers; readiness.
//
// Ownership: a Plane owns its parts. Construction has two phases: build makes every part, and a part
// that calls another which is made later calls a wire; connect sets the ends of the wires. No field is
// set and no wire is connected after New.
package plane
