package plane

import (
	"crypto/tls"

	"github.com/kedify/inference-gateway/controllers"
	"github.com/kedify/inference-gateway/controllers/certs"
	"github.com/kedify/inference-gateway/controllers/events"
	"github.com/kedify/inference-gateway/controllers/scaledobject"
	"github.com/kedify/inference-gateway/webhook"
	"github.com/kedify/inference-gateway/xds/server"
)

// triggers makes the triggers of ScaledObjects work.
type triggers struct {
	// controller makes HTTPScalers, routes and proxies of ScaledObjects.
	controller *scaledobject.Controller
	// tls is that of admission.
	tls *tls.Config
	// admission answers the API server about triggers; registrar keeps the CA in the webhook
	// configurations.
	admission *webhook.Server
	registrar *webhook.Registrar
	// delivery keeps KEDA's certificate in a Secret where KEDA finds it.
	delivery *certs.Delivery
	// standby keeps the certificate with which the Pods of the wiring answer KEDA.
	standby *certs.Delivery
	// metrics keep the certificates of the Envoys of users in their namespaces.
	metrics *certs.Deliveries
}

func newTriggers(p *Plane) *triggers {
	api, options, log := p.deps.API, p.deps.Options, p.deps.Log
	serving := p.authority.ServerTLS(options.ServerNames()...)
	return &triggers{
		tls: serving,
		controller: scaledobject.New(scaledobject.Options{
			Cache:          api.Cache,
			Watcher:        p.watcher,
			Attachments:    p.attachments,
			Client:         api.Direct,
			Within:         p.leadership.Within,
			Events:         p.events,
			Clock:          p.deps.Clock,
			Log:            log.WithName("scaledobject"),
			ScalerAddress:  options.ScalerTarget(),
			Authentication: options.Authentication(),
			Hold:           options.Hold(),
			Autowire:       options.Autowire,
			ClassName:      options.ClassName,
			Shared:         options.SharedProxy,
			Namespace:      options.Namespace,
			Values:         options.ProxyValues,
			CountsOthers:   options.MetricsServiceListen != "",
			Requested:      p.scaling.registry.Requested,
		}),
		admission: webhook.NewServer(webhook.Options{
			TLS:            serving,
			Reader:         api.Cache,
			ScalerAddress:  options.ScalerTarget(),
			Autowire:       options.Autowire,
			Authentication: options.Authentication(),
			Clock:          p.deps.Clock,
			Metrics:        p.metrics.admitted,
			Log:            log.WithName("admission"),
		}),
		registrar: webhook.NewRegistrar(webhook.RegistrarOptions{
			Client:    api.Direct,
			Name:      options.AdmissionName,
			Authority: p.authority.Authority,
			Clock:     p.deps.Clock,
			Log:       log.WithName("admission"),
		}),
		delivery: certs.NewDelivery(certs.DeliveryOptions{
			Certificates: p.authority,
			Client:       api.Direct,
			Namespace:    options.KEDANamespace,
			Name:         controllers.KEDASecretName,
			Identity:     server.KEDAIdentity,
			Clock:        p.deps.Clock,
			Log:          log.WithName("certs"),
			// ClusterTriggerAuthentications are not watched.
			Report: writeDelivery(events.NewWriter(api.Recorder, api.Direct), options.KEDAAuthentication),
		}),
		standby: newStandbyDelivery(p),
		metrics: newMetricsDeliveries(p),
	}
}

func newStandbyDelivery(p *Plane) *certs.Delivery {
	return certs.NewDelivery(certs.DeliveryOptions{
		Certificates: p.authority,
		Client:       p.deps.API.Direct,
		Namespace:    p.deps.Options.Namespace,
		Name:         controllers.StandbySecretName,
		Component:    "standby",
		Names:        p.deps.Options.StandbyNames(),
		Clock:        p.deps.Clock,
		Log:          p.deps.Log.WithName("certs"),
		Report:       func(error) {}, // logged
	})
}

func newMetricsDeliveries(p *Plane) *certs.Deliveries {
	return certs.NewDeliveries(certs.DeliveriesOptions{
		Each: certs.DeliveryOptions{
			Certificates: p.authority,
			Client:       p.deps.API.Direct,
			Name:         controllers.MetricsSecretName,
			Component:    "metrics-client",
			Clock:        p.deps.Clock,
			Log:          p.deps.Log.WithName("certs"),
			Report:       func(error) {}, // logged
		},
		Wanted:   p.countingNamespaces,
		Watched:  p.deps.Options.Watched(),
		Identity: server.MetricsIdentity,
	})
}

// countingNamespaces are those with a trigger that an Envoy of the user counts for, and whether all triggers are
// known.
func (p *Plane) countingNamespaces() (namespaces []string, all bool) {
	select {
	case <-p.attachments.Synced():
		all = true
	default:
	}
	return p.scaling.external.Namespaces(), all
}
