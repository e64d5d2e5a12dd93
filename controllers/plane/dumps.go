package plane

import (
	"context"
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/debug"
	"github.com/kedify/inference-gateway/internal/httpserve"
	"github.com/kedify/inference-gateway/xds/ir"
)

// views are the debug views by path.
var views = map[string]func(*Plane) http.Handler{
	"/xds":               func(p *Plane) http.Handler { return http.HandlerFunc(p.serveXDS) },
	"/xds/":              func(p *Plane) http.Handler { return http.HandlerFunc(p.serveXDS) },
	"/demand":            func(p *Plane) http.Handler { return view(p.scaling.registry.DumpAll) },
	"/keda":              func(p *Plane) http.Handler { return view(p.scaling.keda.Asked) },
	"/queue":             func(p *Plane) http.Handler { return view(p.scaling.registry.Queues) },
	"/hold":              func(p *Plane) http.Handler { return view(p.scaling.dumpHeld) },
	"/envoy-metrics-map": func(p *Plane) http.Handler { return view(p.scaling.external.Clusters) },
	"/status/proxies":    func(p *Plane) http.Handler { return view(p.streams) },
}

// ViewPaths are the paths of the debug views, sorted; one that ends in a slash stands for all below it.
func ViewPaths() []string { return slices.Sorted(maps.Keys(views)) }

// Dumps returns the handlers of the debug views by path. Each answers JSON, with names and versions but never
// with the content of a Secret. They show all tenants: the caller decides which users may read them.
func (p *Plane) Dumps() map[string]http.Handler {
	handlers := make(map[string]http.Handler, len(views))
	for path, made := range views {
		handlers[path] = made(p)
	}
	return handlers
}

// ProtectedViews are the same for the port of the metrics, for readers whom the roles of the cluster let.
func (p *Plane) ProtectedViews() map[string]http.Handler {
	handlers := p.Dumps()
	for path, handler := range handlers {
		handlers[path] = p.guard.Protect(handler)
	}
	return handlers
}

// serveViews serves the views to every process that reaches the listener: the processes of the Pod.
func (p *Plane) serveViews(ctx context.Context, listener net.Listener) error {
	mux := http.NewServeMux()
	for path, handler := range p.Dumps() {
		mux.Handle(path, handler)
	}
	return httpserve.Run(ctx, listener, mux)
}

// serveXDS answers what the Envoys have: of all Gateways at /xds, of one at
// /xds/<namespace>/<name>.
func (p *Plane) serveXDS(w http.ResponseWriter, r *http.Request) {
	gateways := p.publisher.Gateways()
	if key, ok := strings.CutPrefix(r.URL.Path, "/xds/"); ok {
		if namespace, name, ok := strings.Cut(key, "/"); ok {
			gateways = []ir.Key{{Namespace: namespace, Name: name}}
		}
	}
	dumps := make([]debug.Gateway, 0, len(gateways))
	for _, gateway := range gateways {
		dump := p.publisher.Dump(gateway)
		dump.Elsewhere = p.exchange.Elsewhere(types.NamespacedName(gateway))
		dumps = append(dumps, dump)
	}
	writeJSON(w, dumps)
}

// streams is what the command "wiring" asks: whether the proxies of a Gateway still follow this replica.
func (p *Plane) streams() debug.Streams {
	return debug.Streams{Ready: p.Ready() == nil, Gateways: p.publisher.Streams()}
}

func (s *scaling) dumpHeld() []debug.Hold {
	dumps := []debug.Hold{}
	for _, gateway := range s.gate.Gateways() {
		dumps = append(dumps, s.gate.Dump(gateway))
	}
	return dumps
}

// view serves the value of the moment.
func view[T any](value func() T) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, value()) })
}

func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value) // the client may be gone
}
