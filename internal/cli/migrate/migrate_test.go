package migrate

import (
	"errors"
	"strings"
	"testing"

	"github.com/kedify/inference-gateway/controllers/scaledobject/plan"
	"github.com/kedify/inference-gateway/internal/golden"
	"github.com/kedify/inference-gateway/scaler/trigger"
)

// TestGolden shows what each field becomes. Every result is a ScaledObject that admission takes.
func TestGolden(t *testing.T) {
	golden.Run(t, "testdata", func(t *testing.T, c *golden.Case) []golden.Section {
		result, err := Of(c.Input)
		if err != nil {
			t.Fatal(err)
		}
		parsed := trigger.Parse(plan.ObjectOf(result.ScaledObject), "kedify-gateway.kedify-system.svc.cluster.local:9090")
		if mistakes := trigger.Errors(parsed.Problems); len(mistakes) > 0 || len(parsed.Triggers) != 1 {
			t.Errorf("admission refuses the result: %v", mistakes)
		}
		var out strings.Builder
		if err := result.Print(&out); err != nil {
			t.Fatal(err)
		}
		return []golden.Section{{Name: "Result", Body: out.String()}}
	})
}

// FuzzOf: any input is migrated or refused; a field that is not known is refused.
func FuzzOf(f *testing.F) {
	f.Add("apiVersion: http.keda.sh/v1alpha1\nkind: HTTPScaledObject\nmetadata: {name: a}\nspec: {scaleTargetRef: {service: a, port: 80}}\n")
	f.Add("{")
	f.Fuzz(func(t *testing.T, text string) {
		result, err := Of([]byte(text))
		if err != nil {
			if !errors.Is(err, ErrInput) {
				t.Fatal(err)
			}
			return
		}
		if result.ScaledObject == nil || len(result.ScaledObject.Spec.Triggers) != 1 {
			t.Fatalf("%+v", result)
		}
	})
}

func TestRefused(t *testing.T) {
	for name, text := range map[string]string{
		"another kind": "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: a}\nspec: {}\n",
		"another field": "apiVersion: http.keda.sh/v1alpha1\nkind: HTTPScaledObject\nmetadata: {name: a}\n" +
			"spec: {scaleTargetRef: {service: a, port: 80}, new: 1}\n",
		"no port": "apiVersion: http.keda.sh/v1alpha1\nkind: HTTPScaledObject\nmetadata: {name: a}\nspec: {scaleTargetRef: {service: a}}\n",
	} {
		if _, err := Of([]byte(text)); !errors.Is(err, ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
