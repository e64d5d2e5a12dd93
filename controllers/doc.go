// Package controllers assembles the Kubernetes side of the control plane: informers feed the
// engine, the engine's output goes to the publisher, to the status writer and to the data
// planes.
//
// The stages, in the order a change takes: watch -> store -> engine (resolve, translate) ->
// publish, status, infra. cmd/kedify-gateway/controller.go starts them.
package controllers
