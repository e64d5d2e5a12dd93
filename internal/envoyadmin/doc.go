// Package envoyadmin asks the admin interface of the Envoy of a Pod, which listens on a Unix socket.
//
// Job: questions with bounds, and which of them people may ask: the paths that read, and levels of the log. Inputs: the path of the
// socket. Outputs: answers, for people without secrets. Ownership: a Client may be used from any goroutine.
package envoyadmin
