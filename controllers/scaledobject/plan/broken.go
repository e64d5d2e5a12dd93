package plan

import (
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"

	"github.com/kedify/inference-gateway/internal/contain"
)

// A panic about one trigger is a fault of the product, and that of this trigger alone: what there is of it stays as it
// is, and all others get what they should have.

// Failure is a trigger, or a whole ScaledObject, that could not be planned.
type Failure struct {
	ScaledObject types.NamespacedName
	// Err is a *contain.Panic.
	Err error
}

// each calls a function for each candidate that is not broken.
func (m *maker) each(work func(*candidate)) {
	for _, c := range slices.Clone(m.candidates) {
		if c.broken != nil {
			continue
		}
		if err := contain.Do(func() { work(c) }); err != nil {
			m.fail(c.owner, err)
			m.breaks(c, err)
		}
	}
}

// collectContained makes the candidates of one ScaledObject.
func (m *maker) collectContained(so *kedav1alpha1.ScaledObject) {
	before, told := len(m.candidates), len(m.plan.Events)
	err := contain.Do(func() { m.collectFrom(so) })
	if err == nil {
		return
	}
	m.candidates, m.plan.Events = m.candidates[:before], m.plan.Events[:told]
	m.fail(so, err)
	for _, live := range m.Scalers {
		owner := metav1.GetControllerOf(live)
		if owner == nil || owner.Kind != kindScaledObject || owner.Name != so.Name || live.Namespace != so.Namespace {
			continue
		}
		c := &candidate{owner: so, key: types.NamespacedName{Namespace: live.Namespace, Name: live.Name}, live: live}
		m.candidates = append(m.candidates, c)
		m.breaks(c, err)
	}
}

// breaks has a candidate stay as it is. Its last version goes on to claim its hosts and its certificate; one that never was
// in force claims nothing.
func (m *maker) breaks(c *candidate, err error) {
	c.broken = err
	if c.live == nil {
		m.candidates = slices.DeleteFunc(m.candidates, func(other *candidate) bool { return other == c })
		return
	}
	c.spec = *c.live.Spec.DeepCopy()
}

// keep adds what is known of a broken candidate.
func (m *maker) keep(c *candidate) {
	status := c.live.Status.DeepCopy()
	conditions := []metav1.Condition{conditionOf(ConditionAccepted, false, explanation{ReasonFailed, failureText(c.broken)})}
	for _, condition := range status.Conditions {
		if Owns(condition) && condition.Type != ConditionAccepted && condition.Type != ConditionReady {
			conditions = append(conditions, conditionOf(condition.Type, condition.Status == metav1.ConditionTrue,
				explanation{condition.Reason, condition.Message}))
		}
	}
	status.Conditions = append(conditions, blocked(conditions))
	m.plan.Kept = append(m.plan.Kept, c.key)
	m.plan.Statuses = append(m.plan.Statuses, Status{Scaler: c.key, Value: *status})
}

func (m *maker) fail(so *kedav1alpha1.ScaledObject, err error) {
	m.plan.Failures = append(m.plan.Failures, Failure{types.NamespacedName{Namespace: so.Namespace, Name: so.Name}, err})
	m.tell(Event{About: so, Type: corev1.EventTypeWarning, Reason: ReasonFailed, Note: failureText(err), Once: true})
}

// failureText leaves the stack to the log.
func failureText(err error) string {
	var panicked *contain.Panic
	if !errors.As(err, &panicked) {
		return sentence(err.Error())
	}
	return fmt.Sprintf("The controller failed at this trigger (%v), which is a fault of its own. The last version stays in force. "+
		"The log of the controller has the place; please report it.", panicked)
}
