// Package attack has the attacks of clients and tenants that fail, and keeps it so.
//
// Job: tables of attacks, each against one site: two tenants behind one Gateway and in one real Envoy. A row of
// HTTP/1.1 is bytes, one of HTTP/2 is frames, one of a reference is objects. After each row the
// victim's backend has seen nothing of it, the victim's clients were served all the while, and the attacker was
// refused, cut off, or answered by what is the attacker's own. Inputs: objects (test/rig), an Envoy (xds/proxytest).
// Outputs: the tables alone. Ownership: one site for all rows of a test, one row after another; the
// victim's clients have goroutines of their own.
//
// What is not here has its tests where it is built: the names of Host and of key headers (G12), headers that clients may
// not say (G13), what a certificate of a proxy opens (X2, X7, xds/server TestCertificateBindsGateway), parameters (X3), ports
// of the control plane (X4), values of fields (test/sweep).
package attack
