package pickerdelay_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"google.golang.org/protobuf/proto"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/pickerdelay"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
	"github.com/kedify/inference-gateway/xds/translate"
)

var gateway = ir.Key{Namespace: "app", Name: "gw"}

var (
	closed = ir.ClusterKey{Kind: ir.BackendPicker, Namespace: "app", Name: "epp", Port: 9002}
	open   = ir.ClusterKey{Kind: ir.BackendPicker, Namespace: "app", Name: "epp", Port: 9002, FailOpen: true}
)

// endpoints are what the engine wants.
func endpoints(t *testing.T, key ir.ClusterKey, ports ...uint32) resource.Resource {
	t.Helper()
	wanted := ir.Endpoints{Key: key}
	for _, port := range ports {
		wanted.Addresses = append(wanted.Addresses, ir.Endpoint{Address: "127.0.0.1", Port: port})
	}
	made, err := translate.Endpoints(wanted)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

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
	const delay = pickerdelay.DefaultDelay
	for name, tt := range map[string]struct {
		picker ir.ClusterKey
		steps  []step
	}{
		"the first version passes": {open, []step{{set: []uint32{1, 2}, want: []uint32{1, 2}}}},
		"a new endpoint is delayed": {open, []step{
			{set: []uint32{}, want: []uint32{}},
			{set: []uint32{1}, want: []uint32{}},
			{none: true, after: delay - 1, want: []uint32{}},
			{none: true, after: 1, want: []uint32{1}},
		}},
		"the other endpoints stay": {open, []step{
			{set: []uint32{1}, want: []uint32{1}},
			{set: []uint32{1, 2}, want: []uint32{1}},
			{none: true, after: delay, want: []uint32{1, 2}},
		}},
		"each endpoint has a delay of its own": {open, []step{
			{set: []uint32{}, want: []uint32{}},
			{set: []uint32{1}, after: delay / 2, want: []uint32{}},
			{set: []uint32{1, 2}, after: delay / 2, want: []uint32{1}},
			{none: true, after: delay / 2, want: []uint32{1, 2}},
		}},
		"an endpoint that goes does so at once": {open, []step{
			{set: []uint32{1, 2}, want: []uint32{1, 2}},
			{set: []uint32{2}, want: []uint32{2}},
		}},
		"an endpoint that goes during its delay does not come": {open, []step{
			{set: []uint32{}, want: []uint32{}},
			{set: []uint32{1}, want: []uint32{}},
			{set: []uint32{}, after: 2 * delay, want: []uint32{}},
		}},
		"an endpoint that comes back is delayed again": {open, []step{
			{set: []uint32{1}, want: []uint32{1}},
			{set: []uint32{}, want: []uint32{}},
			{set: []uint32{1}, after: delay / 2, want: []uint32{}},
			{none: true, after: delay / 2, want: []uint32{1}},
		}},
		"a picker that fails closed": {closed, []step{
			{set: []uint32{}, want: []uint32{}},
			{set: []uint32{1}, want: []uint32{1}},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			clock, after := deltatest.NewClock(), &next{published: map[string][]uint32{}}
			stage := pickerdelay.New(pickerdelay.Options{Next: after, Clock: clock})
			for i, step := range tt.steps {
				if !step.none {
					stage.Apply(gateway, resource.Change{Upsert: []resource.Resource{endpoints(t, tt.picker, step.set...)}})
				}
				clock.Advance(step.after)
				if got := after.published[tt.picker.String()]; !slices.Equal(got, step.want) {
					t.Fatalf("step %d: proxies have %v, want %v", i, got, step.want)
				}
			}
		})
	}
}

// Nothing is published of a name or a gateway that is gone.
func TestForgotten(t *testing.T) {
	for name, end := range map[string]func(*pickerdelay.Stage){
		"removed": func(s *pickerdelay.Stage) {
			s.Apply(gateway, resource.Change{Remove: []resource.Key{{Type: resource.Endpoint, Name: open.String()}}})
		},
		"forgotten": func(s *pickerdelay.Stage) { s.Forget(gateway) },
	} {
		t.Run(name, func(t *testing.T) {
			clock, after := deltatest.NewClock(), &next{published: map[string][]uint32{}}
			stage := pickerdelay.New(pickerdelay.Options{Next: after, Clock: clock})
			for _, ports := range [][]uint32{{}, {1}} {
				stage.Apply(gateway, resource.Change{Upsert: []resource.Resource{endpoints(t, open, ports...)}})
			}
			end(stage)
			calls := after.calls
			clock.Advance(2 * pickerdelay.DefaultDelay)
			if after.calls != calls {
				t.Error("published after the end")
			}
		})
	}
}

func TestPassesOn(t *testing.T) {
	after := &next{published: map[string][]uint32{}}
	stage := pickerdelay.New(pickerdelay.Options{Next: after})
	stage.Ready(gateway)
	stage.Forget(gateway)
	if got := strings.Join(after.told, ", "); got != "ready app/gw, forget app/gw" {
		t.Error(got)
	}
}

// slow keeps the changes of one gateway waiting until it is told to go on.
type slow struct {
	next
	gateway ir.Key
	entered chan struct{}
	goOn    chan struct{}
}

func (s *slow) Apply(gateway ir.Key, _ resource.Change) {
	if gateway == s.gateway {
		close(s.entered)
		<-s.goOn
	}
}

// The changes of one gateway do not wait for those of another.
func TestGatewaysAreApart(*testing.T) {
	after := &slow{gateway: gateway, entered: make(chan struct{}), goOn: make(chan struct{})}
	stage := pickerdelay.New(pickerdelay.Options{Next: after})
	done := make(chan struct{})
	go func() {
		defer close(done)
		stage.Apply(gateway, resource.Change{})
	}()
	<-after.entered
	stage.Apply(ir.Key{Namespace: "app", Name: "other"}, resource.Change{})
	close(after.goOn)
	<-done
}
