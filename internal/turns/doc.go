// Package turns is the order in which namespaces are served.
//
// Job: of the keys that ask for something that is bounded, the order in which they get it, so that a namespace with many keys
// delays its own. Ownership: pure.
package turns
