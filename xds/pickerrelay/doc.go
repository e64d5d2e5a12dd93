// Package pickerrelay stands between Envoy and the endpoint pickers, in the Pod of each Envoy, and bounds how long a picker is
// waited for.
//
// Job: pass the messages of ext_proc on as they are, in both directions, until a picker owes an answer for longer than the limit
// of its pool, or fails. A pool that fails closed is then answered 503. For one that fails open the relay answers like a picker
// that picks nothing and changes nothing, with the body that it kept until then. Envoy can do neither: in the mode of the protocol
// it has no limit for the request phase, and what it has sent to a picker it has no more (docs/adr/0063-pickers-that-hang.md).
// Inputs: calls of Envoy on a Unix socket; the host of a call is the cluster of the picker, its metadata is the limit and the
// failure mode. Outputs: calls of the pickers, through a listener of the same Envoy on another Unix socket, so that endpoints,
// TLS and health checks stay Envoy's.
// Ownership: the goroutine of a call owns its state; two more read, one writes. Memory of kept bodies and the health of pickers
// have a lock each.
//
// # When a picker owes an answer
//
// The clock runs while a picker does not take what it is sent, and from the moment on when it has the whole request until it has
// given it back. Each message that it takes or sends winds the clock. So a client may take any time for its upload. When the
// request is back, the relay passes on, and the model may take any time; the clock runs once more from the moment when the picker
// is told of the headers of the answer until it replies to them.
package pickerrelay
