package hold_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/metadata"
	"k8s.io/utils/ptr"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/hold"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
)

// waitedCases are requests at a backend without endpoints, and what is reported about them in the end.
var waitedCases = map[string]struct {
	do   func(*rig)
	want []string
}{
	"released": {func(r *rig) {
		first, second := r.ask("a"), (*request)(nil)
		r.holds(1)
		r.advance(time.Second)
		second = r.ask("a")
		r.holds(2)
		r.advance(2 * time.Second)
		r.endpoints(1, 2, 3)
		first.wants("go cold")
		second.wants("go cold")
		r.advance(time.Minute) // proxies may be late to read it
		first.confirm()
		second.confirm()
		again := r.ask("a")
		again.wants("go")
		again.confirm()
	}, []string{"released position 1 endpoints 3 after 3s", "released position 2 endpoints 3 after 2s"}},
	"timeout": {func(r *rig) {
		r.ask("a").waits()
		r.advance(hold.DefaultTimeout)
	}, []string{"timeout failed position 1 endpoints 0 after 55s"}},
	"client gone": {func(r *rig) {
		q := r.ask("a")
		r.holds(1)
		q.end()
	}, []string{"client_gone position 1 endpoints 0 after 0s"}},
	"another replica": {func(r *rig) {
		r.ask("a").waits()
		r.activator.Stop()
	}, []string{"elsewhere position 1 endpoints 0 after 0s"}},
	"withdrawn": {func(r *rig) {
		r.ask("a").waits()
		r.gate.Apply(ir.Key(gatewayKey), resource.Change{Remove: []resource.Key{r.holdAssignment().Key, r.assignment().Key}})
		r.quiet()
		r.ask("a").wants("503 after 5")
	}, []string{"withdrawn failed position 1 endpoints 0 after 0s", "withdrawn failed position 0 endpoints 0 after 0s"}},
	"paused": {func(r *rig) {
		r.trigger(func(s *scaler.Scaler) { s.Spec.Scale.StaysAtZero = true })
		r.ask("a").wants("503 after 5")
	}, []string{"paused failed position 0 endpoints 0 after 0s"}},
	"a limit": {func(r *rig) {
		r.trigger(func(s *scaler.Scaler) { s.Spec.Hold.MaxPending = ptr.To[int32](1) })
		r.ask("a").waits()
		r.ask("a").wants("503 after 5")
	}, []string{"max_pending failed position 0 endpoints 0 after 0s"}},
	"pages and probes": {func(r *rig) {
		r.trigger(func(s *scaler.Scaler) {
			s.WaitingPage = &scaler.Page{Status: 503}
			s.Spec.HealthCheck = v1alpha1.HTTPScalerHealthCheck{Path: "/alive"}
		})
		r.ask("a", browser...).wants("503")
		r.ask("a", ":method", "GET", ":path", "/alive").wants("200")
		r.trigger(func(s *scaler.Scaler) { s.Maintenance = &scaler.Page{Status: 503} })
		r.ask("a").wants("503")
	}, nil},
}

// TestWaited: every request that was held is reported with what ended its wait, and every one that the product failed because it could
// not be held; no other one is. The report comes after the answer.
func TestWaited(t *testing.T) {
	for name, c := range waitedCases {
		t.Run(name, bubble(func(t *testing.T) {
			told := &fates{}
			r := newRig(t, service(), func(o *hold.Options) {
				o.AtZero = func(*scaler.Scaler) bool { return true }
				o.Waited = func(ctx context.Context, w hold.Wait) {
					failed := map[bool]string{true: " failed"}[w.Failed]
					told.note("%s%s position %d endpoints %d after %s", w.Answer, failed, w.Position, w.Endpoints, w.Until.Sub(w.Since))
					if md, _ := metadata.FromIncomingContext(ctx); len(md) == 0 || w.Gateway != gatewayKey || w.Scaler.Key != webKey {
						t.Errorf("%v of %s, %v", md, w.Gateway, w.Scaler)
					}
				}
			})
			r.world()
			r.gate.Ready(ir.Key(gatewayKey))
			r.connect("a")
			c.do(r)
			synctest.Wait()
			told.wants(t, c.want...)
		}))
	}
}
