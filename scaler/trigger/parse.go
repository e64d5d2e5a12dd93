package trigger

import (
	"fmt"
	"maps"
	"slices"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler/demand/metric"
)

// Kinds of objects with triggers.
const (
	ScaledObject = "ScaledObject"
	ScaledJob    = "ScaledJob"
)

// Object is what the rules need of a ScaledObject or ScaledJob (keda.sh/v1alpha1). Nil means
// that the field is not set.
type Object struct {
	// Kind is ScaledObject or ScaledJob; empty means ScaledObject.
	Kind string
	Name string
	// Annotations of the object: KEDA's pause annotations, WeightsAnnotation and
	// v1alpha1.WiredServiceAnnotation are read.
	Annotations map[string]string

	// Target is spec.scaleTargetRef as written; empty fields get KEDA's defaults.
	Target v1alpha1.HTTPScalerTarget
	// Min, Max and Idle are spec.minReplicaCount, maxReplicaCount and idleReplicaCount.
	Min, Max, Idle *int32
	// CooldownSeconds and PollingSeconds are spec.cooldownPeriod and pollingInterval.
	CooldownSeconds, PollingSeconds *int32
	// FallbackReplicas is spec.fallback.replicas; nil without spec.fallback.
	FallbackReplicas *int32
	// Formula: spec.advanced.scalingModifiers.formula is set.
	Formula bool

	// Triggers are all triggers of the object, in order, also those of other scalers.
	Triggers []Trigger
}

// Trigger is one item of spec.triggers.
type Trigger struct {
	Type, Name       string
	Metadata         map[string]string
	MetricType       string
	UseCachedMetrics bool
	// Authentication is what it refers to; nil: nothing.
	Authentication *Reference
}

// Bounds of the work for one object, which is done while the API server waits: triggers of
// this product, and bytes of headers in all of them (expressions take a microsecond per byte and more).
const (
	maxTriggers       = 64
	maxAllHeadersText = 32 << 10
)

// Result is what an object asks of this product.
type Result struct {
	// Triggers are those of this product, in the order of the object.
	Triggers []Parsed
	// Problems are about the object first, then about its triggers in order.
	Problems []Problem
}

// Parsed is one trigger of this product.
type Parsed struct {
	// Index is the position in spec.triggers.
	Index int
	// Name of the HTTPScaler.
	Name string
	// Accepted: no problem of the trigger, nor of the object as a whole, is an error.
	Accepted bool
	// Spec is complete and valid if the trigger is accepted. Otherwise values that are wrong
	// are missing or replaced by defaults.
	Spec v1alpha1.HTTPScalerSpec
}

// Parse takes the triggers of an object that are of this product, with KEDA's address for our scaler
// (see IsOurs). An object without one gives an empty Result.
func Parse(object Object, address string) Result {
	var readers []*reader
	for i, t := range object.Triggers {
		if IsOurs(t, address) {
			readers = append(readers, newReader(object, i, address))
		}
	}
	if len(readers) == 0 {
		return Result{}
	}
	if key, message := beyondUs(object, readers); message != "" {
		return Result{Problems: []Problem{{Index: wholeObject, Key: key, Message: message}}}
	}
	problems, weights := wholeProblems(object)
	result := Result{Problems: problems}
	for _, r := range readers {
		result.Triggers = append(result.Triggers, Parsed{
			Index: r.index, Name: ScalerName(object.Name, r.trigger.Name), Spec: r.spec(weights),
		})
	}
	checkNames(readers)
	checkPlaces(readers, result.Triggers)
	for i, r := range readers {
		result.Triggers[i].Accepted = len(Errors(problems)) == 0 && len(Errors(r.problems)) == 0
		result.Problems = append(result.Problems, r.problems...)
	}
	return result
}

// beyondUs says why an object is not even looked at; empty: it is.
func beyondUs(object Object, readers []*reader) (key, message string) {
	text := 0
	for _, r := range readers {
		text += len(r.trigger.Metadata[keyHeaders])
	}
	kind := readers[0].kind
	switch {
	case object.Kind == ScaledJob:
		return fieldKind, fmt.Sprintf("kind ScaledJob does not go with %s: a Job serves no requests; use a ScaledObject", kind)
	case len(readers) > maxTriggers:
		return fieldTriggers, fmt.Sprintf("triggers has %d of %s and the limit is %d; make several objects", len(readers), kind, maxTriggers)
	case text > maxAllHeadersText:
		return keyHeaders, fmt.Sprintf("headers of all triggers together have %d bytes and the limit is %d; make several objects",
			text, maxAllHeadersText)
	default:
		return "", ""
	}
}

// wholeProblems are about the object.
func wholeProblems(object Object) ([]Problem, []v1alpha1.HTTPScalerWeight) {
	var problems []Problem
	if object.FallbackReplicas != nil && *object.FallbackReplicas == 0 {
		problems = append(problems, Problem{Index: wholeObject, Key: fieldFallbackReplicas, Warning: true, Message: "fallback.replicas 0 " +
			"lets KEDA stop the application when its metric is unknown; use 1 or more, or remove fallback, which keeps the replicas"})
	}
	if message := wiredServiceProblem(object); message != "" {
		problems = append(problems, Problem{Index: wholeObject, Key: v1alpha1.WiredServiceAnnotation, Warning: true, Message: message})
	}
	weights, err := weightsOf(object)
	if err != nil {
		problems = append(problems, Problem{Index: wholeObject, Key: WeightsAnnotation,
			Message: fmt.Sprintf("annotation %s %v", WeightsAnnotation, err)})
	}
	return problems, weights
}

// spec takes every key that triggers of this type have.
func (r *reader) spec(weights []v1alpha1.HTTPScalerWeight) v1alpha1.HTTPScalerSpec {
	r.spelling()
	name := r.trigger.Name
	if name == "" {
		name = loneTrigger
	}
	metrics := r.metrics()
	spec := v1alpha1.HTTPScalerSpec{
		Type: r.kind, ScaledObject: r.object.Name, Trigger: name, Metric: metrics[0], Scale: r.scale(),
	}
	if len(metrics) > 1 {
		spec.MoreMetrics = metrics[1:]
	}
	r.reporting(metrics)
	switch r.kind {
	case v1alpha1.TriggerEnvoyHTTP:
		r.reachable()
		r.ignoreWiredService()
	case v1alpha1.TriggerHTTP:
		spec.Hosts, spec.PathPrefixes, spec.Headers, spec.Models = r.hosts(), r.pathPrefixes(), r.headers(), r.models()
		r.checkModels(spec)
		spec.Backend = r.backend()
		spec.Backend.Weighted = r.weighted(weights)
		spec.TLS = r.tls(spec)
		spec.Autowire, spec.WiredService = r.autowire(), wiredService(r.object)
		spec.Hold = r.hold()
		if spec.TLS.Mode != v1alpha1.TLSPassthrough {
			spec.HealthCheck = r.healthCheck()
			spec.Hold.WaitingPage, spec.Maintenance = r.waitingPage(), r.maintenancePage()
		}
		spec.Scale.OneStep, spec.Scale.BurstScaling = r.oneStep(), r.burstScaling(spec)
		r.readable(spec)
	}
	r.lonely(spec)
	r.countable(spec)
	r.oneForFormula(spec)
	r.leftovers()
	return spec
}

// reporting checks how the HPA is to take the metrics. KEDA has one metricType for all metrics of a trigger.
func (r *reader) reporting(metrics []v1alpha1.HTTPScalerMetric) {
	switch r.trigger.MetricType {
	case "", "AverageValue":
	case "Value":
		for _, of := range metrics {
			if metric.KindOf(of.Type).Level {
				r.refuse(fieldMetricType, "metricType \"Value\" does not go with %s: KEDA gets it times the ready replicas, because the "+
					"metrics of a trigger have one metricType; use AverageValue, or leave it out", of.Type)
				return
			}
		}
		r.warn(fieldMetricType, "metricType \"Value\" multiplies the load of all replicas by their number, so it never settles; use AverageValue")
	case "Utilization":
		r.refuse(fieldMetricType, "metricType \"Utilization\" is for cpu and memory; use AverageValue, or leave it out")
	default:
		r.refuse(fieldMetricType, "metricType %s is not known; use AverageValue, or leave it out", quote(r.trigger.MetricType))
	}
	if r.trigger.UseCachedMetrics {
		r.warn(fieldUseCachedMetrics, "useCachedMetrics lets the HPA see numbers as old as pollingInterval; remove it")
	}
}

// checkNames wants a name for each of several triggers: the demand is kept under it, and a
// position in the list changes when the list does.
func checkNames(readers []*reader) {
	if len(readers) < 2 {
		return
	}
	named := map[string]bool{}
	for _, r := range readers {
		name := r.trigger.Name
		switch {
		case name == "":
			r.refuse(fieldName, "name is missing; with several triggers of %s give each a name of its own", r.kind)
		case named[name]:
			r.refuse(fieldName, "name %s is used by another trigger; give each a name of its own", quote(name))
		}
		named[name] = true
	}
}

// checkPlaces wants each request to belong to one trigger.
func checkPlaces(readers []*reader, triggers []Parsed) {
	if len(readers) < 2 {
		return
	}
	taken := map[string]string{}
	for i, r := range readers {
		mine := places(triggers[i].Spec)
		for _, place := range slices.Sorted(maps.Keys(mine)) {
			if other, found := taken[place]; found {
				r.refuse(placeKey(r.kind), "%s: trigger %s has %s already; %s", placeKey(r.kind), other, mine[place], placeRemedy(r.kind))
				break
			}
		}
		for place := range mine {
			if _, found := taken[place]; !found {
				taken[place] = quote(r.label())
			}
		}
	}
}

func placeRemedy(kind v1alpha1.TriggerType) string {
	if kind == v1alpha1.TriggerEnvoyHTTP {
		return "count another cluster or metric, or remove one"
	}
	return "tell them apart by a host, path, header or model"
}

func placeKey(kind v1alpha1.TriggerType) string {
	if kind == v1alpha1.TriggerEnvoyHTTP {
		return keyExternalProxyMetricKey
	}
	return keyHosts
}
