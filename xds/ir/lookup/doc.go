// Package lookup says which chain, host and rule of a Gateway take a request, as the proxy does that has its tables.
//
// Job: the meaning of the tables of package ir, written once: for `kedify-gateway explain request`, and for tests that compare the
// proxy and its tables with it. Inputs: tables, requests. Outputs: what takes a request, and where the others differ from it.
// PURE. Ownership: nothing is kept between calls.
package lookup
