// Package checkup says whether an installation is in order.
//
// Job: the findings of `kubectl kedify doctor`. Inputs: Facts about an installation, which internal/cli/facts collects.
// Outputs: a chain.Checklist, whose links are the checks.
// PURE: no clients, context, clock, goroutines or logging. Ownership: values.
package checkup
