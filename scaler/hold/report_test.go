package hold_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/kedify/inference-gateway/scaler/hold"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
)

// reporting notes the resources whose ACKs the gate wants to know.
type reporting struct {
	hold.Publisher
	names map[string]struct{}
}

func (r *reporting) Apply(gateway ir.Key, change resource.Change) {
	for _, changed := range change.Upsert {
		if delete(r.names, changed.Name); changed.ReportACKs {
			r.names[changed.Name] = struct{}{}
		}
	}
	r.Publisher.Apply(gateway, change)
}

// ACKs are reported for held backends only: an ACK takes a goroutine and the lock of the gateway.
func TestReportACKs(t *testing.T) {
	next := &reporting{names: map[string]struct{}{}}
	r := newRig(t, service(), func(o *hold.Options) {
		next.Publisher = o.Publisher
		o.Publisher = next
	})
	want := func(names ...string) {
		t.Helper()
		if got := slices.Sorted(maps.Keys(next.names)); !slices.Equal(got, names) {
			t.Errorf("ACKs are reported of %v, want %v", got, names)
		}
	}
	r.apply(deltatest.Endpoints(t, "service/shop/other/80", 1), r.assignment(1))
	r.gate.Ready(ir.Key(gatewayKey))
	want()
	r.apply(r.holdAssignment())
	want(r.name(), r.name()+hold.Suffix)
	r.endpoints(2)
	want(r.name(), r.name()+hold.Suffix)
	r.gate.Apply(ir.Key(gatewayKey), resource.Change{Remove: []resource.Key{r.holdAssignment().Key}})
	want(r.name() + hold.Suffix) // removed, so nothing comes of it
}
