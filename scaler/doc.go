// Package scaler is what the packages below it share: the triggers that are in force, and their
// keys.
//
// Job: the Catalog of triggers in force. The packages below turn what Envoys count into answers for
// KEDA and hold requests that meet zero pods: trigger parses and validates kedify-http metadata; count
// receives what Envoys report; demand adds it up over proxies and replicas; hold keeps requests
// waiting; keda answers KEDA; rescue scales when KEDA does not.
//
// Inputs: a Catalog filled by the engine. Outputs: none of its own.
// Ownership: a Scaler is immutable once it was handed to the Catalog; the Catalog has a lock.
package scaler
