// Package certs makes and rotates the certificates of the product: no certificate manager
// has to be installed, and certificates are renewed before they expire.
//
// Job: one CA in a Secret of the install namespace (Keeper); serving certificates that live in
// the memory of each replica (Keeper.ServerTLS); client certificates for the Envoys of each
// Gateway (Keeper.ClientCertificate), which the infrastructure applier writes; and those of
// programs that only read Secrets: KEDA and its standby (Delivery), which serves with the files of its
// Secret (FilesTLS).
// Inputs: the CA Secret, a clock. Outputs: TLS configurations and the contents of Secrets.
// Ownership: Authority values are immutable and may be shared. A Keeper guards its state with
// a mutex; Run and Lead are goroutines of the caller, everything else may be called from any. So
// is a Delivery's Run, which only the leader calls.
//
// How the CA rotates without a connection being refused: a new CA is announced first, which
// adds it to the bundle that everyone trusts; it signs only after Lifetimes.Overlap, when every
// replica and every Envoy has the bundle; the old CA stays in the bundle until it expires.
package certs
