package trigger

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// TestObjectRules: what the object around the triggers may be (T01, T10, T17).
func TestObjectRules(t *testing.T) {
	other := httpTrigger(changes{"hosts": "other.test"})
	for name, c := range map[string]struct {
		change func(*Object)
		want   []string
	}{
		"no trigger of the product": {func(o *Object) { o.Triggers = []Trigger{{Type: "cron"}} }, nil},
		"ScaledJob": {func(o *Object) { o.Kind = ScaledJob }, []string{
			"kind ScaledJob does not go with kedify-http: a Job serves no requests; use a ScaledObject",
		}},
		"ScaledJob without a trigger of the product": {func(o *Object) { o.Kind, o.Triggers = ScaledJob, []Trigger{{Type: "cron"}} }, nil},
		"average value": {func(o *Object) { o.Triggers[0].MetricType = "AverageValue" }, nil},
		"value": {func(o *Object) { o.Triggers[0].MetricType = "Value" }, []string{
			`warning: trigger 0: metricType "Value" multiplies the load of all replicas by their number, so it never settles; use AverageValue`,
		}},
		"utilization": {func(o *Object) { o.Triggers[0].MetricType = "Utilization" }, []string{
			`trigger 0: metricType "Utilization" is for cpu and memory; use AverageValue, or leave it out`,
		}},
		"other metric type": {func(o *Object) { o.Triggers[0].MetricType = "Sum" }, []string{
			`trigger 0: metricType "Sum" is not known; use AverageValue, or leave it out`,
		}},
		"cached metrics": {func(o *Object) { o.Triggers[0].UseCachedMetrics = true }, []string{
			"warning: trigger 0: useCachedMetrics lets the HPA see numbers as old as pollingInterval; remove it",
		}},
		"fallback": {func(o *Object) { o.FallbackReplicas = ptr[int32](1) }, nil},
		"fallback to zero": {func(o *Object) { o.FallbackReplicas = ptr[int32](0) }, []string{
			"warning: fallback.replicas 0 lets KEDA stop the application when its metric is unknown; " +
				"use 1 or more, or remove fallback, which keeps the replicas",
		}},
		"Rollout without Service": {func(o *Object) {
			o.Target = v1alpha1.HTTPScalerTarget{APIVersion: "argoproj.io/v1alpha1", Kind: "Rollout", Name: "web"}
			delete(o.Triggers[0].Metadata, "service")
		}, nil},
		"Rollout without port": {func(o *Object) {
			o.Target = v1alpha1.HTTPScalerTarget{APIVersion: "argoproj.io/v1alpha1", Kind: "Rollout", Name: "web"}
			delete(o.Triggers[0].Metadata, "service")
			delete(o.Triggers[0].Metadata, "port")
		}, []string{"trigger 0: port is missing; set port, or portName for the name of a port of the Service"}},
		"another Rollout": {func(o *Object) {
			o.Target = v1alpha1.HTTPScalerTarget{APIVersion: "example.com/v1", Kind: "Rollout", Name: "web"}
			delete(o.Triggers[0].Metadata, "service")
		}, []string{"trigger 0: service is missing; name the Service of Rollout web"}},
		"two with names": {func(o *Object) {
			o.Triggers = []Trigger{named("a", o.Triggers[0]), {Type: "cron"}, named("b", other)}
		}, nil},
		"two without names": {func(o *Object) { o.Triggers = []Trigger{o.Triggers[0], other} }, []string{
			"trigger 0: name is missing; with several triggers of kedify-http give each a name of its own",
			"trigger 1: name is missing; with several triggers of kedify-http give each a name of its own",
		}},
		"two of one name": {func(o *Object) { o.Triggers = []Trigger{named("a", o.Triggers[0]), named("a", other)} }, []string{
			`trigger "a": name "a" is used by another trigger; give each a name of its own`,
		}},
		"the same route": {func(o *Object) {
			o.Triggers = []Trigger{named("a", o.Triggers[0]), named("b", httpTrigger(changes{
				"hosts": "b.test, WWW.shop.test", "pathPrefixes": "/b,/", "scalingMetric": "concurrency",
			}))}
		}, []string{
			`trigger "b": hosts: trigger "a" has host "www.shop.test", path "/" and these headers already; ` +
				`tell them apart by a host, path, header or model`,
		}},
		"the same headers in another order": {func(o *Object) {
			o.Triggers = []Trigger{
				named("a", httpTrigger(changes{"headers": "[{name: a, value: x}, {name: b}]"})),
				named("b", httpTrigger(changes{"headers": "[{name: B}, {name: A, value: x}]"})),
			}
		}, []string{
			`trigger "b": hosts: trigger "a" has host "www.shop.test", path "/" and these headers already; ` +
				`tell them apart by a host, path, header or model`,
		}},
		"told apart by path and header": {func(o *Object) {
			o.Triggers = []Trigger{
				named("a", o.Triggers[0]),
				named("b", httpTrigger(changes{"pathPrefixes": "/b"})),
				named("c", httpTrigger(changes{"headers": "[{name: a, value: x}]"})),
				named("d", httpTrigger(changes{"headers": "[{name: a, value: y}]"})),
				named("e", httpTrigger(changes{"headers": "[{name: a, valueWildcard: y}]"})),
				named("f", httpTrigger(changes{"headers": "[{name: a}]"})),
			}
		}, nil},
		"too much to compile": {func(o *Object) {
			for i := range 5 {
				o.Triggers = append(o.Triggers, named(fmt.Sprint(i), httpTrigger(changes{"headers": strings.Repeat(" ", 8000)})))
			}
		}, []string{"headers of all triggers together have 40000 bytes and the limit is 32768; make several objects"}},
		"too many": {func(o *Object) {
			for i := range 64 {
				o.Triggers = append(o.Triggers, named(fmt.Sprint(i), httpTrigger(changes{"hosts": fmt.Sprintf("h%d.test", i)})))
			}
		}, []string{"triggers has 65 of kedify-http and the limit is 64; make several objects"}},
	} {
		t.Run(name, func(t *testing.T) {
			object := shop(httpTrigger(nil))
			c.change(&object)
			wantMessages(t, Parse(object, ourAddress).Problems, c.want...)
		})
	}
}

// TestAcceptance: an error of one trigger is its own, an error of the object is one of all its triggers.
func TestAcceptance(t *testing.T) {
	object := shop(
		named("good", httpTrigger(nil)),
		Trigger{Type: "cron"},
		named("bad", httpTrigger(changes{"hosts": "bad.test", "port": "x"})),
		named("fair", httpTrigger(changes{"hosts": "fair.test", "loadBalancing": "eds"})),
	)
	type fate struct {
		Index    int
		Name     string
		Accepted bool
	}
	fates := func(object Object) (all []fate) {
		for _, p := range Parse(object, "").Triggers {
			all = append(all, fate{p.Index, p.Name, p.Accepted})
		}
		return all
	}
	want := []fate{{0, "shop-good", true}, {2, "shop-bad", false}, {3, "shop-fair", true}}
	if diff := cmp.Diff(want, fates(object)); diff != "" {
		t.Errorf("triggers (- want, + got):\n%s", diff)
	}
	object.Annotations = map[string]string{WeightsAnnotation: "?"}
	for i := range want {
		want[i].Accepted = false
	}
	if diff := cmp.Diff(want, fates(object)); diff != "" {
		t.Errorf("with a wrong annotation (- want, + got):\n%s", diff)
	}
}
