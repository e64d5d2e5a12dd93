// Package redact takes secrets out of what is shown and collected.
//
// Job: values of fields and headers whose names say that they are credentials, private keys, tokens in texts and addresses.
// Inputs: JSON values, texts. Outputs: the same without them. The rule errs on the side of silence: what looks like a secret goes.
// PURE: no clients, context, clock, goroutines or logging. Ownership: values; JSON values are changed in place.
package redact
