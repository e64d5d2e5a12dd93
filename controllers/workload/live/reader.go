package live

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/controllers/workload"
)

// maxPods bounds the Pods of one workload that are read. All of them have one template: what keeps one from being ready
// mostly keeps all.
const maxPods = 20

// withConditions are the kinds whose conditions say why there is no Pod.
var withConditions = map[schema.GroupKind]string{
	{Group: "apps", Kind: "Deployment"}:     "v1",
	{Group: "argoproj.io", Kind: "Rollout"}: "v1alpha1",
}

// Reads returns an empty object of each kind that is read: the permissions that are needed.
func Reads() []client.Object {
	objects := []client.Object{&corev1.Pod{}}
	for kind, version := range withConditions {
		objects = append(objects, empty(kind.WithVersion(version)))
	}
	return objects
}

// Workload is what to read.
type Workload struct {
	Kind     schema.GroupKind
	Key      types.NamespacedName
	Replicas int32
	// Selector of its Pods, as text; empty: its Pods are not known.
	Selector string
}

// Read reads a workload: one page of its Pods and, of a kind with conditions, the object.
func Read(ctx context.Context, reader client.Reader, of Workload) (workload.Facts, error) {
	facts := workload.Facts{Name: of.Kind.Kind + " " + of.Key.Name, Replicas: of.Replicas}
	if of.Selector != "" {
		selector, err := labels.Parse(of.Selector)
		if err != nil {
			return facts, fmt.Errorf("selector of %s: %w", facts.Name, err)
		}
		var pods corev1.PodList
		err = reader.List(ctx, &pods, client.InNamespace(of.Key.Namespace), client.MatchingLabelsSelector{Selector: selector},
			client.Limit(maxPods))
		if err != nil {
			return facts, fmt.Errorf("list the Pods of %s: %w", facts.Name, err)
		}
		facts.Pods = pods.Items
	}
	version, has := withConditions[of.Kind]
	if !has {
		return facts, nil
	}
	object := empty(of.Kind.WithVersion(version))
	switch err := reader.Get(ctx, of.Key, object); {
	case apierrors.IsNotFound(err):
		return facts, nil
	case err != nil:
		return facts, fmt.Errorf("read %s: %w", facts.Name, err)
	}
	facts.Conditions = conditionsOf(object)
	return facts, nil
}

func empty(kind schema.GroupVersionKind) *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(kind)
	return object
}

// conditionsOf reads status.conditions; those of another form are none.
func conditionsOf(object *unstructured.Unstructured) (conditions []metav1.Condition) {
	all, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
	for _, one := range all {
		content, is := one.(map[string]any)
		if !is {
			continue
		}
		condition := metav1.Condition{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(content, &condition); err == nil {
			conditions = append(conditions, condition)
		}
	}
	return conditions
}
