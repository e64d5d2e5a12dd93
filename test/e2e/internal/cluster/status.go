package cluster

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// Condition is one that a test expects. An empty Reason takes any.
type Condition struct {
	Type   string
	Status metav1.ConditionStatus
	Reason string
}

// Accepted and the others are what healthy objects say.
var (
	Accepted     = Condition{Type: "Accepted", Status: metav1.ConditionTrue}
	Programmed   = Condition{Type: "Programmed", Status: metav1.ConditionTrue}
	ResolvedRefs = Condition{Type: "ResolvedRefs", Status: metav1.ConditionTrue}
)

// statusTimeout is how long a status may take to say what the tests expect.
const statusTimeout = time.Minute

// in returns nil when conditions has this one for the generation.
func (want Condition) in(conditions []metav1.Condition, generation int64) error {
	for _, c := range conditions {
		if c.Type != want.Type {
			continue
		}
		if c.Status != want.Status || (want.Reason != "" && c.Reason != want.Reason) || c.ObservedGeneration != generation {
			return fmt.Errorf("condition %s=%s (%s) for generation %d, want %s (%s) for %d: %s",
				c.Type, c.Status, c.Reason, c.ObservedGeneration, want.Status, want.Reason, generation, c.Message)
		}
		return nil
	}
	return fmt.Errorf("no condition %s among %d", want.Type, len(conditions))
}

func all(conditions []metav1.Condition, generation int64, want []Condition) error {
	for _, w := range want {
		if err := w.in(conditions, generation); err != nil {
			return err
		}
	}
	return nil
}

// GatewayReady waits until a Gateway is programmed and returns its first address.
func (c *Cluster) GatewayReady(t testing.TB, namespace, name string) string {
	t.Helper()
	var address string
	Eventually(t, 2*time.Minute, func() error {
		var gateway gwv1.Gateway
		if err := c.Client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, &gateway); err != nil {
			return err
		}
		if err := all(gateway.Status.Conditions, gateway.Generation, []Condition{Accepted, Programmed}); err != nil {
			return fmt.Errorf("gateway %s/%s: %w", namespace, name, err)
		}
		if len(gateway.Status.Addresses) == 0 {
			return fmt.Errorf("gateway %s/%s has no address", namespace, name)
		}
		address = gateway.Status.Addresses[0].Value
		return nil
	})
	return address
}

// RouteHas waits until our entries for all parents of a route have all the conditions.
func (c *Cluster) RouteHas(t testing.TB, namespace, name string, want ...Condition) {
	t.Helper()
	Eventually(t, statusTimeout, func() error {
		var route gwv1.HTTPRoute
		if err := c.Client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, &route); err != nil {
			return err
		}
		var ours []gwv1.RouteParentStatus
		for _, parent := range route.Status.Parents {
			if parent.ControllerName == v1alpha1.ControllerName {
				ours = append(ours, parent)
			}
		}
		if len(ours) != len(route.Spec.ParentRefs) {
			return fmt.Errorf("route %s/%s has a status of the product for %d of %d parentRefs",
				namespace, name, len(ours), len(route.Spec.ParentRefs))
		}
		for _, parent := range ours {
			if err := all(parent.Conditions, route.Generation, want); err != nil {
				return fmt.Errorf("route %s/%s: %w", namespace, name, err)
			}
		}
		return nil
	})
}

// PoolHas waits until a pool's entry for a Gateway has all the conditions.
func (c *Cluster) PoolHas(t testing.TB, namespace, name, gateway string, want ...Condition) {
	t.Helper()
	Eventually(t, statusTimeout, func() error {
		var pool inferencev1.InferencePool
		if err := c.Client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, &pool); err != nil {
			return err
		}
		for _, parent := range pool.Status.Parents {
			if string(parent.ParentRef.Name) != gateway {
				continue
			}
			if err := all(parent.Conditions, pool.Generation, want); err != nil {
				return fmt.Errorf("pool %s/%s: %w", namespace, name, err)
			}
			return nil
		}
		return fmt.Errorf("pool %s/%s has no parent %s", namespace, name, gateway)
	})
}

// Message returns the message of one condition of a route, for tests that want it to name the
// culprit.
func (c *Cluster) Message(t testing.TB, namespace, name, condition string) string {
	t.Helper()
	route := Get(t, c, namespace, name, &gwv1.HTTPRoute{})
	var messages []string
	for _, parent := range route.Status.Parents {
		for _, c := range parent.Conditions {
			if c.Type == condition {
				messages = append(messages, c.Message)
			}
		}
	}
	return strings.Join(messages, "\n")
}
