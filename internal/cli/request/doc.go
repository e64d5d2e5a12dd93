// Package request says what becomes of one request: which Gateway, listener, host, rule, backend and Pods take it, as the proxies do
// it, and if none does, what comes nearest.
//
// Job: the answer of `kubectl kedify explain request`. Inputs: the tables of Gateways (controllers/offline), a request.
// Outputs: a chain.Checklist. The tables are looked up by xds/ir/lookup, which tests compare with real proxies.
// PURE: no clients, context, clock, goroutines or logging. Ownership: values.
package request
