package sweep

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/store"
)

// What stands in testdata for what each world has for itself.
const (
	namespaceName = "w00000"
	firstPort     = 10000
	// Ports of one world; the last two are those of the backends.
	portsOfWorld         = 8
	goodPort, webPort    = firstPort + 6, firstPort + 7
	worldsAtOnce         = 1100 // their ports are below those of the proxy's own listeners
	generatedPortsOffset = 2
)

// Backends are the ports where the backends of all worlds run.
type Backends struct{ Good, Web int64 }

// World is one object with its mutations and surroundings.
type World struct {
	Number    int
	Variant   *Variant
	Mutations []Mutation
	Backends  Backends
}

func (w *World) String() string {
	texts := make([]string, 0, len(w.Mutations))
	for _, m := range w.Mutations {
		texts = append(texts, m.String())
	}
	return fmt.Sprintf("%s: %s", w.Variant, strings.Join(texts, "; "))
}

func (w *World) namespace() string { return fmt.Sprintf("w%05d", w.Number) }

// place is the first port of the world.
func (w *World) place() int64 { return firstPort + int64(w.Number%worldsAtOnce)*portsOfWorld }

func (w *World) key(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: w.namespace(), Name: name}
}

// own makes a value of testdata one of the world. It changes a copy.
func (w *World) own(value any) any {
	namespace, place := w.namespace(), w.place()
	return mapped(copied(value), func(leaf any) any {
		switch leaf := leaf.(type) {
		case string:
			return strings.ReplaceAll(leaf, namespaceName, namespace)
		case int64:
			switch {
			case leaf == goodPort:
				return w.Backends.Good
			case leaf == webPort:
				return w.Backends.Web
			case leaf >= firstPort && leaf < goodPort:
				return leaf - firstPort + place
			}
		}
		return leaf
	})
}

// subject is the mutated object.
func (w *World) subject() map[string]any {
	return w.own(apply(w.Variant.Subject, w.Mutations...)).(map[string]any)
}

// Probe is a request of a client of the neighbour.
type Probe struct {
	Port int64
	Host string
	// Proxied: the connection begins with a PROXY header.
	Proxied bool
}

// probes are the hosts of the neighbour: the one that it shares, its own, one of its wildcard.
func (w *World) probes(proxied bool) (probes []Probe) {
	for _, host := range []string{"shared.", "own.", "some.wild."} {
		probes = append(probes, Probe{Port: w.place(), Host: host + w.namespace() + ".test", Proxied: proxied})
	}
	return probes
}

// needsProxyHeader reports whether the subject, where it is accepted, has the Gateway close connections without a PROXY header.
func (w *World) needsProxyHeader() bool {
	if w.Variant.Kind.Name != string(store.GatewayParameters) {
		return false
	}
	header, set, _ := unstructured.NestedMap(w.subject(), "spec", "client", "proxyProtocol")
	return set && header["optional"] != true
}

// movesNeighbour reports whether a mutation is about the very listener that the neighbour is attached to, or
// about all listeners: where the neighbour is served is then for the owner of the Gateway to say.
func (w *World) movesNeighbour() bool {
	list := Path{"spec", "listeners"}
	for _, m := range w.Mutations {
		if !w.Variant.Kind.owner || !m.Path.within(list) {
			continue
		}
		if len(m.Path) == len(list) {
			return true
		}
		listeners, _, _ := unstructured.NestedSlice(w.Variant.Subject, "spec", "listeners")
		if at, is := m.Path[len(list)].(int); is && listeners[at].(map[string]any)["name"] == "http" {
			return true
		}
	}
	return false
}
