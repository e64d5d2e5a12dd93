package sweep

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/test/rig"
)

// condition is one of an object.
type condition struct {
	object resolve.Object
	metav1.Condition
}

func (c condition) String() string {
	return fmt.Sprintf("%s %s: %s=%s/%s: %s", c.object.Kind, c.object.Key, c.Type, c.Status, c.Reason, shortened(c.Message))
}

func shortened(text string) string {
	if len(text) > 300 {
		return text[:300] + "..."
	}
	return text
}

// negative reports whether the condition says that something is not in force. Programmed is about
// proxies: only the address that cannot be had is the user's.
func (c condition) negative() bool {
	switch c.Type {
	case "Accepted", "ResolvedRefs":
		return c.Status == metav1.ConditionFalse
	case "PartiallyInvalid", "Conflicted":
		return c.Status == metav1.ConditionTrue
	case "Programmed":
		return c.Status == metav1.ConditionFalse && c.Reason == string(gwv1.GatewayReasonAddressNotUsable)
	}
	return false
}

// conditionsIn are those of all statuses.
func conditionsIn(out *rig.Output) (all []condition) {
	for object, update := range out.Statuses {
		for _, c := range rig.Conditions(update.Value) {
			all = append(all, condition{object: object, Condition: c})
		}
	}
	slices.SortFunc(all, func(a, b condition) int { return strings.Compare(a.String(), b.String()) })
	return all
}

// named reports whether a message has one of the tried values, or the name of its field.
func named(tried []Mutation, negative []condition) bool {
	for _, c := range negative {
		message := strings.ToLower(c.Message)
		for _, m := range tried {
			for _, word := range m.words() {
				if strings.Contains(message, strings.ToLower(word)) {
					return true
				}
			}
		}
	}
	return false
}

// vague are names of fields that messages have for other reasons, too.
var vague = []string{"rule", "listener", "trigger", "metadata", "name"}

// words name what was tried: its field and those around it, and its value.
func (m Mutation) words() (words []string) {
	for _, part := range m.Field[1:] {
		if name, is := part.(string); is {
			words = append(words, strings.TrimSuffix(name, "s"))
		}
	}
	words = words[max(0, len(words)-3):]
	last := len(words) - 1
	words = append(slices.DeleteFunc(words[:last:last], func(word string) bool { return slices.Contains(vague, word) }), words[last])
	if text, is := m.Tried.(string); is && len(text) > 1 {
		words = append(words, text)
	}
	return append(words, m.lost...)
}

// statusContent is what would be written for a status.
func statusContent(value any) (map[string]any, error) {
	text, err := json.Marshal(wrapped(value))
	if err != nil {
		return nil, err
	}
	content := map[string]any{}
	if err := json.Unmarshal(text, &content); err != nil {
		return nil, err
	}
	return whole(content).(map[string]any), nil
}

// wrapped is a status with its list where it belongs and times set, as the writer does.
func wrapped(value any) any {
	now := metav1.Unix(1_700_000_000, 0)
	stamp := func(conditions []metav1.Condition) {
		for i := range conditions {
			conditions[i].LastTransitionTime = now
		}
	}
	switch value := value.(type) {
	case *gwv1.GatewayClassStatus:
		value = value.DeepCopy()
		stamp(value.Conditions)
		return value
	case *gwv1.GatewayStatus:
		value = value.DeepCopy()
		stamp(value.Conditions)
		for i := range value.Listeners {
			stamp(value.Listeners[i].Conditions)
		}
		return value
	case *gwv1.ListenerSetStatus:
		value = value.DeepCopy()
		stamp(value.Conditions)
		for i := range value.Listeners {
			stamp(value.Listeners[i].Conditions)
		}
		return value
	case []gwv1.RouteParentStatus:
		status := (&gwv1.RouteStatus{Parents: value}).DeepCopy()
		for i := range status.Parents {
			stamp(status.Parents[i].Conditions)
		}
		return status
	case []gwv1.PolicyAncestorStatus:
		status := (&gwv1.PolicyStatus{Ancestors: value}).DeepCopy()
		for i := range status.Ancestors {
			stamp(status.Ancestors[i].Conditions)
		}
		return status
	case []inferencev1.ParentStatus:
		status := (&inferencev1.InferencePoolStatus{Parents: value}).DeepCopy()
		for i := range status.Parents {
			stamp(status.Parents[i].Conditions)
		}
		return status
	}
	return value
}
