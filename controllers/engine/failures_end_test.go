package engine

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/store"
)

// failure, also when both happen between two flushes.
func TestRenderFailureEndsWithItsUnit(t *testing.T) {
	for _, flush := range []bool{true, false} {
		f := newFailing(t)
		f.fail("host")
		f.setRoute("exact", 2, "h1.example.com", "/v2", "s1")
		f.model.Flush()
		if f.programmed("exact") == "" {
			t.Fatal("the failure does not show")
		}
		f.model.Delete(store.HTTPRoute, types.NamespacedName{Namespace: "app", Name: "exact"})
		if flush {
			f.model.Flush()
			if len(f.model.failures.bySource) > 0 {
				t.Errorf("failures of a deleted route: %v", f.model.failures.bySource)
			}
		}
		f.fails = nil
		f.setRoute("exact", 1, "h2.example.com", "/", "s1")
		f.model.Flush()
		if got := f.programmed("exact"); got != "" {
			t.Errorf("flush %t: the new route has the condition %q", flush, got)
		}
		for key := range f.published() {
			if strings.Contains(key.Name, "h1.example.com") {
				t.Errorf("flush %t: %v of the deleted route is published", flush, key)
			}
		}
	}
}

// TestRenderFailureEndsWithItsGateway: nothing of a gateway that is gone remains.
func TestRenderFailureEndsWithItsGateway(t *testing.T) {
	for _, layer := range []string{"host", "wildcards", "listener", "cluster", "endpoints", "secret"} {
		f := newFailing(t)
		f.fail(layer)
		f.touchEverything()
		f.model.Flush()
		if len(f.out.failures) == 0 {
			t.Fatalf("%s: nothing failed", layer)
		}
		f.model.Delete(store.Gateway, failingGateway)
		f.model.Flush()
		if len(f.model.failures.bySource) > 0 {
			t.Errorf("%s: failures left: %v", layer, f.model.failures.bySource)
		}
		m := f.model
		if got := len(m.clusters.units) + len(m.endpoints.units) + len(m.secrets.units) + len(m.hosts.units); got > 0 {
			t.Errorf("%s: %d units left", layer, got)
		}
	}
}

// TestPanicStaysWithItsUnit: a panic is a render failure of the unit that panicked.
func TestPanicStaysWithItsUnit(t *testing.T) {
	f := newFailing(t)
	before := f.published()
	f.fails = func(layer, _ string) error {
		if layer == "host" {
			panic("index out of range")
		}
		return nil
	}
	f.setRoute("exact", 2, "h1.example.com", "/v2", "s1")
	f.setRoute("wild", 2, "*.example.org", "/v2", "s1")
	f.model.Flush()
	changed := 0
	for key, version := range f.published() {
		if before[key] != version {
			changed++
		}
	}
	if changed != 1 || len(f.published()) != len(before) {
		t.Errorf("%d resources changed, want the table of the other route alone", changed)
	}
	if got := f.programmed("exact"); !strings.Contains(got, "keep its previous version: panic: index out of range") {
		t.Errorf("condition %q", got)
	}
	if got := f.programmed("wild"); got != "" {
		t.Errorf("the other route has the condition %q", got)
	}
	f.fails = nil
	f.setRoute("exact", 3, "h1.example.com", "/v3", "s1")
	f.model.Flush()
	if got := f.programmed("exact"); got != "" {
		t.Errorf("condition after the panic: %q", got)
	}
}

// reason it is.
func TestRenderFailureIsToldOnce(t *testing.T) {
	f := newFailing(t)
	failure := errRender
	f.fails = func(layer, _ string) error {
		if layer == "host" {
			return failure
		}
		return nil
	}
	for i, step := range []struct {
		err  error
		told int
	}{{errRender, 1}, {errRender, 1}, {errors.New("another reason"), 2}} {
		failure = step.err
		f.setRoute("exact", int64(2+i), "h1.example.com", fmt.Sprintf("/v%d", 2+i), "s1")
		f.model.Flush()
		if len(f.out.failures) != step.told {
			t.Errorf("step %d: told %q, want %d", i, f.out.failures, step.told)
		}
		if got := f.programmed("exact"); !strings.HasSuffix(got, step.err.Error()) {
			t.Errorf("step %d: condition %q", i, got)
		}
	}
}

// that have a status for it.
func TestPanicNamesItsUnit(t *testing.T) {
	f := newFailing(t)
	f.model.Set(store.InferencePool, &inferencev1.InferencePool{ObjectMeta: f.meta("pool")})
	trigger := &v1alpha1.HTTPScaler{ObjectMeta: f.meta("trigger")}
	trigger.Spec.Metric.QueueDepth = &v1alpha1.QueueDepthMetric{}
	f.model.Set(store.HTTPScaler, trigger)
	f.model.Flush()
	m := f.model
	panics(m.gateways)
	panics(m.routes)
	panics(m.pools)
	panics(m.scalers)
	panics(m.modelPods)
	panics(m.ports)
	panics(m.hosts)
	panics(m.wildcards)
	panics(m.listeners)
	panics(m.clusters)
	panics(m.endpoints)
	panics(m.secrets)
	panics(m.statuses)
	f.touchEverything()
	f.model.Flush()
	sources := map[string][]string{}
	for source, failed := range m.failures.bySource {
		for _, failure := range failed {
			sources[failure.Unit] = append(sources[failure.Unit], source.String())
			if !failure.Kept {
				t.Errorf("%s lost its last result", failure.Unit)
			}
		}
	}
	for _, told := range f.out.failures {
		if unit, _, _ := strings.Cut(told, ": panic"); sources[unit] == nil {
			sources[unit] = nil
		}
	}
	want := map[string][]string{
		"Gateway app/gw":                       {"Gateway app/gw"},
		"ports of Gateway app/gw":              {"Gateway app/gw"},
		"HTTPRoute app/exact":                  {"HTTPRoute app/exact"},
		"HTTPRoute app/wild":                   {"HTTPRoute app/wild"},
		"HTTPScaler app/trigger":               {"HTTPScaler app/trigger"},
		"model Pods of HTTPScaler app/trigger": {"HTTPScaler app/trigger"},
		"InferencePool app/pool":               {"InferencePool app/pool"},
		// What these come from is known when they compute; a panic before that is in the log alone.
		"host h1.example.com of chain 80 of Gateway app/gw": nil,
		"wildcard hosts of chain 80 of Gateway app/gw":      nil,
		"wildcard hosts of chain 443/* of Gateway app/gw":   nil,
		"listener tcp/80 of Gateway app/gw":                 nil,
		"listener tcp/443 of Gateway app/gw":                nil,
		"listener tcp/5432 of Gateway app/gw":               nil,
		"cluster service/app/s1/80 of Gateway app/gw":       nil,
		"endpoints of service/app/s1/80":                    nil,
		"secret app/cert of Gateway app/gw":                 nil,
		"secret ca/policy/app/policy of Gateway app/gw":     nil,
		// A status cannot report on itself.
		"status of GatewayClass /kedify":        nil,
		"status of Gateway app/gw":              nil,
		"status of HTTPRoute app/exact":         nil,
		"status of HTTPRoute app/wild":          nil,
		"status of InferencePool app/pool":      nil,
		"status of BackendTLSPolicy app/policy": nil,
	}
	if diff := cmp.Diff(want, sources); diff != "" {
		t.Errorf("failed units and what they are reported on (-want +got):\n%s", diff)
	}
}

// panics makes every computation of a memo panic.
func panics[K comparable, V any](m *memo[K, V]) {
	m.compute = func(K, *computation) (*V, error) { panic("index out of range") }
}
