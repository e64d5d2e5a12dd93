package engine

import (
	"fmt"
	"hash/crc32"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/resource"
)

// FuzzIncrementalEqualsFull applies a random sequence of events, flushing at random moments,
// and compares what was published and wanted in the end with a model that saw only the end.
func FuzzIncrementalEqualsFull(f *testing.F) {
	for seed := range uint64(60) {
		f.Add(seed, uint8(80))
	}
	f.Fuzz(func(t *testing.T, seed uint64, steps uint8) {
		world := newWorld(seed)
		world.populate()
		world.model.Synced()
		for range steps {
			world.step(t)
			if world.random.IntN(3) == 0 {
				world.flush()
			}
		}
		world.flush()

		want := world.full()
		if len(world.out.failures) > 0 {
			t.Fatalf("seed %d: render failures: %v", seed, world.out.failures)
		}
		if len(world.out.repeated) > 0 {
			t.Fatalf("seed %d: told again: %q", seed, world.out.repeated)
		}
		if diff := cmp.Diff(want.state(), world.out.state()); diff != "" {
			t.Fatalf("seed %d: incremental differs from full (-full +incremental):\n%s", seed, diff)
		}
		world.clear()
		world.flush()
		if left := leftovers(world.model); len(left) > 0 {
			t.Fatalf("seed %d: a model without objects keeps %v", seed, left)
		}
	})
}

// full is what a model outputs that saw the end of a world alone.
func (w *world) full() *recorder {
	out := newRecorder()
	m := New(out, class.Setting{})
	for key, object := range w.objects {
		m.Set(key.kind, object)
	}
	for gateway, delivery := range w.deliveries {
		m.Deliver(gateway, delivery)
	}
	for gateway, problem := range w.problems {
		m.Built(gateway, problem)
	}
	for gateway, failure := range w.refused {
		m.Addressed(gateway, failure)
	}
	m.Installed(w.installed)
	m.Serve(store.ClusterTrustBundle, !w.unserved)
	m.Synced()
	m.Flush()
	return out
}

// FuzzFailuresLeaveNothing is the same with a renderer that fails for a quarter of all resources, others after each
// flush. When it fails no more and every unit was computed anew, nothing is left of the failures.
func FuzzFailuresLeaveNothing(f *testing.F) {
	for seed := range uint64(30) {
		f.Add(seed, uint8(120))
	}
	f.Fuzz(func(t *testing.T, seed uint64, steps uint8) {
		world := newWorld(seed)
		failing := &failing{model: world.model, out: world.out}
		failing.wrap()
		epoch := uint32(0)
		failing.fails = func(layer, name string) error {
			if crc32.ChecksumIEEE(fmt.Append(nil, layer, name, epoch))%4 == 0 {
				return errRender
			}
			return nil
		}
		world.populate()
		world.model.Synced()
		for range steps {
			world.step(t)
			if world.random.IntN(3) == 0 {
				world.flush()
				epoch++
			}
		}
		failing.fails = nil
		failing.touchEverything()
		world.flush()
		world.out.failures = nil // those on the way
		if diff := cmp.Diff(world.full().state(), world.out.state()); diff != "" {
			t.Fatalf("seed %d: incremental differs from full (-full +incremental):\n%s", seed, diff)
		}
		if len(world.out.repeated) > 0 {
			t.Fatalf("seed %d: told again: %q", seed, world.out.repeated)
		}
		world.clear()
		world.flush()
		if left := leftovers(world.model); len(left) > 0 {
			t.Fatalf("seed %d: a model without objects keeps %v", seed, left)
		}
	})
}

// leftovers counts what a model keeps.
func leftovers(m *Model) map[string]int {
	left := map[string]int{
		"gateways": len(m.gateways.units), "pools": len(m.pools.units), "routes": len(m.routes.units), "ports": len(m.ports.units),
		"hosts": len(m.hosts.units), "wildcards": len(m.wildcards.units), "listeners": len(m.listeners.units),
		"clusters": len(m.clusters.units), "endpoints": len(m.endpoints.units), "secrets": len(m.secrets.units),
		"scalers": len(m.scalers.units), "modelPods": len(m.modelPods.units), "statuses": len(m.statuses.units),
		"queued": len(m.hosts.queue) + len(m.clusters.queue) + len(m.statuses.queue), "nodes": len(m.graph.nodes),
		"failures": len(m.failures.bySource), "owners": len(m.owners), "tables": len(m.tables),
		"pending": len(m.pending), "fragments": len(m.fragments.at), "forwards": len(m.fragments.forwards),
		"patterns": len(m.fragments.patterns), "exact": len(m.fragments.exact), "attached": len(m.fragments.attached),
		"used pools": len(m.usage.pools), "used xbackends": len(m.usage.xBackends), "used services": len(m.usage.services),
		"used demands":          len(m.usage.demands),
		"gateways of endpoints": len(m.usage.gateways),
	}
	maps.DeleteFunc(left, func(_ string, count int) bool { return count == 0 })
	return left
}

// TestRandomWorldsAreWorthIt checks that the worlds of the fuzz test have what can go wrong:
// resources of each type that come and go, and statuses of each kind.
func TestRandomWorldsAreWorthIt(t *testing.T) {
	seen := map[resource.Type]int{}
	statuses := map[store.Kind]int{}
	reattached, attached := 0, 0
	for seed := range uint64(40) {
		world := newWorld(seed)
		world.populate()
		world.model.Synced()
		for range 80 {
			world.step(t)
			world.flush()
			for _, resources := range world.out.resources {
				for key := range resources {
					seen[key.Type]++
				}
			}
			for object := range world.out.statuses {
				statuses[object.Kind]++
			}
			attached += len(world.out.attached)
		}
		reattached += world.out.reattached
	}
	if reattached < 200 || attached < 1000 {
		t.Errorf("%d attachments changed, %d were seen; the worlds are too poor", reattached, attached)
	}
	for _, kind := range resource.Types {
		if seen[kind] < 1000 {
			t.Errorf("%s was seen %d times in 40 worlds of 80 steps; the worlds are too poor", kind, seen[kind])
		}
	}
	for kind, units := range New(newRecorder(), class.Setting{}).kinds {
		if units.status != nil && statuses[kind] < 100 {
			t.Errorf("statuses of %s were seen %d times in 40 worlds of 80 steps; the worlds are too poor", kind, statuses[kind])
		}
	}
}

// TestWorldHasEveryKind: a kind that the store gains has a generator.
func TestWorldHasEveryKind(t *testing.T) {
	for _, row := range store.Rows {
		if generators[row.Kind] == nil {
			t.Errorf("the fuzz world has no generator of %s", row.Kind)
		}
	}
}
