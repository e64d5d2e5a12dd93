package plan

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/scaler/trigger"
)

// explanation is the reason and the message of a condition; the zero value: there is nothing to say.
type explanation struct{ reason, message string }

func (f explanation) none() bool { return f.reason == "" }

// candidate is one trigger of this product on its way to objects.
type candidate struct {
	owner *kedav1alpha1.ScaledObject
	// key of the HTTPScaler, live is the one that is there, nil: none.
	key   types.NamespacedName
	live  *v1alpha1.HTTPScaler
	index int
	spec  v1alpha1.HTTPScalerSpec

	// invalid is why the trigger as it stands is not in force, but its last valid version.
	invalid explanation
	// weights is the same for the annotation with weights.
	weights explanation
	// warnings of trigger, and our own.
	warnings []string
	// mismatch says that pool and Service select different Pods.
	mismatch string
	// unresolved are references that lead nowhere.
	unresolved []explanation
	// refused is why a valid trigger has no route.
	refused explanation
	// unserved is why its routes are not served as they are written.
	unserved []explanation
	// unheard is a route of it without a status of this controller; empty: there is none.
	unheard string
	// routedBy is a route of the user that leads to the backend; empty: there is none.
	routedBy string
	// backends of the generated route.
	backends []gwv1.BackendRef
	// broken is the panic that a stage made of it; nil: none.
	broken error
}

// generates reports whether the trigger has a generated route.
func (c *candidate) generates() bool {
	return c.spec.Type == v1alpha1.TriggerHTTP && c.routedBy == "" && c.refused.none()
}

func (c *candidate) passthrough() bool { return c.spec.TLS.Mode == v1alpha1.TLSPassthrough }

// terminates reports whether the proxy ends TLS for the trigger.
func (c *candidate) terminates() bool { return !c.passthrough() && c.spec.TLS.SecretName != "" }

func (c *candidate) pooled() bool { return c.spec.Backend.InferencePool != "" }

func (c *candidate) unresolve(reason, message string) {
	c.unresolved = append(c.unresolved, explanation{reason, message})
}

// of returns the key of an object of the same namespace.
func (c *candidate) of(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: c.key.Namespace, Name: name}
}

// maker collects a Plan.
type maker struct {
	World
	plan      Plan
	scalers   map[types.NamespacedName]*v1alpha1.HTTPScaler
	generated map[types.NamespacedName][]gwv1.BackendRef
	verdicts  map[resolve.Object]verdict
	// proxyState is the answer of proxyBlocks; nil: it was not asked.
	proxyState *metav1.Condition
	candidates []*candidate
	// secured are the HTTPS listeners of the generated Gateway, those of older triggers first.
	secured []secured
}

// collect makes the candidates, those of older ScaledObjects first.
func (m *maker) collect() {
	objects := slices.DeleteFunc(slices.Clone(m.ScaledObjects), func(so *kedav1alpha1.ScaledObject) bool {
		return !so.DeletionTimestamp.IsZero() // its objects go now, although KEDA's finalizer may last
	})
	slices.SortFunc(objects, store.CompareAge[*kedav1alpha1.ScaledObject])
	for _, so := range objects {
		m.collectContained(so)
	}
}

// collectFrom makes the candidates of one ScaledObject.
func (m *maker) collectFrom(so *kedav1alpha1.ScaledObject) {
	object := ObjectOf(so)
	var rollout *unstructured.Unstructured
	if isRollout(object.Target) {
		rollout = m.Find.Rollout(types.NamespacedName{Namespace: so.Namespace, Name: object.Target.Name})
		object.Annotations = withWeightsOf(object.Annotations, rollout)
	}
	for _, problem := range trigger.Lookalikes(object, m.ScalerAddress) {
		m.tell(Event{About: so, Type: corev1.EventTypeWarning, Reason: ReasonAnotherAddress, Note: sentence(problem.String()), Once: true})
	}
	result := trigger.Parse(object, m.ScalerAddress)
	if len(result.Triggers) == 0 {
		for _, problem := range trigger.Errors(result.Problems) {
			m.tell(Event{About: so, Type: corev1.EventTypeWarning, Reason: ReasonInvalid, Note: problem.String(), Once: true})
		}
		return
	}
	for _, parsed := range result.Triggers {
		c := &candidate{owner: so, key: types.NamespacedName{Namespace: so.Namespace, Name: parsed.Name}, index: parsed.Index, spec: parsed.Spec}
		c.live = m.scalers[c.key]
		c.defaultHold(m.Hold)
		if m.taken(c) {
			continue
		}
		if m.inForce(c, result.Problems) {
			m.warnOfWiring(c)
			m.fromRollout(c, rollout)
			m.candidates = append(m.candidates, c)
		}
	}
}

// warnOfWiring warns of a wired Service that is asked for in vain. What trafficAutowire asks for in vain
// has a condition of its own.
func (m *maker) warnOfWiring(c *candidate) {
	if warning := trigger.NoWiredService(c.spec); warning != "" && !m.Autowire {
		c.warnings = append(c.warnings, warning)
	}
}

// defaultHold writes the defaults of the installation where the trigger says nothing. Every reader of
// the HTTPScaler then has the value in force: the proxy's patience follows it.
func (c *candidate) defaultHold(defaults v1alpha1.HTTPScalerHold) {
	if c.spec.Type != v1alpha1.TriggerHTTP {
		return
	}
	if c.spec.Hold.Timeout == nil {
		c.spec.Hold.Timeout = defaults.Timeout
	}
	if c.spec.Hold.MaxPending == nil {
		c.spec.Hold.MaxPending = defaults.MaxPending
	}
}

// taken reports whether an HTTPScaler of the name has another owner.
func (m *maker) taken(c *candidate) bool {
	if c.live == nil {
		return false
	}
	if owner := metav1.GetControllerOf(c.live); owner != nil && owner.Kind == kindScaledObject && owner.Name == c.owner.Name {
		return false
	}
	m.tell(Event{
		About: c.owner, Related: c.live, Type: corev1.EventTypeWarning, Reason: ReasonNameTaken, Once: true,
		Note: "HTTPScaler " + c.key.Name + " exists and was not made for this trigger; delete it, or give the trigger another name.",
	})
	return true
}

// inForce decides which version of the trigger is in force: this one, the last valid one, or,
// when there never was one, none.
func (m *maker) inForce(c *candidate, problems []trigger.Problem) bool {
	var errors []string
	for _, problem := range problems {
		switch mine := problem.Index == c.index || problem.Index < 0; {
		case !mine:
		case problem.Warning:
			c.warnings = append(c.warnings, problem.Message)
		case problem.Key == trigger.WeightsAnnotation:
			c.weights = explanation{ReasonInvalid, sentence(problem.Message)}
		default:
			errors = append(errors, problem.Message)
		}
	}
	if len(errors) == 0 {
		return true
	}
	message := sentence(strings.Join(errors, "; "))
	if c.live == nil {
		m.tell(Event{
			About: c.owner, Type: corev1.EventTypeWarning, Reason: ReasonInvalid, Once: true,
			Note: "trigger " + c.spec.Trigger + ": " + message,
		})
		return false
	}
	c.invalid = explanation{ReasonInvalid, message + " The last valid version stays in force."}
	c.spec = *c.live.Spec.DeepCopy()
	c.weights = explanation{}
	return true
}

func (m *maker) tell(event Event) { m.plan.Events = append(m.plan.Events, event) }

// sentence ends a message with a full stop.
func sentence(message string) string {
	if strings.HasSuffix(message, ".") || strings.HasSuffix(message, "?") {
		return message
	}
	return message + "."
}
