package keda

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/google/go-cmp/cmp"
	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler/demand"
)

var webTarget = v1alpha1.HTTPScalerTarget{Name: "web"}

// TestGetMetricSpec: from the metadata alone, with an empty catalog.
func TestGetMetricSpec(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		metadata map[string]string
		want     *pb.MetricSpec
		problem  string
	}{
		"rate": {metadata: metadata(nil), want: &pb.MetricSpec{MetricName: "http-request-rate", TargetSizeFloat: 10}},
		"default": {metadata: metadata(map[string]string{"targetValue": ""}),
			want: &pb.MetricSpec{MetricName: "http-request-rate", TargetSizeFloat: 100}},
		"concurrency": {metadata: metadata(map[string]string{"scalingMetric": "concurrency"}),
			want: &pb.MetricSpec{MetricName: "http-concurrency", TargetSizeFloat: 10}},
		"compat": {metadata: metadata(map[string]string{"originalType": "kedify-http", "targetValue": "3"}),
			want: &pb.MetricSpec{MetricName: "http-request-rate", TargetSizeFloat: 3}},
		"user-run Envoy": {metadata: map[string]string{"originalType": "kedify-envoy-http", "externalProxyMetricKey": "edge",
			"scalingMetric": "concurrency"},
			want: &pb.MetricSpec{MetricName: "http-concurrency", TargetSizeFloat: 100}},
		"no metric": {metadata: nil,
			problem: "ScaledObject shop/web: scalingMetric is missing; use requestRate, concurrency, tokenRate, queueDepth, kvCache or ttft"},
		"target 0": {metadata: metadata(map[string]string{"targetValue": "0"}),
			problem: `ScaledObject shop/web: targetValue "0" is out of range; use 1 to 1000000000`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := w.client.GetMetricSpec(t.Context(), refTo(c.metadata))
			if c.problem != "" {
				wantCode(t, err, codes.InvalidArgument, c.problem)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]*pb.MetricSpec{c.want}, got.GetMetricSpecs(), protocmp.Transform()); diff != "" {
				t.Errorf("spec (- want, + got):\n%s", diff)
			}
		})
	}
}

// TestGetMetrics: the value of the trigger that the metadata mean, or an error; never a zero
// that was not counted.
func TestGetMetrics(t *testing.T) {
	w := newWorld(t)
	rate, concurrency := metadata(nil), metadata(map[string]string{"scalingMetric": "concurrency", "pathPrefixes": "/api"})
	keys := apply(t, w.catalog, named{"rate", rate}, named{"load", concurrency})
	w.registry.set(keys[0], demand.Reading{Value: 12.25, Rate: 99, Concurrency: 99})
	w.registry.set(keys[1], demand.Reading{Value: 3.5, Rate: 99, Concurrency: 99})
	for name, c := range map[string]struct {
		metadata map[string]string
		metric   string
		reading  *demand.Reading // of the first trigger; nil: as above
		want     float64
		problem  string
	}{
		"rate":        {metadata: rate, metric: MetricRate, want: 12.25},
		"concurrency": {metadata: concurrency, metric: MetricConcurrency, want: 3.5},
		"zero":        {metadata: rate, metric: MetricRate, reading: &demand.Reading{}, want: 0},
		"other target and window, same requests": {metadata: metadata(map[string]string{"targetValue": "77", "window": "10s"}),
			metric: MetricRate, want: 12.25},
		"other order": {metadata: metadata(map[string]string{"hosts": " WEB.example.com "}), metric: MetricRate, want: 12.25},
		"other metric": {metadata: rate, metric: MetricConcurrency,
			problem: "trigger shop/web-rate has the metric http-request-rate and not \"http-concurrency\"; " +
				"if scalingMetric was just changed this will pass"},
		"other requests": {metadata: metadata(map[string]string{"hosts": "a.test"}), metric: MetricRate,
			problem: "none of the 2 triggers in force of ScaledObject shop/web " +
				"has these hosts, paths and headers; if the object was just changed this will pass, " +
				"otherwise its events say why the trigger was not accepted"},
		"not a number": {metadata: rate, metric: MetricRate, reading: &demand.Reading{Value: math.NaN()},
			problem: "trigger shop/web-rate: http-request-rate of NaN is no amount"},
		"infinite": {metadata: rate, metric: MetricRate, reading: &demand.Reading{Value: math.Inf(1)},
			problem: "trigger shop/web-rate: http-request-rate of +Inf is no amount"},
		"negative": {metadata: rate, metric: MetricRate, reading: &demand.Reading{Value: -1},
			problem: "trigger shop/web-rate: http-request-rate of -1 is no amount"},
		"unknown": {
			metadata: rate, metric: MetricRate, reading: &demand.Reading{Value: 3, Unknown: errors.New("no pod was scraped")},
			problem: "trigger shop/web-rate: no pod was scraped",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if c.reading != nil {
				before, _ := w.registry.Read(keys[0])
				w.registry.set(keys[0], *c.reading)
				defer w.registry.set(keys[0], before)
			}
			got, err := w.client.GetMetrics(t.Context(), &pb.GetMetricsRequest{ScaledObjectRef: refTo(c.metadata), MetricName: c.metric})
			if c.problem != "" {
				wantCode(t, err, codes.Unavailable, c.problem)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := []*pb.MetricValue{{MetricName: c.metric, MetricValueFloat: c.want}}
			if diff := cmp.Diff(want, got.GetMetricValues(), protocmp.Transform()); diff != "" {
				t.Errorf("values (- want, + got):\n%s", diff)
			}
		})
	}
}

// TestS4ValueUnderAFormula: an active trigger is more than zero to a formula, even while its metric is zero. What
// KEDA does not take for zero is what was counted. Without a formula KEDA asks whether it is active, and the value is what was counted.
func TestS4ValueUnderAFormula(t *testing.T) {
	w := newWorld(t)
	key := apply(t, w.catalog, named{"rate", metadata(nil)})[0]
	for _, c := range []struct {
		formula bool
		reading demand.Reading
		want    float64
	}{
		{true, demand.Reading{Active: true, InFlight: 1}, 0.1},                         // it runs for longer than the window
		{true, demand.Reading{Active: true, Held: 1, InFlight: 1, Value: 0.0009}, 0.1}, // KEDA counts in thousandths
		{true, demand.Reading{Active: true, Held: 1, InFlight: 1, Value: 0.001}, 0.001},
		{true, demand.Reading{Active: true, Held: 1, InFlight: 1, Value: 0.02}, 0.02}, // a true rate stays what it is
		{true, demand.Reading{Active: true, Value: 7}, 7},
		{true, demand.Reading{Settled: true}, 0},
		{false, demand.Reading{Active: true, InFlight: 1}, 0},
	} {
		inForce := *w.catalog.Get(key)
		inForce.Spec.Scale.Formula = c.formula
		w.catalog.Set(key, &inForce)
		w.registry.set(key, c.reading)
		got, err := w.client.GetMetrics(t.Context(), &pb.GetMetricsRequest{ScaledObjectRef: refTo(metadata(nil)), MetricName: MetricRate})
		if err != nil || len(got.GetMetricValues()) != 1 || got.GetMetricValues()[0].GetMetricValueFloat() != c.want {
			t.Errorf("%+v: %v, %v", c, got, err)
		}
	}
}

// TestUnknown: each way not to know is an Unavailable that says what, and is counted.
func TestUnknown(t *testing.T) {
	w := newWorld(t)
	ask := func() (metrics, active error) {
		_, metrics = w.client.GetMetrics(t.Context(), &pb.GetMetricsRequest{ScaledObjectRef: refTo(metadata(nil)), MetricName: MetricRate})
		_, active = w.client.IsActive(t.Context(), refTo(metadata(nil)))
		return metrics, active
	}
	metrics, active := ask()
	const none = "ScaledObject shop/web has no trigger in force; if the object is new this will pass, otherwise its events say why"
	wantCode(t, metrics, codes.Unavailable, none)
	wantCode(t, active, codes.Unavailable, none)
	apply(t, w.catalog, named{"", metadata(nil)})
	metrics, active = ask()
	wantCode(t, metrics, codes.Unavailable, "trigger shop/web-0: the demand is unknown")
	wantCode(t, active, codes.Unavailable, "trigger shop/web-0: the demand is unknown")
	w.catalog.Set(types.NamespacedName{Namespace: "shop", Name: "web-0"}, nil)
	metrics, active = ask()
	wantCode(t, metrics, codes.Unavailable, none)
	wantCode(t, active, codes.Unavailable, none)
	_, err := w.client.GetMetrics(t.Context(), &pb.GetMetricsRequest{})
	wantCode(t, err, codes.Unavailable,
		"ScaledObject / has no trigger in force; if the object is new this will pass, otherwise its events say why")

	measured := w.server.options.Metrics
	for what, c := range map[string]struct{ got, want float64 }{
		"trigger":  {value(t, measured.unknown.WithLabelValues(unknownTrigger)), 5},
		"demand":   {value(t, measured.unknown.WithLabelValues(unknownDemand)), 2},
		"calls":    {value(t, measured.calls.WithLabelValues("IsActive", "Unavailable")), 3},
		"measured": {value(t, measured.seconds.WithLabelValues("GetMetrics").(prometheus.Metric)), 4},
	} {
		if c.got != c.want {
			t.Errorf("%s: counted %v, want %v", what, c.got, c.want)
		}
	}
}

// TestIsActive: while past arrivals are not settled, what runs runs on and what sleeps sleeps.
func TestIsActive(t *testing.T) {
	w := newWorld(t)
	key := apply(t, w.catalog, named{"", metadata(nil)})[0]
	for name, c := range map[string]struct {
		reading  demand.Reading
		replicas int32  // -1: not known
		running  string // what the API server says; empty: nothing
		want     bool
		problem  string
	}{
		"active":                     {demand.Reading{Active: true, Settled: true}, 0, "", true, ""},
		"active and not settled":     {demand.Reading{Active: true}, -1, "", true, ""},
		"idle":                       {demand.Reading{Settled: true}, 3, "", false, ""},
		"idle, replicas unknown":     {demand.Reading{Settled: true}, -1, "", false, ""},
		"not settled, running":       {demand.Reading{}, 3, "", true, ""},
		"not settled, at zero":       {demand.Reading{}, 0, "", false, ""},
		"not settled, said to run":   {demand.Reading{}, -1, "yes", true, ""},
		"not settled, said to sleep": {demand.Reading{}, -1, "no", false, ""},
		"not settled, known better":  {demand.Reading{}, 0, "yes", false, ""},
		"not settled, replicas unknown": {demand.Reading{}, -1, "", false,
			"trigger shop/web-0: the demand is unknown: requests may have arrived " +
				"before this process began to watch, and the replicas of the target are not known"},
	} {
		t.Run(name, func(t *testing.T) {
			w.registry.set(key, c.reading)
			w.mu.Lock()
			delete(w.replicas, key)
			if c.replicas >= 0 {
				w.replicas[key] = c.replicas
			}
			w.running = c.running
			w.mu.Unlock()
			got, err := w.client.IsActive(t.Context(), refTo(metadata(nil)))
			if c.problem != "" {
				wantCode(t, err, codes.Unavailable, c.problem)
				return
			}
			if err != nil || got.GetResult() != c.want {
				t.Errorf("%v %v, want %v", got.GetResult(), err, c.want)
			}
		})
	}
}

// TestDeadline: a registry that hangs costs its caller 200 ms, and other callers nothing.
func TestDeadline(t *testing.T) {
	w := limitedWorld(t, answerTime)
	apply(t, w.catalog, named{"", metadata(nil)})
	stuck := make(chan struct{})
	w.registry.mu.Lock()
	w.registry.stuck = stuck
	w.registry.mu.Unlock()
	defer close(stuck)
	begin := time.Now()
	_, err := w.client.IsActive(t.Context(), refTo(metadata(nil)))
	took := time.Since(begin)
	wantCode(t, err, codes.Unavailable, "no answer within 200ms")
	if took < answerTime || took > 10*answerTime {
		t.Errorf("answered after %v, want %v", took, answerTime)
	}
	if _, err := w.client.GetMetricSpec(t.Context(), refTo(metadata(nil))); err != nil {
		t.Errorf("a call that needs no reading: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err = w.client.GetMetrics(ctx, &pb.GetMetricsRequest{ScaledObjectRef: refTo(metadata(nil)), MetricName: MetricRate})
	wantCode(t, err, codes.DeadlineExceeded, "")
}
