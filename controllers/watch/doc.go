// Package watch runs the informers of the process.
//
// Job: one informer per Row, added before or while the Watcher runs; every event becomes a Set or
// a Delete of the row's Handler. Inputs: a cache, the kinds that the API server serves and in which
// versions, its CRDs.
// Outputs: calls of Handlers; a Row may be optional, then its kind may come later (Synced is
// called when its objects were handed over) and go away (each object is deleted, then Lost is
// called). In a cache of some namespaces (Caches) a row has an informer in each of them. A namespace
// whose rights are not the installation's own is handed over whole when it may be read, and not waited for.
// Ownership: Run blocks and owns the state of all rows. Handlers run on the goroutines
// of informers, one call at a time for each row, and only enqueue. A cache has one Watcher.
package watch
