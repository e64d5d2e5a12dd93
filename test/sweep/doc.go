// Package sweep tries values in every field that a user may write.
//
// Job: walk the OpenAPI schema of a CRD, put values at, below and beyond the bounds of each field into a
// valid object, alone and in pairs, and see what becomes of the object, of the configuration of a
// real Envoy, and of a neighbour's routes. Each object is refused by name, by the API server or by a
// condition, or what it becomes is taken by Envoy; the neighbour is served either way.
//
//	Schema      what the API server does with an object of one kind
//	Mutation    one value in one field; the generator makes them from a Schema and a valid object
//	World       an object with its surroundings, in a namespace and on ports of its own
//	Outcome     what resolve and translate made of a World
//	Batch       many Outcomes in one Envoy
//
// Inputs: CRDs of the modules that the product is built against and of its chart, the valid objects in
// testdata. Outputs: a Tally and a list of findings. Ownership: a World and its Outcome belong to
// one goroutine; a Batch to a test. Every choice follows from a seed.
package sweep
