// Package staffing is how much work a model is asked for, in tokens per second.
//
// Job: turn what proxies count of the requests to a model into the number that its replicas are
// staffed by: the level of work, a reserve for its bursts, and the work that waits. The unit is
// the weighted token: a prompt token that the model computes is one, a cached one and one of an
// answer count as the trigger says (Settings).
//
// Inputs: Seen, what was counted in a span of time, as differences and not as counters; Held,
// what waits now. Outputs: Need.
//
// Work counts when its request arrives: its prompt from the bytes that were sent to the model,
// its answer as the mean of the last ones. Meters keep requests and bytes over time, and turn
// them into tokens when they are asked. So `usage`, which comes when an answer ends and is
// missing where no client asks for it, corrects the past as well as the future, however late it
// comes.
//
// A number that no report says is not zero: before the first `usage` a prompt token is 4 bytes
// and one of an answer 200, which is a chunk of a stream. If that is wrong by a factor, all
// numbers are, and the target that users find with them is wrong by the same factor.
//
// Numbers that no traffic has are cut down (limits.go), because each proxy can report any: a
// Need is finite and not negative, and the traffic after them corrects it.
//
// Ownership: pure. No locks, no clock, no goroutines; a Meter belongs to its caller.
package staffing
