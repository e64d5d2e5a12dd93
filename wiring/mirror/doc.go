// Package mirror renders the Service that foreign objects lead to instead of an application's.
//
// Job: from a Service or an InferencePool and its endpoints, the wired Service and its
// EndpointSlices for a path: through the proxies, directly to the application, or both, which is
// the step between them. The same for kind "service", where the slices of the user's own Service
// are rendered. Inputs: the objects as the API server has them, and what the proxies are (Entry).
// Outputs: the objects as they should be, what competes with them, or the Problem that rules them
// out. PURE: no clients, context, clock, goroutines or logging. Ownership: no state; objects are
// read only.
//
// # What holds
//
//   - Standby endpoints are not ready, serving and terminating. kube-proxy uses such endpoints exactly
//     when the Service has no ready one in the cluster, so its clients reach the application when
//     all proxies die, without a writer.
//   - That is so for traffic policy Cluster alone. With policy Local kube-proxy uses the standby of a
//     node that has no proxy, past the ready proxies of other nodes. The policies are therefore not copied.
//   - A port that no trigger serves leads to the application on every path: its proxied neighbour must
//     not take it off the air, and the proxies would answer for another port.
//   - Names come from what is in an object, never from its place in a list.
package mirror
