package bootstrap

import (
	"time"

	overloadv3 "github.com/envoyproxy/go-control-plane/envoy/config/overload/v3"
	connectionsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/resource_monitors/downstream_connections/v3"
	heapv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/resource_monitors/fixed_heap/v3"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	heapMonitor     = "envoy.resource_monitors.fixed_heap"
	refreshInterval = 250 * time.Millisecond

	shrinkAt = 0.90
	resetAt  = 0.95
	refuseAt = 0.98
)

// trackedPowerOfTwo: streams with buffers of 2^18 bytes, 256 KiB, or more may be reset.
const trackedPowerOfTwo = 18

// maxConnections of clients is in effect no limit: descriptors and memory end first. It is set
// because Envoy warns at every start without it.
const maxConnections = 1_000_000

// overloadManager sheds load before the kernel kills the process, which would cut every
// stream; only with a limit of the heap.
func overloadManager(c Config) (*overloadv3.OverloadManager, error) {
	connections, err := packed(&connectionsv3.DownstreamConnectionsConfig{MaxActiveDownstreamConnections: maxConnections})
	if err != nil {
		return nil, err
	}
	manager := &overloadv3.OverloadManager{
		RefreshInterval: durationpb.New(refreshInterval),
		ResourceMonitors: []*overloadv3.ResourceMonitor{{
			Name:       "envoy.resource_monitors.global_downstream_max_connections",
			ConfigType: &overloadv3.ResourceMonitor_TypedConfig{TypedConfig: connections},
		}},
	}
	if c.MaxHeapBytes == 0 {
		return manager, nil
	}
	return manager, limitHeap(manager, c.MaxHeapBytes)
}

func limitHeap(manager *overloadv3.OverloadManager, bytes uint64) error {
	config, err := packed(&heapv3.FixedHeapConfig{MaxHeapSizeBytes: bytes})
	if err != nil {
		return err
	}
	at := func(name string, threshold float64) *overloadv3.OverloadAction {
		return &overloadv3.OverloadAction{Name: name, Triggers: []*overloadv3.Trigger{{
			Name:         heapMonitor,
			TriggerOneof: &overloadv3.Trigger_Threshold{Threshold: &overloadv3.ThresholdTrigger{Value: threshold}},
		}}}
	}
	reset := &overloadv3.OverloadAction{
		Name: "envoy.overload_actions.reset_high_memory_stream",
		Triggers: []*overloadv3.Trigger{{
			Name: heapMonitor,
			TriggerOneof: &overloadv3.Trigger_Scaled{Scaled: &overloadv3.ScaledTrigger{
				ScalingThreshold: resetAt, SaturationThreshold: refuseAt,
			}},
		}},
	}
	// Streams are counted from 256 KiB of buffers on, the window of an HTTP/2 stream: a held request with a large body
	// has that or somewhat more, and could not be chosen otherwise. Smaller ones are not worth resetting.
	manager.BufferFactoryConfig = &overloadv3.BufferFactoryConfig{MinimumAccountToTrackPowerOfTwo: trackedPowerOfTwo}
	manager.ResourceMonitors = append(manager.ResourceMonitors, &overloadv3.ResourceMonitor{
		Name: heapMonitor, ConfigType: &overloadv3.ResourceMonitor_TypedConfig{TypedConfig: config},
	})
	manager.Actions = []*overloadv3.OverloadAction{
		at("envoy.overload_actions.shrink_heap", shrinkAt),
		reset,
		at("envoy.overload_actions.stop_accepting_requests", refuseAt),
	}
	return nil
}
