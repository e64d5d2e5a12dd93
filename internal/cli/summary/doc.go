// Package summary says in one row whether an object of a user is served, and if not why.
//
// Job: the rows of `kubectl kedify status`. Inputs: objects with their statuses, demand. Outputs: rows.
// PURE: no clients, context, clock, goroutines or logging. Ownership: values.
package summary
