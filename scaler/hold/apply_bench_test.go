package hold_test

import (
	"fmt"
	"testing"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/hold"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/translate"
)

// discarding is a publisher without proxies.
type discarding struct{}

func (discarding) Apply(ir.Key, resource.Change) {}
func (discarding) Ready(ir.Key)                  {}
func (discarding) Forget(ir.Key)                 {}

func (discarding) Accepted(ir.Key, resource.Key) map[string]publish.ACKState { return nil }

// What the gate costs per backend: a cluster that is counted, and 3 endpoints, not held and held.
func BenchmarkGateApply(b *testing.B) {
	for _, held := range []bool{false, true} {
		b.Run(fmt.Sprintf("held=%t", held), func(b *testing.B) {
			gate := hold.NewGate(hold.Options{Publisher: discarding{}, Catalog: scaler.NewCatalog()})
			gate.Ready(ir.Key(gatewayKey))
			one := func(made resource.Resource, err error) resource.Resource {
				if err != nil {
					b.Fatal(err)
				}
				return made
			}
			key := ir.ClusterKey{Kind: ir.BackendService, Namespace: "shop", Name: "web", Port: 80}
			addresses := []ir.Endpoint{{Address: "10.0.0.1", Port: 8080}, {Address: "10.0.0.2", Port: 8080}, {Address: "10.0.0.3", Port: 8080}}
			endpoints := one(translate.Endpoints(ir.Endpoints{Key: key, Addresses: addresses}))
			if held {
				gate.Apply(ir.Key(gatewayKey),
					resource.Change{Upsert: []resource.Resource{one(translate.Endpoints(ir.Endpoints{Key: key.HoldCluster()}))}})
			}
			key.Demand = "web-0"
			cluster := one(translate.Cluster(ir.Cluster{Key: key, Protocol: ir.HTTP1}))
			b.ReportAllocs()
			for b.Loop() {
				gate.Apply(ir.Key(gatewayKey), resource.Change{Upsert: []resource.Resource{cluster, endpoints}})
			}
		})
	}
}
