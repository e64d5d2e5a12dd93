package main

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/translate"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	namespace = "shop"
	// port of the Services; it has no listener, endpoints say where the backends are.
	port = 8080

	// window of every rate.
	window = 10 * time.Second

	// active keys carry the steady load; each of those after them has a load of its own.
	active = 10
)

// Keys by their number; those that are not named here are never asked about.
const (
	keyStep = active + iota
	keyOnOff
	keyStreams
	keyRetries
	keyRefused
	keyCut
	keyPlain
	keyWork
	firstUnused
)

// layout is what both processes know.
type layout struct {
	Clusters int
	// Backend answers 200, Failing 503, Refusing refuses connections: ports of the loopback.
	Backend, Failing, Refusing uint32
	// Listen is the port of each Envoy, by the name of its gateway.
	Listen map[string]uint32
}

// Names of the gateways: with the sink, and without.
const (
	withSink    = "sink"
	withoutSink = "limit"
)

func gatewayKey(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: "bench", Name: name}
}

func workload(i int) string { return fmt.Sprintf("w%05d", i) }

// demandKey is the HTTPScaler of the workload's only trigger.
func demandKey(i int) types.NamespacedName {
	return types.NamespacedName{Namespace: namespace, Name: workload(i) + "-0"}
}

func host(i int) string { return workload(i) + ".counting.example.com" }

// trigger is what the Registry is told to count.
func trigger(i int) *scaler.Scaler {
	s := &scaler.Scaler{Key: demandKey(i), Gateways: []types.NamespacedName{gatewayKey(withSink)}}
	s.Spec.Type = v1alpha1.TriggerHTTP
	s.Spec.ScaledObject, s.Spec.Trigger = workload(i), "0"
	s.Spec.Metric = v1alpha1.HTTPScalerMetric{
		Type: v1alpha1.RequestRate, Target: 10,
		RequestRate: &v1alpha1.RequestRateMetric{
			Window: metav1.Duration{Duration: window}, Granularity: metav1.Duration{Duration: time.Second},
		},
	}
	if i == keyStreams {
		s.Spec.Metric.Type, s.Spec.Metric.RequestRate = v1alpha1.Concurrency, nil
		s.Spec.Metric.Concurrency = &v1alpha1.ConcurrencyMetric{Aggregation: v1alpha1.AggregationInstant}
	}
	return s
}

// resources are what the proxies of one gateway are given.
func (l layout) resources(gateway string) (change resource.Change, err error) {
	chain := fmt.Sprint(l.Listen[gateway])
	bound, err := translate.Listener(ir.Listener{Port: l.Listen[gateway], Transport: ir.TCP, Chains: []ir.Chain{{ID: chain}}})
	if err != nil {
		return change, err
	}
	scope, route, err := translate.Wildcards(ir.Wildcards{Chain: chain})
	if err != nil {
		return change, err
	}
	change.Upsert = []resource.Resource{bound, scope, route}
	for i := range l.Clusters {
		key := ir.ClusterKey{Kind: ir.BackendService, Namespace: namespace, Name: workload(i), Port: port, Demand: demandKey(i).Name}
		cluster, err := translate.Cluster(ir.Cluster{Key: key, Protocol: ir.HTTP1, CountWork: i == keyWork})
		if err != nil {
			return change, err
		}
		endpoints, err := translate.Endpoints(ir.Endpoints{Key: key, Addresses: l.endpoints(i)})
		if err != nil {
			return change, err
		}
		scope, route, err := translate.Host(ir.Host{Chain: chain, Hostname: host(i), Routes: []ir.Route{{
			Name:   "HTTPRoute/" + namespace + "/" + workload(i),
			Match:  ir.Match{Path: ir.PathMatch{Kind: ir.PathPrefix, Value: "/"}},
			Action: &ir.Forward{Targets: []ir.Target{{Cluster: key, Weight: 1}}, Retry: retry(i)},
		}}})
		if err != nil {
			return change, err
		}
		change.Upsert = append(change.Upsert, cluster, endpoints, scope, route)
	}
	return change, nil
}

// endpoints of a workload: some have one that fails.
func (l layout) endpoints(i int) []ir.Endpoint {
	ports := []uint32{l.Backend}
	switch i {
	case keyRetries:
		ports = append(ports, l.Failing)
	case keyRefused:
		ports = append(ports, l.Refusing)
	}
	var all []ir.Endpoint
	for _, p := range ports {
		all = append(all, ir.Endpoint{Address: "127.0.0.1", Port: p})
	}
	return all
}

func retry(i int) *ir.Retry {
	if i != keyRetries && i != keyRefused {
		return nil
	}
	return &ir.Retry{Attempts: 3, Codes: []uint32{503}, Backoff: 25 * time.Millisecond}
}
