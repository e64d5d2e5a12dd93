package study

import (
	"strconv"

	"github.com/kedify/inference-gateway/bench/scaling/fleet"
	"github.com/kedify/inference-gateway/bench/scaling/policy"
	"github.com/kedify/inference-gateway/scaler/staffing"
)

// Numbers that ways are tuned with. A step changes the replicas by a tenth or so; between two,
// they are interpolated.
var (
	rates = []float64{3, 2.7, 2.4, 2.1, 1.9, 1.7, 1.5, 1.35, 1.2, 1.05, 0.9, 0.75, 0.6, 0.5, 0.4}
	loads = []float64{30, 24, 20, 16, 13, 10, 8, 6, 4, 3}
	// shares are of the speed of a replica.
	shares = []float64{2, 1.8, 1.6, 1.45, 1.3, 1.2, 1.1, 1, 0.92, 0.85, 0.75, 0.65, 0.55, 0.46, 0.38}
	floors = []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 20, 22, 25}
	// queues are targets of requests that wait, by replica: the published one, its half and twice
	// as many.
	queues = []float64{5, 2.5, 10}
	// spans are in how many seconds the planner has work done.
	spans = []int{2, 5, 10, 20, 40, 80}
)

// perTarget is a way with one number.
func perTarget(name string, at []float64, s func(w *Workload, at float64) fleet.Scaler) Way {
	return Way{name, []Grid{{name, at, s}}}
}

// Static is the same number of replicas all the time.
func Static() Way {
	return perTarget("constant", floors, func(_ *Workload, at float64) fleet.Scaler { return policy.Constant(at) })
}

// Clairvoyant knows what will be asked for.
func Clairvoyant() Way {
	way := Way{Name: "clairvoyant"}
	for _, span := range spans {
		way.Grids = append(way.Grids, Grid{strconv.Itoa(span) + " s", shares, func(w *Workload, at float64) fleet.Scaler {
			return &policy.Planner{Work: w.Work, Target: at * w.Model.Speed(), Span: span, ColdStart: int(w.ColdStart)}
		}})
	}
	return way
}

// RequestRate is the product's, over a minute.
func RequestRate() Way {
	return perTarget("requestRate", rates, func(_ *Workload, at float64) fleet.Scaler {
		return policy.ByHPA(policy.RequestRate(at), 1)
	})
}

// Concurrency is the product's, over 15 s.
func Concurrency() Way {
	return perTarget("concurrency", loads, func(_ *Workload, at float64) fleet.Scaler {
		return policy.ByHPA(policy.Concurrency(at), 1)
	})
}

// Load is running and waiting requests, by KEDA's Prometheus scaler.
func Load() Way {
	return perTarget("Prometheus, running+waiting", loads, func(_ *Workload, at float64) fleet.Scaler {
		return policy.ByHPA(policy.Load(at), 1)
	})
}

// Queue is waiting requests, by KEDA's Prometheus scaler, with one replica at least.
func Queue() Way {
	return perTarget("Prometheus, queue, min 1", queues, func(_ *Workload, at float64) fleet.Scaler {
		return policy.ByHPA(policy.Queue(at), 1)
	})
}

// QueueAndFloor is Queue with as many replicas at least as turn out best.
func QueueAndFloor() Way {
	way := Way{Name: "Prometheus, queue, best min"}
	for _, target := range queues {
		way.Grids = append(way.Grids, Grid{strconv.FormatFloat(target, 'g', -1, 64), floors, func(_ *Workload, at float64) fleet.Scaler {
			return policy.ByHPA(policy.Queue(target), int(at))
		}})
	}
	return way
}

// Recipe is QueueAndFloor with the target that engines publish: 5.
func Recipe() Way {
	way := QueueAndFloor()
	return Way{Name: "Prometheus, queue of 5, best min", Grids: way.Grids[:1]}
}

// Saturation is max(queue/5, memory/0.8), with a floor.
func Saturation() Way {
	return perTarget("max(queue/5, memory/0.8), best min", floors, func(_ *Workload, at float64) fleet.Scaler {
		return policy.ByHPA(policy.Saturation(5, 0.8), int(at))
	})
}

// settings of tokenRate with a reserve.
func settings(reserve float64) staffing.Settings {
	s := staffing.Defaults()
	s.Reserve = reserve
	return s
}

// tokenRate makes the signal with a share of the speed of a replica as its target.
func tokenRate(w *Workload, reserve, share float64) policy.Signal {
	return policy.TokenRate(settings(reserve), share*w.Model.Speed())
}

// TokenRate is the product's without a reserve; burst: with burstScaling.
func TokenRate(burst bool) Way { return ofTokens("tokenRate, burstReserve 0", 0, burst) }

// Staffing is the product's tokenRate with its defaults.
func Staffing(burst bool) Way { return ofTokens("tokenRate", staffing.DefaultReserve, burst) }

func ofTokens(name string, reserve float64, burst bool) Way {
	if burst {
		name += ", burstScaling"
	}
	return perTarget(name, shares, func(w *Workload, at float64) fleet.Scaler { return Share(at, reserve, burst)(w) })
}
