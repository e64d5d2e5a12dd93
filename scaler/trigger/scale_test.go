package trigger

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// TestScale: what the object says about replicas, with KEDA's defaults and pauses.
func TestScale(t *testing.T) {
	type scale = v1alpha1.HTTPScalerScale
	const prefix = "autoscaling.keda.sh/"
	for name, c := range map[string]struct {
		change func(*Object)
		want   func(*scale)
	}{
		"defaults": {func(*Object) {}, func(*scale) {}},
		"everything": {
			func(o *Object) {
				o.Target = v1alpha1.HTTPScalerTarget{APIVersion: "apps/v1", Kind: "StatefulSet", Name: "db"}
				o.Min, o.Max, o.Idle = ptr[int32](2), ptr[int32](9), ptr[int32](1)
				o.CooldownSeconds, o.PollingSeconds = ptr[int32](0), ptr[int32](5)
			},
			func(s *scale) {
				*s = scale{
					Target: v1alpha1.HTTPScalerTarget{APIVersion: "apps/v1", Kind: "StatefulSet", Name: "db"},
					Min:    2, Max: 9, Idle: ptr[int32](1), CooldownSeconds: 0, PollingSeconds: 5,
				}
			},
		},
		"fallback": {
			func(o *Object) { o.FallbackReplicas = ptr[int32](3) },
			func(s *scale) { s.Fallback = ptr[int32](3) },
		},
		"formula": {func(o *Object) { o.Formula = true }, func(s *scale) { s.Formula = true }},
		"paused": {
			func(o *Object) { o.Annotations = map[string]string{prefix + "paused": "true"} },
			func(s *scale) { s.ScaleInPaused, s.ScaleOutPaused, s.StaysAtZero = true, true, true },
		},
		"paused at zero": {
			func(o *Object) { o.Annotations = map[string]string{prefix + "paused-replicas": "0"} },
			func(s *scale) { s.ScaleInPaused, s.ScaleOutPaused, s.StaysAtZero = true, true, true },
		},
		"paused at three": {
			func(o *Object) { o.Annotations = map[string]string{prefix + "paused-replicas": "3"} },
			func(s *scale) { s.ScaleInPaused, s.ScaleOutPaused = true, true },
		},
		"paused, at three": { // KEDA scales to the number in spite of paused
			func(o *Object) {
				o.Annotations = map[string]string{prefix + "paused": "true", prefix + "paused-replicas": "3"}
			},
			func(s *scale) { s.ScaleInPaused, s.ScaleOutPaused = true, true },
		},
		"paused at no number": { // KEDA ends its loop and sets nothing
			func(o *Object) { o.Annotations = map[string]string{prefix + "paused-replicas": "none"} },
			func(s *scale) { s.ScaleInPaused, s.ScaleOutPaused, s.StaysAtZero = true, true, true },
		},
		"not paused": {func(o *Object) { o.Annotations = map[string]string{prefix + "paused": "false"} }, func(*scale) {}},
		"scale-in paused": {
			func(o *Object) { o.Annotations = map[string]string{prefix + "paused-scale-in": "yes, please"} },
			func(s *scale) { s.ScaleInPaused = true },
		},
		"scale-out paused": {
			func(o *Object) {
				o.Annotations = map[string]string{prefix + "paused-scale-out": "1", prefix + "paused-scale-in": "0"}
			},
			func(s *scale) { s.ScaleOutPaused, s.StaysAtZero = true, true },
		},
		"scale-out paused, with a minimum": { // KEDA scales to the minimum
			func(o *Object) {
				o.Annotations, o.Min = map[string]string{prefix + "paused-scale-out": "true"}, ptr[int32](1)
			},
			func(s *scale) { s.ScaleOutPaused, s.Min = true, 1 },
		},
		"scale-out paused, with a minimum and idle": { // KEDA neither leaves the idle replicas nor makes the minimum
			func(o *Object) {
				o.Annotations = map[string]string{prefix + "paused-scale-out": "true"}
				o.Min, o.Idle = ptr[int32](1), ptr[int32](0)
			},
			func(s *scale) { s.ScaleOutPaused, s.StaysAtZero, s.Min, s.Idle = true, true, 1, ptr[int32](0) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			object := shop(httpTrigger(nil))
			c.change(&object)
			want := plain().Scale
			c.want(&want)
			if diff := cmp.Diff(want, accepted(t, object).Scale); diff != "" {
				t.Errorf("scale (- want, + got):\n%s", diff)
			}
		})
	}
}

// TestBurstScaling: an opt-in, for metrics of which the values are sums that an HPA divides by the target.
func TestBurstScaling(t *testing.T) {
	serveAll(t)
	wantRules(t, []rule{
		{changes{"burstScaling": "yes"}, []string{`trigger 0: burstScaling "yes" is neither true nor false; write one of them in quotes`}},
		{changes{"burstScaling": "true", "scalingMetric": "kvCache", "targetValue": "0.7"}, []string{
			`warning: trigger 0: burstScaling has no effect with scalingMetric kvCache; remove it`,
		}},
	})
	object := shop(httpTrigger(nil))
	if accepted(t, object).Scale.BurstScaling {
		t.Error("on without a word")
	}
	object = shop(httpTrigger(changes{"burstScaling": "true"}))
	if !accepted(t, object).Scale.BurstScaling {
		t.Error("off")
	}
	object.Triggers[0].MetricType = "Value"
	wantMessages(t, Errors(Parse(object, ourAddress).Problems), `trigger 0: burstScaling does not go with metricType "Value", of which the `+
		`target is that of all replicas; use AverageValue, or leave it out`)
	object.Triggers[0].MetricType, object.Formula = "", true
	wantMessages(t, Parse(object, ourAddress).Problems, `trigger 0: burstScaling does not go with a formula in scalingModifiers, which `+
		`makes another value and target of those of the trigger; remove one of the two`)
}

// TestS4CooldownOfAFormula: KEDA keeps the time of the last activity in whole seconds, and reads it before it asks the other
// triggers. What cannot be stopped needs no cooldown.
func TestS4CooldownOfAFormula(t *testing.T) {
	warning := func(cooldown, least string) string {
		return "warning: trigger 0: cooldownPeriod " + cooldown + " is too short beside a formula: " +
			"when its value is not above activationTarget, " +
			"KEDA may stop the application under a request; make it " + least + " or more"
	}
	alone := []Trigger{httpTrigger(nil)}
	beside := []Trigger{httpTrigger(nil), {Type: "prometheus", Metadata: map[string]string{"query": "up"}}}
	none, one := ptr[int32](0), ptr[int32](1)
	for name, c := range map[string]struct {
		cooldown, minimum, idle *int32
		triggers                []Trigger
		plain                   bool
		want                    []string
	}{
		"0":                       {cooldown: none, triggers: alone, want: []string{warning("0", "2")}},
		"1":                       {cooldown: one, triggers: alone, want: []string{warning("1", "2")}},
		"2":                       {cooldown: ptr[int32](2), triggers: alone},
		"2, another trigger":      {cooldown: ptr[int32](2), triggers: beside, want: []string{warning("2", "7")}},
		"6, another trigger":      {cooldown: ptr[int32](6), triggers: beside, want: []string{warning("6", "7")}},
		"7, another trigger":      {cooldown: ptr[int32](7), triggers: beside},
		"default":                 {triggers: beside},
		"no formula":              {cooldown: one, triggers: beside, plain: true},
		"minimum of 0":            {cooldown: one, minimum: none, triggers: beside, want: []string{warning("1", "7")}},
		"minimum of 1":            {cooldown: one, minimum: one, triggers: beside},
		"minimum of 1, idle of 0": {cooldown: one, minimum: one, idle: none, triggers: beside, want: []string{warning("1", "7")}},
	} {
		t.Run(name, func(t *testing.T) {
			object := shop(c.triggers...)
			object.CooldownSeconds, object.Formula, object.Min, object.Idle = c.cooldown, !c.plain, c.minimum, c.idle
			wantMessages(t, Parse(object, ourAddress).Problems, c.want...)
		})
	}
}
