package hold_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/hold"
	"github.com/kedify/inference-gateway/xds/ir"
)

// fates are the calls of Options.Answered and Options.Passed.
type fates struct {
	mu   sync.Mutex
	told []string
}

func (f *fates) note(format string, values ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.told = append(f.told, fmt.Sprintf(format, values...))
}

// wants compares the calls since the last one.
func (f *fates) wants(t *testing.T, want ...string) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.Equal(f.told, want) {
		t.Errorf("told %q, want %q", f.told, want)
	}
	f.told = nil
}

// What became of requests that found no endpoint is told, and of those that found one; of none that its client has left.
func TestFatesAreTold(t *testing.T) { synctest.Test(t, testFatesAreTold) }

func testFatesAreTold(t *testing.T) {
	told, zero := &fates{}, false
	r := newRig(t, service(), func(o *hold.Options) {
		o.Answered = func(key types.NamespacedName, served bool) { told.note("%s %v", key, served) }
		o.Passed = func(key types.NamespacedName) { told.note("%s passed", key) }
		o.AtZero = func(*scaler.Scaler) bool { return zero }
	})
	r.world()
	r.gate.Ready(ir.Key(gatewayKey))
	r.connect("a")

	waiting := r.ask("a")
	waiting.waits()
	told.wants(t)
	r.endpoints(1)
	waiting.wants("go cold")
	waiting.confirm()
	told.wants(t, "shop/web-0 true")
	passes := r.ask("a")
	passes.wants("go")
	passes.confirm()
	told.wants(t, "shop/web-0 passed")

	r.endpoints()
	r.advance(hold.DefaultLinger)
	waiting = r.ask("a")
	waiting.waits()
	r.advance(hold.DefaultTimeout)
	waiting.wants("504 after 5")
	told.wants(t, "shop/web-0 false")

	zero = true
	r.trigger(func(s *scaler.Scaler) { s.Spec.Scale.StaysAtZero = true })
	r.ask("a").wants("503 after 5")
	told.wants(t, "shop/web-0 false")

	zero = false
	waiting = r.ask("a")
	waiting.waits()
	r.activator.Stop() // it is sent to another replica
	synctest.Wait()
	told.wants(t)
}
