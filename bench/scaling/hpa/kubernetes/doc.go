// Package kubernetes is the real HorizontalPodAutoscaler controller, to compare bench/scaling/hpa
// with.
//
// Job: run Kubernetes' own controller, with its own replica calculator and stabilization, on a
// clock of the test, over metrics that change, and write what it decided each time to
// ../testdata/decisions.csv. Tests of bench/scaling/hpa are about that file.
// Inputs: k8s.io/kubernetes in the version of the testbed. Outputs: the file.
// Ownership: tests alone; a module of its own, because Kubernetes is too large for the product's.
package kubernetes
