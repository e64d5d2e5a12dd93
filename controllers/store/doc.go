// Package store holds the objects of the cluster that the control plane knows, by kind and
// key, with the reverse indexes that resolve asks for.
//
// Job: typed maps and indexes, and a View that records what was read. Inputs: objects, as
// informers or files deliver them. Outputs: the dependencies that a change touches, and
// reads through a View.
// Ownership: one goroutine (the engine's) writes and reads; objects are never modified after
// Set, so they may be shared with informer caches.
package store
