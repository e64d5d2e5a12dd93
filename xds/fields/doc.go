// Package fields reads fields of Envoy's RouteAction and Cluster that users set for all routes and
// backends of a Gateway (spec.envoy.route and spec.envoy.cluster of GatewayParameters).
//
// Job: say which fields may be set and whether their values can be served, merge the fields of two
// objects, and lay them over what package translate rendered.
// Inputs: JSON with names as in the proto or in its JSON form. Outputs: an error that names the
// field; JSON in one form (Text); changed messages. PURE: no clients, context, clock, goroutines or
// logging; equal input gives equal output. Ownership: nothing is kept between calls.
//
// Which fields are allowed, and why a list of allowed ones, is in docs/adr/0021-envoy-fields.md.
package fields
