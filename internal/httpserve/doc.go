// Package httpserve bounds what one address takes of an HTTP server of the product.
//
// Job: ports for HTTP answer every Pod of the cluster before they know its identity, so connections, requests and the
// bytes of bodies of an address have bounds, and no address takes what is left for the others. Inputs: a
// listener or a handler. Outputs: a listener or a handler. Ownership: the returned values have locks and may be used from
// any goroutine.
package httpserve
