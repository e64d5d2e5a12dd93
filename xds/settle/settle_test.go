package settle_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"google.golang.org/protobuf/proto"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
	"github.com/kedify/inference-gateway/xds/settle"
)

var gateway = ir.Key{Namespace: "app", Name: "gw"}

const (
	open   = "picker/app/epp/9002/open"
	closed = "picker/app/epp/9002"
)

// next notes the endpoints that were published last, by name.
type next struct {
	published map[string][]uint32
	calls     int
	told      []string
}

func (n *next) Apply(_ ir.Key, change resource.Change) {
	n.calls++
	for _, r := range change.Upsert {
		message := &endpointv3.ClusterLoadAssignment{}
		if err := proto.Unmarshal(r.Body, message); err != nil {
			panic(err)
		}
		ports := []uint32{}
		for _, locality := range message.GetEndpoints() {
			for _, endpoint := range locality.GetLbEndpoints() {
				ports = append(ports, endpoint.GetEndpoint().GetAddress().GetSocketAddress().GetPortValue())
			}
		}
		n.published[r.Name] = ports
	}
	for _, key := range change.Remove {
		delete(n.published, key.Name)
	}
}

func (n *next) Ready(key ir.Key)  { n.told = append(n.told, "ready "+key.String()) }
func (n *next) Forget(key ir.Key) { n.told = append(n.told, "forget "+key.String()) }

// Each step changes the endpoints of one name, lets time pass, and says what proxies have then.
func TestStage(t *testing.T) {
	type step struct {
		set   []uint32
		none  bool // nothing is applied
		after time.Duration
		want  []uint32
	}
	const rest = settle.DefaultDelay
	for name, tt := range map[string]struct {
		resource string
		steps    []step
	}{
		"the first version passes": {open, []step{{set: []uint32{1, 2}, want: []uint32{1, 2}}}},
		"what joins rests": {open, []step{
			{set: []uint32{}, want: []uint32{}},
			{set: []uint32{1}, want: []uint32{}},
			{none: true, after: rest - 1, want: []uint32{}},
			{none: true, after: 1, want: []uint32{1}},
		}},
		"others stay meanwhile": {open, []step{
			{set: []uint32{1}, want: []uint32{1}},
			{set: []uint32{1, 2}, want: []uint32{1}},
			{none: true, after: rest, want: []uint32{1, 2}},
		}},
		"each has a rest of its own": {open, []step{
			{set: []uint32{}, want: []uint32{}},
			{set: []uint32{1}, after: rest / 2, want: []uint32{}},
			{set: []uint32{1, 2}, after: rest / 2, want: []uint32{1}},
			{none: true, after: rest / 2, want: []uint32{1, 2}},
		}},
		"what leaves does so at once": {open, []step{
			{set: []uint32{1, 2}, want: []uint32{1, 2}},
			{set: []uint32{2}, want: []uint32{2}},
		}},
		"what leaves while it rests does not come": {open, []step{
			{set: []uint32{}, want: []uint32{}},
			{set: []uint32{1}, want: []uint32{}},
			{set: []uint32{}, after: 2 * rest, want: []uint32{}},
		}},
		"what comes back rests again": {open, []step{
			{set: []uint32{1}, want: []uint32{1}},
			{set: []uint32{}, want: []uint32{}},
			{set: []uint32{1}, after: rest / 2, want: []uint32{}},
			{none: true, after: rest / 2, want: []uint32{1}},
		}},
		"a picker that fails closed": {closed, []step{
			{set: []uint32{}, want: []uint32{}},
			{set: []uint32{1}, want: []uint32{1}},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			clock, after := deltatest.NewClock(), &next{published: map[string][]uint32{}}
			stage := settle.New(settle.Options{Next: after, Clock: clock})
			for i, step := range tt.steps {
				if !step.none {
					stage.Apply(gateway, resource.Change{Upsert: []resource.Resource{deltatest.Endpoints(t, tt.resource, step.set...)}})
				}
				clock.Advance(step.after)
				if got := after.published[tt.resource]; !slices.Equal(got, step.want) {
					t.Fatalf("step %d: proxies have %v, want %v", i, got, step.want)
				}
			}
		})
	}
}

// A name or a gateway that goes takes its rests with it.
func TestForgotten(t *testing.T) {
	for name, end := range map[string]func(*settle.Stage){
		"removed": func(s *settle.Stage) {
			s.Apply(gateway, resource.Change{Remove: []resource.Key{{Type: resource.Endpoint, Name: open}}})
		},
		"forgotten": func(s *settle.Stage) { s.Forget(gateway) },
	} {
		t.Run(name, func(t *testing.T) {
			clock, after := deltatest.NewClock(), &next{published: map[string][]uint32{}}
			stage := settle.New(settle.Options{Next: after, Clock: clock})
			for _, ports := range [][]uint32{{}, {1}} {
				stage.Apply(gateway, resource.Change{Upsert: []resource.Resource{deltatest.Endpoints(t, open, ports...)}})
			}
			end(stage)
			calls := after.calls
			clock.Advance(2 * settle.DefaultDelay)
			if after.calls != calls {
				t.Error("published after the end")
			}
		})
	}
}

func TestPassesOn(t *testing.T) {
	after := &next{published: map[string][]uint32{}}
	stage := settle.New(settle.Options{Next: after})
	stage.Ready(gateway)
	stage.Forget(gateway)
	if got := strings.Join(after.told, ", "); got != "ready app/gw, forget app/gw" {
		t.Error(got)
	}
}
