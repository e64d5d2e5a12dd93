// Package reach talks to a cluster through its API server: to objects, to every replica of the control plane, and to proxies.
//
// Job: one connection for the commands that ask a cluster. Inputs: the kubeconfig of the user. Outputs: objects, answers of
// views, output of commands in Pods, logs. All of it has the rights of the user, and none is kept.
// Ownership: a Cluster may be used from any goroutine.
//
// Views are read at the loopback listener of each replica, through the subresource portforward of its Pod
// (docs/adr/0051-command-line.md).
package reach
