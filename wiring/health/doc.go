// Package health decides when the traffic of a namespace leaves the proxies and when it returns.
//
// Job: from what is known of the proxies and the controllers over time, whether to move to the
// direct path (ill for a while without a break) or back to the proxies (well for a while without a
// break). Inputs: observations, each with its time, the path that is in force, and settings.
// Outputs: a decision, and when to ask again. PURE: no clients, context, clock, goroutines or
// logging. Ownership: a Machine belongs to one goroutine; there is one for each namespace.
//
// # What holds
//
//   - Unknown is neither ill nor well, and both periods begin anew after it: an interval during which
//     nothing was known is not unbroken. A move on half of the knowledge would be a move because
//     the API server is away.
//   - The path is an input. A decision stands until it is carried out, by whichever replica, and a
//     process that starts moves nothing before it has seen a whole period itself.
//   - Moves to safety are never delayed by flapping; returns are. Each fallback that follows the last
//     return within the window doubles the recovery period.
//   - A process that starts knows no earlier fallbacks: its recovery period is the one of the settings.
package health
