// Package proxypods finds what the Pods of Envoys wait for that do not connect.
//
// Job: of each Gateway that has had no Envoy at any replica for five seconds, read the Deployment of its Envoys and their Pods, and report
// what keeps them from being ready (package workload), for the Programmed condition of the Gateway; once more every ten
// seconds, and nothing any more when an Envoy connects. Inputs: how many Envoys each Gateway has; the API server. Outputs: calls of
// Options.Report. Bound: two Gateways a second, in turns.
// Ownership: Watch.Run is one goroutine of the leader; the other methods may be called by any goroutine and do not block.
package proxypods
