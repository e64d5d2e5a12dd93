// Package publish decides what each proxy is told, and when.
//
// Job: keep the resources that every gateway should have, and bring each connected proxy
// there over its delta ADS stream without ever making it worse than it was: clusters are
// warm before a route names them, outlive the last route that does, a refused resource is
// isolated from all others, and a proxy that already has every resource in its current version is
// sent nothing.
//
// Inputs: resource.Change per gateway (Apply), delta discovery requests (Session.Receive).
// Outputs: delta discovery responses (the send function of Connect), Delivery as feedback
// for status, Acceptance for stages that need to know what one proxy has, Dump and metrics for
// people. The package neither translates nor reads Kubernetes, and decodes no resource.
//
// A resourceState is one name of a gateway; a record is what one session knows about it. What a
// record is due follows from what the gateway has (current), what the proxy has once everything on
// the way arrived (latest), and what the proxy has subscribed to:
//
//	state of a record    what it means                             leaves it when
//	idle                 nothing is due                            current or the subscription changes
//	due (inUpserts)      a version, or an answer, is due           the writer reaches it: sent, blocked or nothing due
//	blocked              it names a cluster that is not warm       the endpoints are ACKed, or WarmBudget is over: due
//	following            endpoints or routes right behind the      the writer reaches it: sent
//	                     cluster or scope that was just sent
//	in flight            sent and not answered (flight)            ACK: idle, acked is the version
//	                                                               NACK of one: idle, the version is quarantined
//	                                                               NACK of a batch: due, alone
//	due (inRemovals)     current is gone, the proxy has a version  the writer reaches it: sent, or leaving
//	leaving              something in the proxy may still need it  the last reference goes, RemoveGrace is over: due
//
// A record may be in flight and due at once: content that changes is sent without waiting for
// the ACK of the version before. A record that is idle, and of which the proxy has nothing, is
// dropped.
//
// Clock is an interface of its own because k8s.io/utils/clock is not for xds/, which knows no
// Kubernetes.
//
// Ownership: one mutex per gateway guards its desired state and the state machines of its
// sessions. Every session has one writer goroutine, which alone builds and sends
// responses, so Apply never waits for a proxy: it only marks what is due. What a response
// carries is decided when it is built, so content that changed twice while waiting is sent
// once. Bodies are shared by all sessions and never modified.
package publish
