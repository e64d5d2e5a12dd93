package scaledobject

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// The cache keeps of a Rollout what plans read: its metadata and its strategy.
func TestTrimRollout(t *testing.T) {
	rollout := newRollout().(*unstructured.Unstructured)
	rollout.SetName("web")
	rollout.SetAnnotations(map[string]string{"a": "b"})
	rollout.Object["spec"] = map[string]any{
		"strategy": map[string]any{"canary": map[string]any{"stableService": "web"}}, "template": map[string]any{"spec": "large"},
	}
	rollout.Object["status"] = map[string]any{"replicas": int64(1)}
	trimmed := trimRollout(rollout).(*unstructured.Unstructured)
	name, _, _ := unstructured.NestedString(trimmed.Object, "spec", "strategy", "canary", "stableService")
	if name != "web" || trimmed.GetName() != "web" || len(trimmed.GetAnnotations()) != 1 {
		t.Errorf("lost what plans read: %v", trimmed.Object)
	}
	if _, found := trimmed.Object["status"]; found || len(trimmed.Object["spec"].(map[string]any)) != 1 {
		t.Errorf("kept %v", trimmed.Object)
	}
	bare := trimRollout(newRollout()).(*unstructured.Unstructured)
	if _, found := bare.Object["spec"]; found {
		t.Errorf("invented %v", bare.Object)
	}
}
