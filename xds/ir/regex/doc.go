// Package regex says whether Envoy takes a regular expression of a user, and what it costs.
//
// Job: parse an expression in the dialect of Envoy, which is RE2 over single bytes, and bound the
// program that Envoy makes of it. Inputs: texts. Outputs: a size, or an error fit for a status
// message. PURE: the package imports the standard library alone. Ownership: a Budget belongs to
// the check of one object; nothing else is kept.
//
// What is not on the list of this parser is refused, also where Envoy would take it. Package
// regexp/syntax is no help: it knows names that Envoy does not know, and it takes seconds for some
// texts of 4 KiB before it returns. See docs/adr/0035-expressions.md; the test of the corpus holds
// the list to what a real Envoy says.
package regex
