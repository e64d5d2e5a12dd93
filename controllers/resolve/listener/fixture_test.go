package listener

import (
	"testing"

	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
	"github.com/kedify/inference-gateway/controllers/store"
)

func resolveGateway(t testing.TB, documents ...string) resolve.GatewayResult {
	t.Helper()
	return Gateway(fixture.Store(t, append(documents, fixture.Class)...).View(nil), fixture.GatewayKey, class.Setting{})
}

// listenerNamed returns a listener of the result by "name" or, of a ListenerSet, "set/name".
func listenerNamed(t testing.TB, g resolve.GatewayResult, name string) resolve.Listener {
	t.Helper()
	for _, l := range g.Listeners {
		full := l.ID.Name
		if l.ID.Parent.Kind == store.ListenerSet {
			full = l.ID.Parent.Key.Name + "/" + l.ID.Name
		}
		if full == name {
			return l
		}
	}
	t.Fatalf("no listener %q in %+v", name, g.Listeners)
	return resolve.Listener{}
}

// ready is the input of a Gateway whose data plane has everything.
func ready(g resolve.GatewayResult) StatusInput {
	in := StatusInput{
		Result:     g,
		Connected:  1,
		Programmed: map[uint32]bool{},
		Assignment: Assignment{Addresses: []gwv1.GatewayStatusAddress{{Value: "192.0.2.1"}}},
	}
	for _, l := range g.Listeners {
		in.Programmed[l.Port] = l.Serving || in.Programmed[l.Port]
	}
	return in
}
