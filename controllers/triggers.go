package controllers

import (
	"github.com/go-logr/logr"
	"k8s.io/utils/clock"

	"github.com/kedify/inference-gateway/controllers/certs"
	"github.com/kedify/inference-gateway/controllers/scaledobject"
	"github.com/kedify/inference-gateway/webhook"
)

// NewScaledObjects returns what makes HTTPScalers, routes and proxies of ScaledObjects.
func NewScaledObjects(mgr *Manager, options Options, log logr.Logger) *scaledobject.Controller {
	return scaledobject.New(scaledobject.Options{
		Cache: mgr.GetCache(), Watcher: mgr.Watcher, Client: mgr.Direct,
		Events: mgr.Events, Clock: clock.RealClock{}, Log: log.WithName("scaledobject"),
		ScalerAddress: options.scalerAddress(), ClassName: options.ClassName, Shared: options.SharedProxy, Namespace: options.Namespace,
		Authentication: options.authentication(),
	})
}

// NewAdmission returns what answers the API server about triggers, and what keeps its CA in the
// webhook configurations.
func NewAdmission(mgr *Manager, options Options, authority *certs.Keeper, log logr.Logger) (*webhook.Server, *webhook.Registrar) {
	server := webhook.NewServer(webhook.Options{
		Listen: options.AdmissionListen, TLS: authority.ServerTLS(options.ServerNames()...), Reader: mgr.GetCache(),
		ScalerAddress: options.scalerAddress(), Authentication: options.authentication(), Clock: clock.RealClock{}, Log: log.WithName("admission"),
	})
	registrar := webhook.NewRegistrar(webhook.RegistrarOptions{
		Client: mgr.Direct, Name: options.AdmissionName, Authority: authority.Authority, Clock: clock.RealClock{}, Log: log.WithName("admission"),
	})
	return server, registrar
}
