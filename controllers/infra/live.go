package infra

import (
	"context"
	"fmt"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	k8slabels "k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/controllers/watch"
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
var ownedLists = []client.ObjectList{
	&corev1.ServiceList{}, &autoscalingv2.HorizontalPodAutoscalerList{}, &appsv1.DeploymentList{}, &policyv1.PodDisruptionBudgetList{},
	&corev1.ConfigMapList{}, &corev1.SecretList{}, &corev1.ServiceAccountList{},
}

// liveCache is a Live on informers that see only objects with the label of the product.
type liveCache struct {
	cache.Cache
	watcher *watch.Watcher
}

// NewLive returns a Live that watches the namespaces of its cache from the moment Watch is called.
func NewLive(config *rest.Config, mapper meta.RESTMapper, scheme *runtime.Scheme, caches watch.Caches, log logr.Logger) (Live, error) {
	byObject := map[client.Object]cache.ByObject{}
	for _, newObject := range owned {
		byObject[newObject()] = cache.ByObject{Label: k8slabels.SelectorFromSet(OwnedLabels())}
	}
	informers, err := caches.New(config, cache.Options{Scheme: scheme, Mapper: mapper, ByObject: byObject})
	if err != nil {
		return nil, fmt.Errorf("make a cache: %w", err)
	}
	return liveCache{informers, watch.New(watch.Options{
		Informers: informers, Mapper: mapper, Scheme: scheme, Refusals: caches.Refusals, Clock: clock.RealClock{}, Log: log,
	})}, nil
}

// Watch implements Live.
func (l liveCache) Watch(ctx context.Context, changed func(gateway types.NamespacedName)) error {
	report := func(object client.Object) {
		if gateway, ok := gatewayOf(object); ok {
			changed(gateway)
		}
	}
	handler := watch.Funcs[client.Object]{
		OnSet:    func(_, object client.Object) { report(object) },
		OnDelete: report,
	}
	rows := make([]watch.Row, 0, len(owned))
	for _, newObject := range owned {
		rows = append(rows, watch.Row{Object: newObject(), Handler: handler})
	}
	failed := make(chan error, 2)
	go func() { failed <- l.Start(ctx) }()
	go func() { failed <- l.watcher.Run(ctx) }()
	select {
	case <-l.watcher.Add(rows...):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case err := <-failed: // or ended: nil comes with the end of the context
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("watch the objects of data planes: %w", err)
	}
}
