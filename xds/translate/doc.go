// Package translate renders the IR as Envoy resources.
//
// Job: one function per unit that travels alone (listener, host, wildcard table, cluster,
// endpoints, secret). Inputs: values of xds/ir. Outputs: resource.Resource with the clusters
// it depends on and the objects it came from. PURE: no clients, context, clock, goroutines
// or logging; equal input gives equal bytes, so a version changes only with the content.
// Ownership: nothing is kept between calls.
//
// The packaging (one RouteConfiguration per exact host, reached by a delta scope) and its
// figures are in docs/adr/0003-scope-per-host.md; endpoint pickers in
// docs/adr/0005-picker-per-target.md. naming.go is the only place that builds names.
package translate
