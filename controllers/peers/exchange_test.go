package peers_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/xds/ir"

	"k8s.io/apimachinery/pkg/types"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/kedify/inference-gateway/controllers/peers"
	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
)

func listener(t *testing.T, port uint32) []resource.Resource {
	return []resource.Resource{deltatest.Listener(t, "l", port)}
}

// A listener is served for replica a when a proxy of replica b accepted what a desires.
func TestServedElsewhere(t *testing.T) {
	c := newCluster(t)
	a, b := c.replica("a"), c.replica("b")
	applies(listener(t, 80), a, b)
	a.delivers("nothing is served", func(d publish.Delivery) bool { return d.Versions["l"] != "" && !d.Listeners["l"] })
	p := b.proxy(deltatest.Options{})
	a.delivers("the proxy of b serves", served("l"))
	a.follows(1)
	if states := a.exchange.Elsewhere(gatewayKey); !states[0].Connected || states[0].Replica != "b" {
		t.Errorf("elsewhere: %+v", states)
	}

	applies(listener(t, 81), a) // a is ahead of b
	a.delivers("the proxy of b lags", func(d publish.Delivery) bool { return d.Connected == 1 && !d.Listeners["l"] })
	p.Pause(resource.Listener)
	applies(listener(t, 81), b)
	time.Sleep(3 * fadeDelay)
	if served("l")(a.last()) {
		t.Fatal("served before the proxy acknowledged")
	}
	p.Resume(resource.Listener)
	a.delivers("the proxy of b has caught up", func(d publish.Delivery) bool { return served("l")(d) && d.Synced })
}

// What a proxy at b refuses is not served, although another proxy accepted it.
func TestRejectedElsewhere(t *testing.T) {
	c := newCluster(t)
	a, b := c.replica("a"), c.replica("b")
	applies(listener(t, 80), a, b)
	a.proxy(deltatest.Options{Node: "one"})
	a.delivers("a serves", served("l"))
	b.proxy(deltatest.Options{Node: "two", Reject: func(key resource.Key, _ []byte) string { return "no " + key.Name }})
	for _, r := range []*replica{a, b} {
		r.delivers("the rejection", func(d publish.Delivery) bool {
			return d.Connected == 2 && !d.Listeners["l"] && len(d.Rejected) == 1 && d.Rejected[0].Node == "two" && d.Rejected[0].Message == "no l"
		})
	}
	applies(listener(t, 81), a) // the rejection is not about this
	a.delivers("the end of the rejection", func(d publish.Delivery) bool { return len(d.Rejected) == 0 && served("l")(d) })
}

// The proxies of a replica that died count for the grace, and not longer.
func TestPeerDies(t *testing.T) {
	c := newCluster(t)
	a, b := c.replica("a"), c.replica("b")
	applies(listener(t, 80), a, b)
	b.proxy(deltatest.Options{})
	a.delivers("the proxy of b serves", served("l"))
	died := time.Now()
	b.stop()
	stopped := time.Now()
	a.delivers("the end of the grace", func(d publish.Delivery) bool { return d.Connected == 0 && !d.Listeners["l"] })
	if took := time.Since(died); took < fadeDelay || time.Since(stopped) > grace+fadeDelay+time.Second {
		t.Errorf("after %s", took)
	}
	a.follows(0)
}

// A proxy that moves to another replica within the grace changes no delivery.
func TestProxyMoves(t *testing.T) {
	c := newCluster(t)
	a, b, leader := c.replica("a"), c.replica("b"), c.replica("leader")
	applies(listener(t, 80), a, b, leader)
	p := b.proxy(deltatest.Options{})
	leader.delivers("the proxy of b serves", served("l"))
	before := len(leader.all())
	b.stop()
	p.Wait("the end of the stream", func(s deltatest.State) bool { return s.Ended() })
	p.Redial(a.dial)
	p.Reconnect()
	a.delivers("the proxy of a serves", served("l"))
	time.Sleep(grace + 2*fadeDelay)
	for _, d := range leader.all()[before:] {
		if !served("l")(d) {
			t.Errorf("the leader was told %+v", d)
		}
	}
}

// The first envelope of a stream replaces all that the peer had said.
func TestSnapshotReplaces(t *testing.T) {
	c := newCluster(t)
	a, b := c.replica("a"), c.replica("b")
	applies(listener(t, 80), a, b)
	b.proxy(deltatest.Options{})
	a.delivers("the proxy of b serves", served("l"))
	b.stop()
	again := c.replicaAt("b2", b.address) // same address, knows no gateway
	a.delivers("that it knows nothing", func(d publish.Delivery) bool { return d.Connected == 0 })
	applies(listener(t, 80), again)
	again.proxy(deltatest.Options{})
	a.delivers("the proxy of the new replica serves", served("l"))
	if states := a.exchange.Elsewhere(gatewayKey); len(states) != 1 || states[0].Replica != "b2" {
		t.Errorf("elsewhere: %+v", states)
	}
	again.publisher.Forget(ir.Key(gatewayKey))
	again.exchange.Forget(gatewayKey)
	a.delivers("that it was forgotten", func(d publish.Delivery) bool { return d.Connected == 0 })
	a.follows(0)
}

// A gateway that was forgotten here is told no more, even if the other replicas still tell of it.
func TestForget(t *testing.T) {
	c := newCluster(t)
	a, b := c.replica("a"), c.replica("b")
	applies(listener(t, 80), a, b)
	a.delivers("the first delivery", func(d publish.Delivery) bool { return d.Versions["l"] != "" })
	a.follows(1)
	a.publisher.Forget(ir.Key(gatewayKey))
	a.exchange.Forget(gatewayKey)
	before := len(a.all())
	b.proxy(deltatest.Options{})
	b.delivers("b serves", served("l"))
	time.Sleep(2 * fadeDelay)
	if after := a.all(); len(after) != before {
		t.Errorf("told %+v", after[before:])
	}
	applies(listener(t, 80), a)
	a.delivers("what b says of it", served("l"))
}

// Only replicas may follow, and a replica is no Envoy.
func TestIdentities(t *testing.T) {
	c := newCluster(t)
	a := c.replica("a")
	applies(listener(t, 80), a)
	for identity, code := range map[string]codes.Code{
		server.ReplicaIdentity:                  codes.OK,
		server.Identity(gatewayKey, "u-1"):      codes.PermissionDenied,
		"spiffe://kedify-gateway/replica/other": codes.PermissionDenied,
	} {
		if _, err := a.first(identity); status.Code(err) != code {
			t.Errorf("%s: %v, not %s", identity, err, code)
		}
	}
	p := deltatest.New(t, deltatest.Options{Gateway: ir.Key(gatewayKey), Dial: a.dial, Credentials: a.credentials(server.ReplicaIdentity)})
	if err := p.TryConnect(); err == nil {
		p.Wait("the end of the stream", func(s deltatest.State) bool { return s.Ended() })
		if status.Code(p.Err()) != codes.Unauthenticated {
			t.Errorf("an ADS stream of a replica: %v", p.Err())
		}
	}
}

// first opens a stream and returns its first message.
func (r *replica) first(identity string) (*wrapperspb.BytesValue, error) {
	stream, err := r.connection(identity).NewStream(r.t.Context(), peers.Stream, peers.Method)
	if err != nil {
		return nil, err
	}
	hello, err := peers.Hello()
	if err != nil {
		return nil, err
	}
	if err := stream.SendMsg(hello); err != nil {
		return nil, err
	}
	message := &wrapperspb.BytesValue{}
	return message, stream.RecvMsg(message)
}

// A subscriber that does not read blocks no other, and then gets the newest state only.
func TestSlowReader(t *testing.T) {
	c := newCluster(t)
	a := c.replica("a")
	stream, err := a.connection(server.ReplicaIdentity).NewStream(t.Context(), peers.Stream, peers.Method)
	if err != nil {
		t.Fatal(err)
	}
	hello, _ := peers.Hello()
	if err := stream.SendMsg(hello); err != nil {
		t.Fatal(err)
	}
	const gateways, rounds = 50, 400 // 50 MiB if all were sent: far above what gRPC buffers
	key := func(i int) types.NamespacedName { return types.NamespacedName{Namespace: "many", Name: fmt.Sprint(i)} }
	for i := range gateways {
		a.publisher.Apply(ir.Key(key(i)), resource.Change{})
	}
	a.hears(gateways) // the publisher has said all that it will
	text := string(make([]byte, 400))
	start := time.Now()
	for round := range rounds {
		for i := range gateways {
			key := key(i)
			a.exchange.Deliver(publish.Delivery{Gateway: ir.Key(key), Connected: round, Versions: map[string]string{"l": text}})
		}
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("a reader that does not read held the publisher up: %s", took)
	}
	newest := map[string]int{}
	received := 0
	for len(newest) < gateways || slices.ContainsFunc(values(newest), func(round int) bool { return round != rounds-1 }) {
		message := &wrapperspb.BytesValue{}
		if err := stream.RecvMsg(message); err != nil {
			t.Fatal(err)
		}
		said, err := peers.Open(message)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range said.Deliveries {
			received++
			if d.Gateway.Namespace == "many" {
				if d.Connected < newest[d.Gateway.Name] {
					t.Fatalf("gateway %s went back from %d to %d", d.Gateway.Name, newest[d.Gateway.Name], d.Connected)
				}
				newest[d.Gateway.Name] = d.Connected
			}
		}
	}
	if received > gateways*rounds/2 {
		t.Errorf("%d of %d states were sent to a reader that did not read", received, gateways*rounds)
	}
}

func values(of map[string]int) (all []int) {
	for _, value := range of {
		all = append(all, value)
	}
	return all
}
