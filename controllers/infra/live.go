package infra

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	k8slabels "k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// owned are the kinds of objects of a data plane.
var owned = []func() client.Object{
	func() client.Object { return &corev1.ServiceAccount{} },
	func() client.Object { return &corev1.ConfigMap{} },
	func() client.Object { return &corev1.Secret{} },
	func() client.Object { return &corev1.Service{} },
	func() client.Object { return &appsv1.Deployment{} },
	func() client.Object { return &policyv1.PodDisruptionBudget{} },
	func() client.Object { return &autoscalingv2.HorizontalPodAutoscaler{} },
}

// Owned returns an empty object of each kind that a data plane consists of: what the product
// needs the permission to write.
func Owned() []client.Object {
	objects := make([]client.Object, 0, len(owned))
	for _, newObject := range owned {
		objects = append(objects, newObject())
	}
	return objects
}

// ownedLists are the same kinds as lists, in the order in which they are removed: traffic
// goes first.
var ownedLists = []func() client.ObjectList{
	func() client.ObjectList { return &corev1.ServiceList{} },
	func() client.ObjectList { return &autoscalingv2.HorizontalPodAutoscalerList{} },
	func() client.ObjectList { return &appsv1.DeploymentList{} },
	func() client.ObjectList { return &policyv1.PodDisruptionBudgetList{} },
	func() client.ObjectList { return &corev1.ConfigMapList{} },
	func() client.ObjectList { return &corev1.SecretList{} },
	func() client.ObjectList { return &corev1.ServiceAccountList{} },
}

// liveCache is Live on informers that see only what carries our label.
type liveCache struct{ cache.Cache }

// NewLive returns a Live that watches the cluster from the moment Watch is called.
func NewLive(config *rest.Config, scheme *runtime.Scheme) (Live, error) {
	byObject := map[client.Object]cache.ByObject{}
	for _, newObject := range owned {
		byObject[newObject()] = cache.ByObject{Label: k8slabels.SelectorFromSet(OwnedLabels())}
	}
	informers, err := cache.New(config, cache.Options{Scheme: scheme, ByObject: byObject})
	if err != nil {
		return nil, fmt.Errorf("make a cache: %w", err)
	}
	return liveCache{informers}, nil
}

// Watch implements Live.
func (l liveCache) Watch(ctx context.Context, changed func(gateway types.NamespacedName)) error {
	notify := func(value any) {
		if gone, ok := value.(toolscache.DeletedFinalStateUnknown); ok {
			value = gone.Obj
		}
		if object, ok := value.(client.Object); ok {
			if gateway, ok := gatewayOf(object); ok {
				changed(gateway)
			}
		}
	}
	handler := toolscache.ResourceEventHandlerFuncs{
		AddFunc:    notify,
		UpdateFunc: func(_, value any) { notify(value) },
		DeleteFunc: notify,
	}
	failed := make(chan error, 1)
	go func() { failed <- l.Start(ctx) }()
	for _, newObject := range owned {
		informer, err := l.GetInformer(ctx, newObject())
		if err != nil {
			return fmt.Errorf("informer of %T: %w", newObject(), err)
		}
		if _, err := informer.AddEventHandler(handler); err != nil {
			return fmt.Errorf("handler of %T: %w", newObject(), err)
		}
	}
	if !l.WaitForCacheSync(ctx) {
		select {
		case err := <-failed:
			return fmt.Errorf("the cache stopped: %w", err)
		default:
			return ctx.Err()
		}
	}
	return nil
}

// items returns the objects of a list.
func items(list client.ObjectList) ([]client.Object, error) {
	var objects []client.Object
	err := meta.EachListItem(list, func(item runtime.Object) error {
		object, ok := item.(client.Object)
		if !ok {
			return fmt.Errorf("%T is no object", item)
		}
		objects = append(objects, object)
		return nil
	})
	return objects, err
}
