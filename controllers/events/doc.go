// Package events writes Kubernetes Events (events.k8s.io) about the objects of users.
//
// Job: every Event of the product goes through a Writer, so that the same rules hold for all of
// them. The object is read before the Event is made, and an object that no longer exists gets
// none. A note is cut to what the API server accepts. An Event about a state is written once,
// not each time that the state is computed.
//
// Inputs: an Event, which names its object, and a reader that finds the object.
//
// Outputs: calls of an EventRecorder, which aggregates and sends.
//
// Ownership: a Writer is safe for concurrent use. The calls of WriteOnce for one topic follow
// each other.
package events
