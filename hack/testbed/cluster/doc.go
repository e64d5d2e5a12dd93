// Package cluster starts and stops one single-node Kubernetes in namespaces of its own.
//
// Job: the order of starting, configuration and certificates, entering, stopping without a trace.
// Inputs: a Layout (name, folders) and binaries from package build. Outputs: a running cluster,
// its kubeconfig, records of what runs.
// Ownership: a file lock serialises commands on one cluster; the holder process owns everything
// that runs inside.
package cluster
