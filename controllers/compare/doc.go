// Package compare compares what the product wants of an object with the object as it is.
//
// Job: say whether a server-side apply would change anything, so that nothing is written at
// rest. A hash of the wish, in an annotation, tells a field that is no longer wished for from
// one that the server filled in; all fields of the wish are compared besides.
// Inputs: objects as they are unmarshalled from JSON. Outputs: a hash, and whether an
// apply would change the object.
// Ownership: no state.
package compare
