package keda

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand"
)

// TestT52UnknownAndActiveWhileDirect: while wired Services lead past the proxies, and for one cooldown period after, KEDA gets the
// metric's specification, an error for its value and an active trigger: it counts failures towards its
// fallback, and nothing goes to zero. This holds with any counts of the proxies, and before the guard.
func TestT52UnknownAndActiveWhileDirect(t *testing.T) {
	const (
		past   = "trigger shop/web-0: the demand is unknown: wired Services lead to the application past the proxies"
		before = "trigger shop/web-0: the demand is unknown: requests went to the application past the proxies until 2"
	)
	quiet, busy := &demand.Reading{Settled: true}, &demand.Reading{Value: 7, Active: true, Settled: true, Requested: true}
	back := func(ago time.Duration) scaler.Path { return scaler.Path{Until: time.Now().Add(-ago)} }
	for name, c := range map[string]struct {
		path    scaler.Path
		traffic v1alpha1.HTTPScalerTraffic
		reading *demand.Reading // nil: the registry is blind
		problem string
		active  bool
	}{
		"never direct":             {scaler.Path{}, v1alpha1.HTTPScalerTraffic{}, quiet, "", false},
		"direct":                   {scaler.Path{Direct: true}, v1alpha1.HTTPScalerTraffic{}, quiet, past, true},
		"direct, some are counted": {scaler.Path{Direct: true}, v1alpha1.HTTPScalerTraffic{}, busy, past, true},
		"direct, no proxy reports": {scaler.Path{Direct: true}, v1alpha1.HTTPScalerTraffic{}, nil, past, true},
		"direct and bypassed": {scaler.Path{Direct: true},
			v1alpha1.HTTPScalerTraffic{Bypass: []string{"Ingress shop/web"}}, quiet, past, true},
		"back for a minute":      {back(time.Minute), v1alpha1.HTTPScalerTraffic{}, quiet, before, true},
		"back for an hour":       {back(time.Hour), v1alpha1.HTTPScalerTraffic{}, quiet, "", false},
		"back for an hour, busy": {back(time.Hour), v1alpha1.HTTPScalerTraffic{}, busy, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			key := apply(t, w.catalog, named{"", metadata(nil)})[0]
			trigger := *w.catalog.Get(key)
			trigger.Path, trigger.Spec.Traffic = c.path, c.traffic
			w.catalog.Set(key, &trigger)
			if c.reading != nil {
				w.registry.set(key, *c.reading)
			}
			if _, err := w.client.GetMetricSpec(t.Context(), refTo(metadata(nil))); err != nil {
				t.Errorf("specification: %v", err)
			}
			_, err := w.client.GetMetrics(t.Context(), &pb.GetMetricsRequest{ScaledObjectRef: refTo(metadata(nil)), MetricName: MetricRate})
			if c.problem == "" && err != nil || c.problem != "" && status.Code(err) != codes.Unavailable ||
				!strings.HasPrefix(status.Convert(err).Message(), c.problem) {
				t.Errorf("metrics: %v, want %q", err, c.problem)
			}
			answer, err := w.client.IsActive(t.Context(), refTo(metadata(nil)))
			if err != nil || answer.GetResult() != c.active {
				t.Errorf("active %v, %v", answer.GetResult(), err)
			}
			if now := w.server.state(w.catalog.Get(key)); !now.known || now.active != c.active || now.direct != (c.problem != "") {
				t.Errorf("the stream sees %+v", now)
			}
		})
	}
}

// TestPathReachesTheStream: a change of the path is pushed at once, and the end of the cooldown period
// within a heartbeat.
func TestPathReachesTheStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := bubble()
		key := apply(t, w.catalog, named{"", metadata(nil)})[0]
		w.registry.set(key, demand.Reading{Settled: true})
		w.scale(key, 1)
		stream := &recorder[pb.IsActiveResponse]{ctx: t.Context(), began: time.Now()}
		go func() { _ = w.server.StreamIsActive(refTo(metadata(nil)), stream) }()
		lead := func(path scaler.Path) {
			trigger := *w.catalog.Get(key)
			trigger.Path = path
			w.catalog.Set(key, &trigger)
			synctest.Wait()
		}
		time.Sleep(time.Second)
		lead(scaler.Path{Direct: true})
		time.Sleep(40 * time.Second)
		lead(scaler.Path{Until: time.Now()})
		time.Sleep(310 * time.Second)
		synctest.Wait()
		var changes []bool
		var last time.Duration
		for _, sent := range stream.sent {
			if value := sent.message.GetResult(); len(changes) == 0 || changes[len(changes)-1] != value {
				changes, last = append(changes, value), sent.at
			}
		}
		if diff := cmp.Diff([]bool{false, true, false}, changes); diff != "" {
			t.Errorf("pushed (- want, + got):\n%s", diff)
		}
		if last < 341*time.Second || last > 341*time.Second+heartbeat {
			t.Errorf("the end of the cooldown period was pushed after %v", last)
		}
	})
}
