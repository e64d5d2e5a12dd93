// Package linger keeps routes of triggers for a moment after they were taken away.
//
// Job: delay the deletion of generated routes and of the HTTPScaler they belong to, and of hosts and
// rules that a change takes from such a route, while foreign objects may still lead to the proxies. A
// foreign object is restored, and its consumer follows, a moment after the change; without the route
// the requests in between would be answered with 404.
// Inputs: what informers see of the objects of one store. Outputs: the same calls; what takes requests
// away from a wired trigger comes a grace later. Nothing is written: a replica that starts within the
// grace does not know what it missed.
// Ownership: one mutex, held while the next store is called; calls may come from any goroutine and do
// not block.
package linger
