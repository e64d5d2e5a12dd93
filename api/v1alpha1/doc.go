// Package v1alpha1 holds the few APIs of our own: what Gateway API, the Inference Extension
// and KEDA have no words for.
//
// +kubebuilder:object:generate=true
// +groupName=gateway.kedify.io
package v1alpha1
