package plan

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/wiring/mirror"
)

// Bounds of a status.
const (
	maxObjects = 16
	maxReasons = 8
)

// say makes the status of an HTTPScaler, and tells what changed in it.
func (m *maker) say(scaler *v1alpha1.HTTPScaler) {
	key := types.NamespacedName{Namespace: scaler.Namespace, Name: scaler.Name}
	status := Status{Scaler: key, Wiring: m.wiringOf(scaler), Rewired: m.rewired(scaler)}
	m.plan.Statuses = append(m.plan.Statuses, status)
	m.announce(scaler, status.Rewired)
}

// wiringOf is status.wiring. The path is direct from the first step away from the proxies to the last
// one back.
func (m *maker) wiringOf(scaler *v1alpha1.HTTPScaler) *v1alpha1.HTTPScalerWiring {
	wiring := &v1alpha1.HTTPScalerWiring{Path: m.Path}
	asleep := true
	for _, w := range m.of(scaler) {
		if !m.rendersFor(w) {
			continue
		}
		wiring.Services = append(wiring.Services, w.name)
		wiring.Objects = append(wiring.Objects, w.objects()...)
		asleep = asleep && !w.awake
		if w.path != mirror.Proxy {
			wiring.Path = v1alpha1.PathDirect
		}
	}
	if len(wiring.Services) == 0 {
		return nil
	}
	if asleep {
		m.plan.Asleep = append(m.plan.Asleep, types.NamespacedName{Namespace: scaler.Namespace, Name: scaler.Name})
	}
	slices.Sort(wiring.Services)
	wiring.Objects = bounded(wiring.Objects, maxObjects, "more objects")
	m.dateOf(wiring, scaler.Status.Wiring)
	return wiring
}

// rendersFor reports whether the plan has objects for a Service.
func (m *maker) rendersFor(w *wired) bool {
	return !w.gone && w.output.Problem.None() && (w.exists() || w.wanted)
}

// dateOf says since when the path is what it is, and when it was direct last.
func (m *maker) dateOf(wiring, before *v1alpha1.HTTPScalerWiring) {
	now := metav1.NewTime(m.Now.Truncate(1e9))
	wiring.Since = now
	if before == nil {
		return
	}
	if before.Path == wiring.Path {
		wiring.Since, wiring.DirectUntil = before.Since, before.DirectUntil
	} else if wiring.Path == v1alpha1.PathProxy {
		wiring.DirectUntil = &now
	}
}

// objects that lead to the proxies.
func (w *wired) objects() []string {
	var found []string
	for _, u := range w.uses {
		if u.leads {
			found = append(found, u.text)
		}
	}
	return found
}

// bounded sorts texts, each once, and makes a number of those beyond a limit.
func bounded(texts []string, limit int, rest string) []string {
	slices.Sort(texts)
	texts = slices.Compact(texts)
	if more := len(texts) - limit; more > 0 {
		texts = append(texts[:limit-1:limit-1], fmt.Sprintf("%d %s", more+1, rest))
	}
	return texts
}

// rewired is the condition: true while everything that leads to the application leads to the proxies.
func (m *maker) rewired(scaler *v1alpha1.HTTPScaler) *metav1.Condition {
	if m.ForeignUnknown {
		said := meta.FindStatusCondition(scaler.Status.Conditions, ConditionRewired)
		if said != nil && said.Reason == ReasonNotRewired {
			return nil
		}
		return said // what is not read may lead there, too
	}
	var wired, lost []string
	var reasons []reason
	for _, w := range m.of(scaler) {
		found, why := m.outcome(w, scaler)
		wired, reasons, lost = append(wired, found...), append(reasons, why...), append(lost, m.unmatchedOf(w, scaler)...)
	}
	reasons = append(append(reasons, m.passing[scaler.Name]...), m.failures()...)
	asked := scaler.Spec.WiredService || !never(scaler)
	switch {
	case !asked, standingOf(scaler) == unserved && len(wired)+len(reasons) == 0:
		return nil
	case len(reasons) > 0:
		return conditionOf(false, joined(reasons, append(lost, sentences(wired)...)))
	case len(lost) > 0 && len(wired) > 0:
		return conditionOf(true, reason{ReasonUnmatched, strings.Join(append(lost, sentences(wired)...), " ")})
	case len(wired) > 0:
		return conditionOf(true, reason{ReasonRewired, strings.Join(sentences(wired), " ")})
	}
	return conditionOf(false, m.nothing(scaler))
}

// outcome says which objects lead to the proxies, and why others do not.
func (m *maker) outcome(w *wired, scaler *v1alpha1.HTTPScaler) (wired []string, reasons []reason) {
	if why := m.unrendered(w); !why.none() {
		if w.inCluster || len(w.uses) > 0 || scaler.Spec.WiredService {
			reasons = append(reasons, why)
		}
		return nil, reasons
	}
	for _, why := range []reason{w.refused[scaler.Name], m.refusedService(w)} {
		if !why.none() {
			reasons = append(reasons, why)
		}
	}
	if w.inCluster {
		return w.inClusterOutcome(reasons)
	}
	for _, u := range w.uses {
		switch {
		case u.why.none() && u.leads && (len(u.scalers) == 0 || slices.Contains(u.scalers, scaler)):
			wired = append(wired, fmt.Sprintf("%s leads to the proxies through Service %s.", u.text, w.name))
		case !u.why.none() && !u.minor():
			reasons = append(reasons, u.why)
		}
	}
	return wired, reasons
}

// unrendered says why a Service has no objects.
func (m *maker) unrendered(w *wired) reason {
	problem := w.output.Problem
	if problem.Reason == mirror.ReasonNotFound && !w.inCluster {
		return because(problem.Reason, "%s does not exist; create it or correct its name in the trigger.", w.text(m.Namespace))
	}
	return reason{problem.Reason, problem.Message}
}

// minor: the owner of an object in another namespace must not decide what is said of an
// application.
func (u *use) minor() bool { return u.abroad && !u.waits && u.why.name != ReasonLimited }

// inClusterOutcome says whether the slices of a user's Service are in place.
func (w *wired) inClusterOutcome(reasons []reason) ([]string, []reason) {
	switch {
	case len(reasons) > 0:
		return nil, reasons
	case !slices.ContainsFunc(w.slices, mirror.Ours):
		return nil, []reason{because(ReasonWaiting, "Service %s does not lead to the proxies yet.", keyText(w.live))}
	}
	return []string{fmt.Sprintf("Service %s leads to the proxies.", keyText(w.live))}, nil
}

func (m *maker) nothing(scaler *v1alpha1.HTTPScaler) reason {
	var originals, names []string
	for _, w := range m.of(scaler) {
		originals = append(originals, w.text(m.Namespace))
		if m.rendersFor(w) {
			names = append(names, w.name)
		}
	}
	text := "No object of another controller leads to " + strings.Join(originals, " or ") + "."
	if len(names) > 0 {
		text += " What is pointed at Service " + strings.Join(names, " or ") + " leads to the proxies."
		if !everyHost([]*v1alpha1.HTTPScaler{scaler}) {
			text += " The proxies answer requests for other hosts than those of the triggers with 404."
		}
	}
	return reason{ReasonNothing, text}
}

// joined says everything that does not pass by itself, under the reason of the first; or what does.
func joined(reasons []reason, others []string) reason {
	lasting := slices.DeleteFunc(slices.Clone(reasons), func(r reason) bool { return r.name == ReasonWaiting })
	if len(lasting) > 0 {
		reasons = lasting
	}
	slices.SortStableFunc(reasons, func(a, b reason) int { return strings.Compare(a.text, b.text) })
	var texts []string
	for _, why := range reasons {
		texts = append(texts, why.text)
	}
	text := strings.Join(bounded(texts, maxReasons, "more references are not rewired."), " ")
	text = strings.Join(append([]string{text}, others...), " ")
	return reason{reasons[0].name, text}
}

func sentences(texts []string) []string {
	return bounded(slices.Clone(texts), maxReasons, "more objects lead to the proxies.")
}

// announce tells the ScaledObject when the condition says something new.
func (m *maker) announce(scaler *v1alpha1.HTTPScaler, condition *metav1.Condition) {
	if condition == nil || condition.Reason == ReasonNothing || condition.Reason == ReasonWaiting {
		return
	}
	before := meta.FindStatusCondition(scaler.Status.Conditions, ConditionRewired)
	if before != nil && before.Status == condition.Status && before.Reason == condition.Reason && before.Message == condition.Message {
		return
	}
	event := Event{
		About: scaler, Related: nil, Type: corev1.EventTypeWarning, Reason: condition.Reason,
		Note: "trigger " + scaler.Spec.Trigger + ": " + condition.Message,
	}
	if condition.Status == metav1.ConditionTrue && condition.Reason != ReasonUnmatched {
		event.Type = corev1.EventTypeNormal
	}
	if owner := metav1.GetControllerOf(scaler); owner != nil {
		about := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: scaler.Namespace, Name: owner.Name, UID: owner.UID}}
		about.SetGroupVersionKind(gvkOf(owner))
		event.About, event.Related = about, scaler
	}
	m.plan.Events = append(m.plan.Events, event)
}

func gvkOf(owner *metav1.OwnerReference) schema.GroupVersionKind {
	return schema.FromAPIVersionAndKind(owner.APIVersion, owner.Kind)
}
