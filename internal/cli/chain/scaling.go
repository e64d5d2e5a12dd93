package chain

import (
	"fmt"
	"strings"
	"time"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/kedify/inference-gateway/api/debug"
	"github.com/kedify/inference-gateway/controllers/scaledobject/plan"
)

// OfScaledObject explains a ScaledObject.
func OfScaledObject(f ScalingFacts) Checklist {
	l := newList(f.Object)
	if !l.exists("admitted", "", f.Object, f.Read) {
		return l.Checklist
	}
	if f.OurTriggers == 0 {
		l.add("parsed", "", Failed, "none of its triggers is of this product.",
			"use type kedify-http, or external-push with the scalerAddress of the installation")
		return l.Checklist
	}
	for _, problem := range f.Problems {
		l.add("parsed", "", Failed, strings.TrimSuffix(problem, ".")+".", "correct the trigger")
	}
	if len(f.Triggers) == 0 {
		l.add("parsed", "", Failed, "no HTTPScaler was made of its triggers.", "see the events of the ScaledObject, and kubectl kedify doctor")
	}
	for _, trigger := range f.Triggers {
		l.trigger(trigger, f.Views)
	}
	for _, trigger := range f.Triggers {
		l.asked(trigger, f.Views)
	}
	l.keda(f)
	l.bounds(f.ScaledObject)
	l.autoscaler(f)
	l.workload(f)
	for _, trigger := range f.Triggers {
		if trigger.Backend != nil {
			l.backend(*trigger.Backend, &trigger)
		}
		l.released(trigger, f.Views)
	}
	return l.Checklist
}

// trigger adds the links from a trigger to its counted requests.
func (l *list) trigger(t Trigger, views Views) {
	subject := "HTTPScaler " + t.Scaler.Name
	for _, link := range []struct{ name, kind, fix string }{
		{"parsed", plan.ConditionAccepted, "correct what the message names"},
		{"references", plan.ConditionResolvedRefs, "create what the message names, or correct the reference"},
	} {
		l.condition(link.name, subject, t.Scaler.Status.Conditions, expected{
			kind: link.kind, want: metav1.ConditionTrue, generation: t.Scaler.Generation, fix: link.fix,
		})
	}
	if t.Route != nil {
		var gateways []*Gateway
		if t.Gateway != nil {
			gateways = []*Gateway{t.Gateway}
		}
		l.route(*t.Route, gateways, views)
	}
	l.bypass(subject, t.Scaler.Status.Conditions)
	l.counted(subject, t, views)
	l.tokens(subject, t.Scaler)
}

// bypass adds whether requests may reach the application past the proxies.
func (l *list) bypass(subject string, conditions []metav1.Condition) {
	for _, condition := range conditions {
		if condition.Type == plan.ConditionBypassed && condition.Status == metav1.ConditionTrue {
			l.add("traffic", subject, Failed, conditionText(condition),
				`lead the object that the message names through the proxies, or set trafficAutowire: "false" if all requests come through them`)
		}
	}
}

// counted adds whether requests arrive and are counted.
func (l *list) counted(subject string, t Trigger, views Views) {
	demand := t.Demand
	if demand == nil {
		l.unknown("counted", subject, "no replica of the control plane knows the trigger%s.", because(views.Failure))
		return
	}
	if demand.LastArrival == "" {
		l.idle("traffic", subject, "no request has arrived through a proxy since the replicas began.")
	} else {
		l.ok("traffic", subject, "the last request arrived %s ago; %d since the replica began.", demand.LastArrival, demand.Requests)
	}
	heard := 0
	for _, proxy := range demand.Proxies {
		if proxy.Heard {
			heard++
		}
	}
	switch {
	case demand.Unknown != "":
		l.add("counted", subject, Failed,
			fmt.Sprintf("the demand is unknown, so KEDA keeps the replicas: %s.", strings.TrimSuffix(demand.Unknown, ".")),
			"see whether the Pods of the Gateway run and reach the control plane")
	default:
		l.ok("counted", subject, "%d of %d proxies were heard lately; %s is %s.", heard, len(demand.Proxies), demand.Metric, amount(demand))
	}
}

func amount(demand *debug.Demand) string {
	return fmt.Sprintf("%.4g, %d in flight, %d held", demand.Value, demand.InFlight, demand.Held)
}

// missedPolls is how many polls may be late before KEDA is said not to ask.
const missedPolls = 3

// asked adds when KEDA asked last, and what it was told. It polls a trigger once in pollingInterval.
func (l *list) asked(t Trigger, views Views) {
	if views.Answered == 0 {
		return
	}
	subject := "HTTPScaler " + t.Scaler.Name
	if t.Asked == nil {
		l.unknown("asked", subject, "KEDA has not asked any replica since the trigger is in force.")
		return
	}
	ago, err := time.ParseDuration(t.Asked.Ago)
	interval := time.Duration(t.Scaler.Spec.Scale.PollingSeconds) * time.Second
	if err == nil && interval > 0 && ago > missedPolls*interval {
		l.add("asked", subject, Failed,
			fmt.Sprintf("KEDA asked %s ago, although its pollingInterval is %s; the answer was %q.", t.Asked.Ago, interval, t.Asked.Answer),
			"see whether keda-operator runs and reaches port 9090 of the installation")
		return
	}
	l.ok("asked", subject, "KEDA asked %s ago; the answer was %q.", t.Asked.Ago, t.Asked.Answer)
}

// keda adds what KEDA says of the ScaledObject.
func (l *list) keda(f ScalingFacts) {
	so := f.ScaledObject
	if so == nil {
		return
	}
	if so.NeedToBePausedByAnnotation() {
		l.add("keda", "", Failed, fmt.Sprintf("the ScaledObject is paused (%s), so KEDA does not scale it.", pauses(so)), "remove the annotation")
		return
	}
	conditions := so.Status.Conditions
	ready := conditions.GetReadyCondition()
	switch {
	case len(conditions) == 0:
		l.unknown("keda", "", "KEDA has written no status yet; does it run?")
	case ready.Status == metav1.ConditionFalse:
		l.add("keda", "", Failed, fmt.Sprintf("KEDA says Ready=False (%s): %s", ready.Reason, ready.Message),
			"see the links above; when all of them hold, see the log of keda-operator")
	default:
		active := conditions.GetActiveCondition()
		l.ok("keda", "", "KEDA says Ready=%s, Active=%s%s.", ready.Status, active.Status, since(so.Status.LastActiveTime, f.Now))
	}
}

// pauses quotes the annotations that pause a ScaledObject.
func pauses(so *kedav1alpha1.ScaledObject) string {
	var quoted []string
	for _, name := range []string{kedav1alpha1.PausedAnnotation, kedav1alpha1.PausedReplicasAnnotation} {
		if value, has := so.Annotations[name]; has {
			quoted = append(quoted, fmt.Sprintf("%s: %q", name, value))
		}
	}
	return strings.Join(quoted, ", ")
}

// defaultMaximum of replicas is KEDA's.
const defaultMaximum = 100

// bounds adds how many replicas the ScaledObject allows.
func (l *list) bounds(so *kedav1alpha1.ScaledObject) {
	if so == nil {
		return
	}
	lowest, highest := ptr.Deref(so.Spec.MinReplicaCount, 0), ptr.Deref(so.Spec.MaxReplicaCount, defaultMaximum)
	switch idle := so.Spec.IdleReplicaCount; {
	case highest == 0:
		l.add("bounds", "", Failed, "maxReplicaCount is 0, so nothing starts the workload.", "raise maxReplicaCount")
	case idle != nil:
		l.ok("bounds", "", "%d replicas while no trigger is active (idleReplicaCount), else %d to %d.", *idle, lowest, highest)
	case lowest > 0:
		l.ok("bounds", "", "minReplicaCount is %d, so the workload never goes to zero; %d replicas at most.", lowest, highest)
	default:
		l.ok("bounds", "", "0 to %d replicas.", highest)
	}
}

func since(at *metav1.Time, now time.Time) string {
	if at == nil || now.IsZero() {
		return ""
	}
	return fmt.Sprintf(", last active %s ago", now.Sub(at.Time).Round(time.Second))
}

// autoscaler adds whether the HorizontalPodAutoscaler acts.
func (l *list) autoscaler(f ScalingFacts) {
	if f.Autoscaler == nil {
		l.unknown("hpa", "", "KEDA has made no HorizontalPodAutoscaler yet.")
		return
	}
	subject := f.Autoscaler.Object.String()
	if !l.exists("hpa", subject, f.Autoscaler.Object, f.Autoscaler.Read) {
		return
	}
	zero := f.Workload != nil && f.Workload.Found && f.Workload.Wanted == 0
	for _, condition := range f.Autoscaler.Conditions {
		text := fmt.Sprintf("%s=%t (%s): %s", condition.Type, condition.True, condition.Reason, condition.Message)
		switch {
		case condition.Type == "ScalingActive" && !condition.True && zero:
			l.idle("hpa", subject, "it rests while the workload has no replica.")
			return
		case (condition.Type == "ScalingActive" || condition.Type == "AbleToScale") && !condition.True:
			l.add("hpa", subject, Failed, text, "see the message")
			return
		case condition.Type == "ScalingLimited" && condition.True && condition.Reason == "TooManyReplicas":
			l.add("hpa", subject, Failed, text, "raise maxReplicaCount if the cluster has room")
			return
		}
	}
	l.ok("hpa", subject, "it scales the workload.")
}

// workload adds whether the replicas that are wanted run.
func (l *list) workload(f ScalingFacts) {
	w := f.Workload
	if w == nil {
		l.unknown("workload", "", "scaleTargetRef names a kind whose replicas are not read here.")
		return
	}
	subject := w.Object.String()
	if !l.exists("workload", subject, w.Object, w.Read) {
		return
	}
	switch {
	case w.Trouble != "":
		l.add("workload", subject, Failed, w.Trouble, "see the message; a quota or an admission policy keeps Pods from being made")
	case w.Wanted == 0:
		l.idle("workload", subject, "it has no replica.")
	case w.Ready >= w.Wanted:
		l.ok("workload", subject, "%d of %d replicas are ready.", w.Ready, w.Wanted)
	case waiting(w.Pods) != "":
		l.add("workload", subject, Failed, fmt.Sprintf("%d of %d replicas are ready: %s.", w.Ready, w.Wanted, waiting(w.Pods)),
			"repair what keeps the Pods from becoming ready")
	default:
		l.unknown("workload", subject, "%d of %d replicas are ready; the others are starting.", w.Ready, w.Wanted)
	}
}

// released adds whether held requests go on.
func (l *list) released(t Trigger, views Views) {
	if t.Scaler == nil || views.Answered == 0 {
		return
	}
	subject := "HTTPScaler " + t.Scaler.Name
	held, oldest := 0, time.Duration(0)
	for _, backend := range t.Holding {
		held += backend.Held
		for _, proxy := range backend.Proxies {
			if age, err := time.ParseDuration(proxy.Oldest); err == nil {
				oldest = max(oldest, age)
			}
		}
	}
	limit := ptr.Deref(t.Scaler.Spec.Hold.Timeout, metav1.Duration{}).Duration
	switch {
	case held == 0:
		l.ok("released", subject, "no request is held.")
	case limit > 0 && oldest > limit/2:
		l.add("released", subject, Failed,
			fmt.Sprintf("%d requests are held, the oldest for %s of at most %s; then they get 504.", held, oldest, limit),
			"see the links above for what the requests wait for")
	default:
		l.unknown("released", subject, "%d requests are held, the oldest for %s.", held, oldest)
	}
}
