// Package logformat knows the formats of access logs that users may write: text with command operators of Envoy
// ("%RESPONSE_CODE%", "%REQ(USER-AGENT):100%").
//
// Job: say whether Envoy takes a format, and whether its author may have it. Inputs: texts of users. Outputs: errors that
// name the operator. What is accepted here, Envoy accepts (a test asks it); some of what Envoy accepts is refused: operators
// that read the proxy's files, environment and secrets, and those that print nothing here. PURE: no clients, context, clock,
// goroutines or logging. Ownership: nothing is kept between calls.
package logformat
