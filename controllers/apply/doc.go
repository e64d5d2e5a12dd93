// Package apply writes objects that the product owns.
//
// Job: make an object on the API server as desired (Engine.Ensure) and delete those that are not
// desired any more (Engine.Prune). Inputs: desired objects, a cache, the API server. Outputs:
// server-side applies, only where the live object differs, and deletions of exactly the object
// that was seen. Options say which live objects may be written and what happens to the objects of
// a deleted owner. Ownership: an Engine has no state and no goroutines; it may be used from
// several.
package apply
