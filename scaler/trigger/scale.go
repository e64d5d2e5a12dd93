package trigger

import (
	"strconv"

	autoscalingv2 "k8s.io/api/autoscaling/v2"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// KEDA's defaults (apis/keda/v1alpha1: gvkr.go, scaledobject_types.go, withtriggers_types.go;
// pkg/scaling/executor).
const (
	defaultAPIVersion      = "apps/v1"
	defaultKind            = "Deployment"
	defaultMin             = 0
	defaultMax             = 100
	defaultCooldownSeconds = 300
	defaultPollingSeconds  = 30
)

// The least cooldowns beside a formula that are safe. Pushes keep the cooldown from ending, every (cooldown - 1 s) / 2, because
// KEDA keeps the time of the last activity in whole seconds (scaler/keda). KEDA reads that time before it asks the triggers
// and compares it afterwards, and takes no push in between (pkg/scaling/scale_handler.go, checkScalers). So the queries of
// other triggers may take as long as lies between two pushes: with 7 s they may take 3 s, KEDA's default limit of HTTP.
const (
	minCooldownOfFormula           = 2
	minCooldownOfFormulaWithOthers = 7
)

// KEDA's annotations that pause an object.
const (
	annotationPaused         = "autoscaling.keda.sh/paused"
	annotationPausedReplicas = "autoscaling.keda.sh/paused-replicas"
	annotationPausedScaleIn  = "autoscaling.keda.sh/paused-scale-in"
	annotationPausedScaleOut = "autoscaling.keda.sh/paused-scale-out"
)

// How many replicas the first requests start.
const (
	fromZeroOne    = "one"
	fromZeroNeeded = "needed"
)

func (r *reader) scale() v1alpha1.HTTPScalerScale {
	object := r.object
	_, fixed := object.Annotations[annotationPausedReplicas]
	paused := fixed || annotated(object, annotationPaused)
	scale := v1alpha1.HTTPScalerScale{
		Target:          targetOf(object),
		Min:             or(object.Min, defaultMin),
		Max:             or(object.Max, defaultMax),
		Idle:            object.Idle,
		CooldownSeconds: or(object.CooldownSeconds, defaultCooldownSeconds),
		PollingSeconds:  or(object.PollingSeconds, defaultPollingSeconds),
		Fallback:        object.FallbackReplicas,
		Formula:         object.Formula,
		ScaleInPaused:   paused || annotated(object, annotationPausedScaleIn),
		ScaleOutPaused:  paused || annotated(object, annotationPausedScaleOut),
		StaysAtZero:     staysAtZero(object),
	}
	r.cooldown(scale)
	return scale
}

// cooldown warns of one that may end under a request.
func (r *reader) cooldown(scale v1alpha1.HTTPScalerScale) {
	least := int32(minCooldownOfFormula)
	if len(r.object.Triggers) > 1 {
		least = minCooldownOfFormulaWithOthers
	}
	if scale.Formula && scale.MayStop() && scale.CooldownSeconds < least {
		r.warn(fieldCooldown, "cooldownPeriod %d is too short beside a formula: when its value is not above activationTarget, "+
			"KEDA may stop the application under a request; make it %d or more", scale.CooldownSeconds, least)
	}
}

// staysAtZero reports whether a pause keeps KEDA from starting a target that has no replica. KEDA sets the number of
// paused-replicas, also beside paused, and nothing while it cannot read the number. It scales to the minimum in spite of
// paused-scale-out (HTTPScalerScale.StartedByMinimum), but not where there is an idleReplicaCount
// (controllers/keda/scaledobject_controller.go, pkg/scaling/executor/scale_scaledobjects.go).
func staysAtZero(object Object) bool {
	if value, fixed := object.Annotations[annotationPausedReplicas]; fixed {
		replicas, err := strconv.ParseInt(value, 10, 32)
		return err != nil || replicas <= 0
	}
	return annotated(object, annotationPaused) ||
		annotated(object, annotationPausedScaleOut) && (or(object.Min, defaultMin) == 0 || object.Idle != nil)
}

// burstScaling compares values with targets of the trigger, as an HPA does that has both.
func (r *reader) burstScaling(spec v1alpha1.HTTPScalerSpec) bool {
	wanted := r.flag(keyBurstScaling)
	switch {
	case !wanted:
		return false
	case spec.Scale.Formula:
		r.refuse(keyBurstScaling, "burstScaling does not go with a formula in scalingModifiers, which makes another value and target of "+
			"those of the trigger; remove one of the two")
	case r.trigger.MetricType == string(autoscalingv2.ValueMetricType):
		r.refuse(keyBurstScaling, "burstScaling does not go with metricType \"Value\", of which the target is that of all replicas; "+
			"use AverageValue, or leave it out")
	}
	return true
}

func (r *reader) oneStep() bool {
	return choice(r, keyScaleFromZero, fromZeroOne, fromZeroOne, fromZeroNeeded) == fromZeroNeeded
}

// reachable: an Envoy of the user holds no request for the product, so something must always run.
func (r *reader) reachable() {
	switch {
	case r.object.Min == nil:
		r.refuse(fieldMinReplicas, "minReplicaCount is missing; %s needs 1 or more, because no request is held in an Envoy of your own",
			v1alpha1.TriggerEnvoyHTTP)
	case *r.object.Min < 1:
		r.refuse(fieldMinReplicas, "minReplicaCount %d is too low; %s needs 1 or more, because no request is held in an Envoy of your own",
			*r.object.Min, v1alpha1.TriggerEnvoyHTTP)
	case r.object.Idle != nil && *r.object.Idle == 0:
		r.warn(fieldIdleReplicas, "idleReplicaCount 0 stops the application, and no request is held in an Envoy of your own; remove it")
	}
}

func targetOf(object Object) v1alpha1.HTTPScalerTarget {
	target := object.Target
	if target.APIVersion == "" {
		target.APIVersion = defaultAPIVersion
	}
	if target.Kind == "" {
		target.Kind = defaultKind
	}
	return target
}

// annotated reads a truth value as KEDA does: what is no truth value is true.
func annotated(object Object, name string) bool {
	value, found := object.Annotations[name]
	if !found {
		return false
	}
	truth, err := strconv.ParseBool(value)
	return err != nil || truth
}

func or(value *int32, otherwise int32) int32 {
	if value == nil {
		return otherwise
	}
	return *value
}
