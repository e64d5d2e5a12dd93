// Package served says on each HTTPScaler whether the requests that wait for its application are answered.
//
// Job: keep condition Served. It is False while requests wait and nothing answers them, with the reason that package verdict
// finds; True when a request that had waited was served; Unknown when neither is known any more; absent while no request ever
// waited. One Warning event tells of each episode. Inputs: demand.Registry.Waits, how requests fare over all replicas; the API
// server, about the triggers that wait in vain. Outputs: server-side applies of the condition, events, metrics.
// Ownership: Keeper.Run is one goroutine of the leader, with up to eight for looks at the API server.
//
// # Episodes
//
// An episode begins when requests wait and a look at the trigger finds why: after Options.Patience for what does not pass by itself
// (an image that cannot be pulled, a Service that selects nothing), after StartPatience or with the first request that is
// answered without an endpoint for what may (a Pod that starts). It ends when a request is served. When no request waited for
// Quiet, it ends as Unknown: the cause may be gone, and no request has tried.
//
// # Bounds
//
// A look costs three requests to the API server at most, and reads 20 Pods at most. Looks, each of which may write once, and
// other writes together are ActsPerSecond, and namespaces take turns: a tenant with thousands of triggers that wait delays its
// own. A trigger is looked at again after five seconds, and ever more rarely up to a minute while nothing changes.
package served
