package plane

import (
	"encoding/json"
	"net/http"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/debug"
	"github.com/kedify/inference-gateway/xds/ir"
)

// Dumps returns the handlers of the debug views by path. Each answers JSON, with names and
// versions but never with the content of a Secret.
func (p *Plane) Dumps() map[string]http.Handler {
	return map[string]http.Handler{
		"/xds":               http.HandlerFunc(p.serveXDS),
		"/xds/":              http.HandlerFunc(p.serveXDS),
		"/demand":            view(p.scaling.registry.DumpAll),
		"/queue":             view(p.scaling.registry.Queues),
		"/hold":              view(p.scaling.dumpHeld),
		"/envoy-metrics-map": view(p.scaling.external.Clusters),
		"/status/proxies":    view(p.streams),
	}
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
