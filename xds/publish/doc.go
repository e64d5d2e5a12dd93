// Package publish decides what each proxy is told, and when.
//
// Job: keep the resources that every gateway should have, and bring each connected proxy
// there over its delta ADS stream without ever making it worse than it was: clusters are
// warm before a route names them, outlive the last route that does, a refused resource is
// isolated from all others, and a proxy that already has the world is sent nothing.
//
// Inputs: resource.Change per gateway (Apply), delta discovery requests (Session.Receive).
// Outputs: delta discovery responses (the send function of Connect), Delivery as feedback
// for status, Acceptance for who must know what one proxy has, Dump and metrics for people. The package neither translates nor reads
// Kubernetes.
//
// Ownership: one mutex per gateway guards its desired state and the state machines of its
// sessions. Every session has one writer goroutine, which alone builds and sends
// responses, so Apply never waits for a proxy: it only marks what is due. What a response
// carries is decided when it is built, so content that changed twice while waiting is sent
// once. Bodies are shared by all sessions and never modified.
package publish
