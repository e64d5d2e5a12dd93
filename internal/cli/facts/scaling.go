package facts

import (
	"cmp"
	"context"
	"errors"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/scaledobject/plan"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/internal/cli/chain"
	"github.com/kedify/inference-gateway/scaler/trigger"
)

// ScaledObject collects what is known of a ScaledObject.
func (s *Source) ScaledObject(ctx context.Context, key types.NamespacedName) chain.ScalingFacts {
	facts := chain.ScalingFacts{Now: s.Now, Object: chain.Object{Kind: trigger.ScaledObject, Namespace: key.Namespace, Name: key.Name}}
	var so kedav1alpha1.ScaledObject
	if facts.Read = s.read(ctx, key, &so); !facts.Found {
		return facts
	}
	facts.ScaledObject = &so
	object := plan.ObjectOf(&so)
	for _, each := range object.Triggers {
		if trigger.IsOurs(each, s.ScalerAddress) {
			facts.OurTriggers++
		}
	}
	parsed := trigger.Parse(object, s.ScalerAddress)
	for _, problem := range append(trigger.Errors(parsed.Problems), trigger.Lookalikes(object, s.ScalerAddress)...) {
		facts.Problems = append(facts.Problems, problem.String())
	}
	scalers, err := s.scalers(ctx, key.Namespace)
	failures := []error{err}
	for i := range scalers {
		if scalers[i].Spec.ScaledObject == key.Name {
			made, err := s.trigger(ctx, &scalers[i])
			facts.Triggers = append(facts.Triggers, made)
			failures = append(failures, err)
		}
	}
	facts.OurTriggers = max(facts.OurTriggers, len(facts.Triggers))
	workload, selector := s.workload(ctx, key.Namespace, object.Target)
	workload.Pods = s.pods(ctx, key.Namespace, selector)
	facts.Workload = workload
	facts.Autoscaler = s.autoscaler(ctx, key.Namespace, so.Status.HpaName)
	facts.Views = s.demandOf(ctx, facts.Triggers, failures)
	return facts
}

// scalers lists the HTTPScalers of a namespace.
func (s *Source) scalers(ctx context.Context, namespace string) ([]v1alpha1.HTTPScaler, error) {
	var list v1alpha1.HTTPScalerList
	err := s.list(ctx, namespace, &list)
	return list.Items, err
}

// trigger collects what is known of one trigger.
func (s *Source) trigger(ctx context.Context, scaler *v1alpha1.HTTPScaler) (chain.Trigger, error) {
	made := chain.Trigger{Scaler: scaler}
	if scaler.Spec.Type != v1alpha1.TriggerHTTP {
		return made, nil // an Envoy of the user counts, and no route is generated
	}
	var backend chain.Backend
	if of := backendKey(scaler); of.Kind == string(store.InferencePool) {
		backend, _ = s.poolBackend(ctx, types.NamespacedName{Namespace: of.Namespace, Name: of.Name})
	} else {
		backend = s.service(ctx, types.NamespacedName{Namespace: of.Namespace, Name: of.Name}, ptr.Deref(scaler.Spec.Backend.Port, 0))
	}
	made.Backend = &backend
	if scaler.Status.Route == "" {
		return made, nil
	}
	kind := store.HTTPRoute
	if scaler.Spec.TLS.Mode == v1alpha1.TLSPassthrough {
		kind = store.TLSRoute
	}
	route := s.route(ctx, kind, types.NamespacedName{Namespace: scaler.Namespace, Name: scaler.Status.Route}, routeKinds[kind]())
	made.Route = &route
	if len(route.Refs) == 0 {
		return made, nil
	}
	gateway, err := s.parent(ctx, scaler.Namespace, route.Refs[0], route.Object)
	made.Gateway = gateway
	return made, err
}

// demandOf adds to triggers what the replicas know of them, and says which replicas answered. failures are those of before.
func (s *Source) demandOf(ctx context.Context, triggers []chain.Trigger, failures []error) chain.Views {
	demands, err := s.Demands(ctx)
	holding, holdErr := s.Holding(ctx)
	asked, askedErr := s.Asked(ctx)
	failures = append(failures, err, holdErr, askedErr)
	for i := range triggers {
		key := store.KeyOf(triggers[i].Scaler).String()
		if demand, known := demands[key]; known {
			triggers[i].Demand = &demand
		}
		if last, known := asked[key]; known {
			triggers[i].Asked = &last
		}
		triggers[i].Holding = holding[key]
	}
	views := chain.Views{}
	if s.Views != nil {
		answers, askErr := ask[any](ctx, s, "/status/proxies")
		views = viewsOf(answers, askErr)
	}
	if err := errors.Join(failures...); err != nil && views.Failure == "" {
		views.Failure = err.Error()
	}
	return views
}

// workload reads the target of a ScaledObject, of any kind with replicas, and returns the selector of its Pods,
// an empty one where that is not known.
func (s *Source) workload(ctx context.Context, namespace string, target v1alpha1.HTTPScalerTarget) (*chain.Workload, labels.Selector) {
	kind := cmp.Or(target.Kind, "Deployment")
	live := &unstructured.Unstructured{}
	live.SetGroupVersionKind(schema.FromAPIVersionAndKind(cmp.Or(target.APIVersion, "apps/v1"), kind))
	workload := &chain.Workload{Object: chain.Object{Kind: kind, Namespace: namespace, Name: target.Name}}
	if workload.Read = s.read(ctx, types.NamespacedName{Namespace: namespace, Name: target.Name}, live); !workload.Found {
		return workload, labels.NewSelector()
	}
	var replicated struct {
		Spec struct {
			Replicas *int32               `json:"replicas"`
			Selector metav1.LabelSelector `json:"selector"`
		} `json:"spec"`
		Status struct {
			ReadyReplicas int32 `json:"readyReplicas"`
			Conditions    []struct {
				Type    string `json:"type"`
				Status  string `json:"status"`
				Reason  string `json:"reason"`
				Message string `json:"message"`
			} `json:"conditions"`
		} `json:"status"`
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(live.Object, &replicated); err != nil {
		workload.Failure = err.Error()
		return workload, labels.NewSelector()
	}
	workload.Wanted, workload.Ready = ptr.Deref(replicated.Spec.Replicas, 1), replicated.Status.ReadyReplicas
	for _, condition := range replicated.Status.Conditions {
		if condition.Type == "ReplicaFailure" && condition.Status == string(corev1.ConditionTrue) {
			workload.Trouble = condition.Reason + ": " + condition.Message
		}
	}
	selector, err := metav1.LabelSelectorAsSelector(&replicated.Spec.Selector)
	if err != nil {
		return workload, labels.NewSelector()
	}
	return workload, selector
}

// autoscaler reads the HorizontalPodAutoscaler that KEDA made; nil: it has made none.
func (s *Source) autoscaler(ctx context.Context, namespace, name string) *chain.Autoscaler {
	if name == "" {
		return nil
	}
	var live autoscalingv2.HorizontalPodAutoscaler
	scaler := &chain.Autoscaler{Object: chain.Object{Kind: "HorizontalPodAutoscaler", Namespace: namespace, Name: name}}
	scaler.Read = s.read(ctx, types.NamespacedName{Namespace: namespace, Name: name}, &live)
	for _, condition := range live.Status.Conditions {
		scaler.Conditions = append(scaler.Conditions, chain.AutoscalerCondition{
			Type: string(condition.Type), True: condition.Status == corev1.ConditionTrue, Reason: condition.Reason, Message: condition.Message,
		})
	}
	return scaler
}
