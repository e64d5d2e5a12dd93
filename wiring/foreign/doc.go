// Package foreign reads and patches objects of the user that other controllers serve: Ingresses,
// routes of the Gateway API, VirtualServices of Istio and Routes of OpenShift.
//
// Job: say which Services and InferencePools an object leads to, and make the patches that have
// it lead to wired Services instead (Rewrite), that put the original back (Restore), and that end
// the ownership of fields (Disown). Inputs: unstructured objects, as the API server returned
// them. Outputs: references, and operations of JSON patches. PURE: no clients, context, clock,
// goroutines or logging. Ownership: no state; objects are read only.
//
// One word per reference is written, the name of the Service; of a reference to an InferencePool
// also group, kind and port, because a wired Service is a Service. Everything else stays as the
// user wrote it, what this package does not know included. The annotation
// gateway.kedify.io/original-backends remembers the words that were replaced.
//
// The package imports no Go types of Istio or OpenShift. It reads objects of any shape; what is not
// of the shape of its kind is no reference. A new kind is a reader in a file of its own and a row in
// kinds (reference.go).
package foreign
