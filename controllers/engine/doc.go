// Package engine keeps the model of the control plane up to date by doing as little as
// possible: a change of one object recomputes the units that read it, and no others.
//
// Job: store + resolve + translate -> resources, statuses, data planes and attachments of
// routes, incrementally.
// Inputs: events (objects that appeared, changed or vanished; what proxies have). Outputs:
// calls of an Output, only for what became different.
// Ownership: one goroutine owns a Model (Loop runs it); everything it hands out is immutable.
//
// A unit is one result of one pure function: a Gateway, a route, the table of a host, a
// cluster, the endpoints of a backend, a status. Units are computed in layers; each records
// what it read (store.Dep), so that a later change finds its readers. A unit whose computation
// fails keeps its last result (RenderFailure). "Incremental equals
// full" is what the fuzz test of this package holds it to.
package engine
