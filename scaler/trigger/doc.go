// Package trigger holds the rules of kedify-http metadata, and the only copy of them:
// admission, the ScaledObject controller and the KEDA scaler all ask here.
//
// Job: say which triggers of a ScaledObject are of this product, default and validate their metadata, and
// name what is made of them. Inputs: an Object of plain values and the address of our KEDA
// scaler. Outputs: a v1alpha1.HTTPScalerSpec per trigger, and Problems that a person can act
// on: each names the key, the value and the fix.
// PURE: no clients, context, clock, goroutines or logging. Ownership: no state.
//
// # Which triggers are of this product
//
// A trigger is of this product if its type is kedify-http or kedify-envoy-http (as users write it), or if
// it is external-push and its metadata either carries originalType (as admission leaves it)
// or has a scalerAddress that leads to this product (the native spelling, which needs no admission). In
// the native spelling the address alone decides: a user who sends KEDA to this product wants its rules, and
// a missing key then gets its message instead of silence. Addresses are compared as Kubernetes
// resolves them: "s.ns:9090", "s.ns.svc:9090" and "dns:///s.ns.svc.cluster.local:9090" are the
// same. A native trigger with externalProxyMetricKey and without hosts stands for
// kedify-envoy-http, every other one for kedify-http. Type external at the address of this product is one and
// refused: KEDA would only poll it, so a request at zero pods would wait for the next poll.
//
// # Names
//
// The HTTPScaler of a trigger is called "<scaledobject>-<trigger name>", or "-0" for a lone
// trigger without a name: several need names, so the name never depends on a position in the
// list (see ScalerName). KEDA tells its scaler neither name nor position of a trigger, only the
// metadata; Identity finds the HTTPScaler from there.
//
// # Not here
//
// What needs other objects is the controller's: whether the Service has the port, the pool's
// selector is the Service's, a ConfigMap or Secret exists. KEDA's own Go types reach
// controller-runtime and client-go, so callers copy a ScaledObject into Object themselves.
package trigger
