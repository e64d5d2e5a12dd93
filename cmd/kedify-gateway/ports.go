package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/kedify/inference-gateway/internal/httpserve"
)

// noPort turns a port off.
const noPort = "0"

// shutdownTime is for answers that are under way when the process is told to end.
const shutdownTime = time.Second

// portBounds are those of one address: a read of metrics or of a view costs the replica a copy of its state.
var portBounds = httpserve.Bounds{Requests: 8}

// ports are what a process serves over HTTP to each program that reaches its Pod. Those of controller-runtime have no bounds.
type ports struct {
	// metrics and health are listen addresses; "0" turns one off.
	metrics, health string
	// views are handlers beside /metrics, by path.
	views map[string]http.Handler
	// ready is called by /readyz.
	ready healthz.Checker
}

// addTo has a manager serve the ports. They are open while the objects of the cluster are still being read.
func (p ports) addTo(ctx context.Context, mgr manager.Manager) error {
	read := http.NewServeMux()
	read.Handle("/metrics", promhttp.HandlerFor(metrics.Registry, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError}))
	for path, view := range p.views {
		read.Handle(path, view)
	}
	probed := http.NewServeMux()
	for path, check := range map[string]healthz.Checker{"/healthz": healthz.Ping, "/readyz": p.ready} {
		probed.Handle(path, probe(check, ctrl.Log.WithName("probe")))
	}
	for _, port := range []struct {
		name, address string
		handler       http.Handler
	}{{"metrics", p.metrics, read}, {"health", p.health, probed}} {
		if port.address == noPort || port.address == "" {
			continue
		}
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", port.address)
		if err != nil {
			return fmt.Errorf("port of %s: %w", port.name, err)
		}
		err = mgr.Add(&manager.Server{
			Name: port.name, Server: httpserve.Server(portBounds.Handler(port.handler)), Listener: httpserve.Listener(listener),
			ShutdownTimeout: ptr.To(shutdownTime),
		})
		if err != nil {
			return err
		}
	}
	return nil
}
