package trigger

import (
	"strings"
	"testing"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/internal/golden"
)

// TestGolden: whole objects as users apply them, and all that is made of them.
func TestGolden(t *testing.T) {
	golden.Run(t, "testdata", func(t *testing.T, c *golden.Case) []golden.Section {
		result := Parse(decode(t, c.Input), ourAddress)
		type scaler struct {
			Name     string                  `json:"name"`
			Accepted bool                    `json:"accepted"`
			Spec     v1alpha1.HTTPScalerSpec `json:"spec"`
		}
		scalers := []scaler{}
		for _, parsed := range result.Triggers {
			scalers = append(scalers, scaler{parsed.Name, parsed.Accepted, parsed.Spec})
		}
		text, err := yaml.Marshal(scalers)
		if err != nil {
			t.Fatal(err)
		}
		problems, err := yaml.Marshal(append([]string{}, messages(result.Problems)...))
		if err != nil {
			t.Fatal(err)
		}
		return []golden.Section{{Name: "Scalers", Body: string(text)}, {Name: "Problems", Body: string(problems)}}
	})
}

// decode reads a ScaledObject or ScaledJob with KEDA's own types.
func decode(t *testing.T, text []byte) Object {
	t.Helper()
	var kind metav1.TypeMeta
	if err := yaml.Unmarshal(text, &kind); err != nil {
		t.Fatal(err)
	}
	if kind.Kind == ScaledJob {
		var job kedav1alpha1.ScaledJob
		if err := yaml.UnmarshalStrict(text, &job); err != nil {
			t.Fatal(err)
		}
		return Object{Kind: kind.Kind, Name: job.Name, Annotations: job.Annotations, Triggers: triggersOf(job.Spec.Triggers)}
	}
	var so kedav1alpha1.ScaledObject
	if err := yaml.UnmarshalStrict(text, &so); err != nil {
		t.Fatal(err)
	}
	object := Object{
		Kind: kind.Kind, Name: so.Name, Annotations: so.Annotations,
		Min: so.Spec.MinReplicaCount, Max: so.Spec.MaxReplicaCount, Idle: so.Spec.IdleReplicaCount,
		CooldownSeconds: so.Spec.CooldownPeriod, PollingSeconds: so.Spec.PollingInterval,
		Triggers: triggersOf(so.Spec.Triggers),
	}
	if target := so.Spec.ScaleTargetRef; target != nil {
		object.Target = v1alpha1.HTTPScalerTarget{APIVersion: target.APIVersion, Kind: target.Kind, Name: target.Name}
	}
	object.Formula = so.IsUsingModifiers()
	if so.Spec.Fallback != nil {
		object.FallbackReplicas = &so.Spec.Fallback.Replicas
	}
	return object
}

func triggersOf(triggers []kedav1alpha1.ScaleTriggers) []Trigger {
	var all []Trigger
	for _, t := range triggers {
		all = append(all, Trigger{
			Type: t.Type, Name: t.Name, Metadata: t.Metadata, MetricType: string(t.MetricType), UseCachedMetrics: t.UseCachedMetrics,
		})
	}
	return all
}

// TestGoldenProblems: the goldens of good objects have no problems, and there are bad ones.
func TestGoldenProblems(t *testing.T) {
	bad := 0
	for _, c := range golden.Load(t, "testdata") {
		problems := Parse(decode(t, c.Input), ourAddress).Problems
		if strings.HasPrefix(c.Name, "bad-") {
			bad++
			if len(Errors(problems)) == 0 {
				t.Errorf("%s is accepted", c.Name)
			}
		} else if len(Errors(problems)) > 0 {
			t.Errorf("%s is refused: %q", c.Name, messages(problems))
		}
	}
	if bad == 0 {
		t.Error("no bad object")
	}
}
