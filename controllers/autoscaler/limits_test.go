package autoscaler

import (
	"context"
	"errors"
	"testing"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler"
)

type (
	scaledObject = kedav1alpha1.ScaledObject
	autoscaler   = autoscalingv2.HorizontalPodAutoscaler
	change       func(*scaledObject, *autoscaler)
)

// TestMost: the maximum of the HPA, and each reason why replicas may not be raised.
func TestMost(t *testing.T) {
	annotate := func(name, value string) change {
		return func(so *scaledObject, _ *autoscaler) {
			so.Annotations = map[string]string{"autoscaling.keda.sh/" + name: value}
		}
	}
	for name, c := range map[string]struct {
		change change
		why    string
	}{
		"allowed":            {},
		"paused":             {annotate("paused", "true"), "the ScaledObject is paused"},
		"paused with a word": {annotate("paused", "yes"), "the ScaledObject is paused"},
		"not paused":         {annotate("paused", "false"), ""},
		"paused at a number": {annotate("paused-replicas", "3"), "the ScaledObject is paused"},
		"paused scaling out": {annotate("paused-scale-out", "true"), "the ScaledObject is paused"},
		"paused scaling in":  {annotate("paused-scale-in", "true"), ""},
		"no ScaledObject":    {func(so *scaledObject, _ *autoscaler) { so.Name = "other" }, "the ScaledObject does not exist"},
		"ScaledObject going": {func(so *scaledObject, _ *autoscaler) { going(so) }, "the ScaledObject is being deleted"},
		"no HPA yet":         {func(so *scaledObject, _ *autoscaler) { so.Status.HpaName = "" }, "the ScaledObject has no HPA"},
		"no HPA":             {func(_ *scaledObject, hpa *autoscaler) { hpa.Name = "other" }, "the HPA keda-hpa-llm does not exist"},
		"HPA going":          {func(_ *scaledObject, hpa *autoscaler) { going(hpa) }, "the HPA keda-hpa-llm is being deleted"},
		"HPA of other target": {func(_ *scaledObject, hpa *autoscaler) { hpa.Spec.ScaleTargetRef.Name = "db" },
			"the HPA keda-hpa-llm scales Deployment db"},
		"HPA may not": {func(_ *scaledObject, hpa *autoscaler) {
			disabled := autoscalingv2.DisabledPolicySelect
			hpa.Spec.Behavior = &autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: &autoscalingv2.HPAScalingRules{SelectPolicy: &disabled}}
		}, "the HPA keda-hpa-llm may not scale up (behavior.scaleUp.selectPolicy is Disabled)"},
	} {
		t.Run(name, func(t *testing.T) {
			so := &kedav1alpha1.ScaledObject{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "llm"}}
			so.Status.HpaName = "keda-hpa-llm"
			hpa := &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "keda-hpa-llm"}}
			hpa.Spec.MaxReplicas = 7
			hpa.Spec.ScaleTargetRef = autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "llm"}
			if c.change != nil {
				c.change(so, hpa)
			}
			most, why, err := limitsOf(t, nil, so, hpa).Most(t.Context(), llm())
			if want := int32(7); err != nil || why != c.why || why == "" && most != want {
				t.Errorf("%d, %q, %v; want %q", most, why, err, c.why)
			}
		})
	}
}

// TestMostUnknown: an API server that does not answer allows nothing.
func TestMostUnknown(t *testing.T) {
	away := errors.New("away")
	if _, why, err := limitsOf(t, away).Most(t.Context(), llm()); !errors.Is(err, away) || why != "" {
		t.Errorf("%q, %v", why, err)
	}
}

func going(object client.Object) {
	now := metav1.Now()
	object.SetDeletionTimestamp(&now)
	object.SetFinalizers([]string{"keda.sh/finalizer"})
}

func llm() *scaler.Scaler {
	return &scaler.Scaler{Key: types.NamespacedName{Namespace: "shop", Name: "llm-0"}, Spec: v1alpha1.HTTPScalerSpec{
		ScaledObject: "llm",
		Scale:        v1alpha1.HTTPScalerScale{Target: v1alpha1.HTTPScalerTarget{APIVersion: "apps/v1", Kind: "Deployment", Name: "llm"}},
	}}
}

func limitsOf(t *testing.T, fail error, objects ...client.Object) Limits {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{kedav1alpha1.AddToScheme, autoscalingv2.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	reader := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithInterceptorFuncs(interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
			if fail != nil {
				return fail
			}
			return c.Get(ctx, key, object, options...)
		},
	}).Build()
	return Limits{Cache: reader, Direct: reader}
}
