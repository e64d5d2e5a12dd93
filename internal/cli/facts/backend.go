package facts

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/internal/cli/chain"
	"github.com/kedify/inference-gateway/internal/names"
)

// service collects what is known of a Service.
func (s *Source) service(ctx context.Context, key types.NamespacedName, port int32) chain.Backend {
	var service corev1.Service
	backend := chain.Backend{Object: chain.Object{Kind: string(store.Service), Namespace: key.Namespace, Name: key.Name}, Port: port}
	if backend.Read = s.read(ctx, key, &service); !backend.Found {
		return backend
	}
	for _, each := range service.Spec.Ports {
		backend.Ports = append(backend.Ports, each.Port)
	}
	selector := labels.SelectorFromSet(service.Spec.Selector)
	if len(service.Spec.Selector) > 0 {
		backend.Selector = selector.String()
	}
	backend.Pods = s.pods(ctx, key.Namespace, selector)
	var slices discoveryv1.EndpointSliceList
	if err := s.list(ctx, key.Namespace, &slices, client.MatchingLabels{discoveryv1.LabelServiceName: key.Name}); err != nil {
		backend.Failure = err.Error()
		return backend
	}
	for _, slice := range slices.Items {
		for _, endpoint := range slice.Endpoints {
			backend.Endpoints += len(endpoint.Addresses)
			if ptr.Deref(endpoint.Conditions.Ready, true) {
				backend.Ready += len(endpoint.Addresses)
			}
		}
	}
	return backend
}

// poolBackend is an InferencePool as a backend: its Pods are its endpoints.
func (s *Source) poolBackend(ctx context.Context, key types.NamespacedName) (chain.Backend, *inferencev1.InferencePool) {
	var pool inferencev1.InferencePool
	backend := chain.Backend{Object: chain.Object{Kind: string(store.InferencePool), Namespace: key.Namespace, Name: key.Name}}
	if backend.Read = s.read(ctx, key, &pool); !backend.Found {
		return backend, nil
	}
	set := map[string]string{}
	for name, value := range pool.Spec.Selector.MatchLabels {
		set[string(name)] = string(value)
	}
	selector := labels.SelectorFromSet(set)
	if len(set) > 0 {
		backend.Selector = selector.String()
	}
	backend.Pods = s.pods(ctx, key.Namespace, selector)
	backend.Endpoints = len(backend.Pods)
	for _, pod := range backend.Pods {
		if pod.Ready {
			backend.Ready++
		}
	}
	return backend, &pool
}

// gateway collects what is known of a Gateway for an object that it serves.
func (s *Source) gateway(ctx context.Context, key types.NamespacedName, object chain.Object) (*chain.Gateway, error) {
	var live gwv1.Gateway
	gateway := &chain.Gateway{Object: chain.Object{Kind: string(store.Gateway), Namespace: key.Namespace, Name: key.Name}}
	if gateway.Read = s.read(ctx, key, &live); !gateway.Found {
		return gateway, nil
	}
	gateway.Class, gateway.Conditions = string(live.Spec.GatewayClassName), live.Status.Conditions
	gateway.Ours = s.ourClass(ctx, gateway.Class)
	if !gateway.Ours {
		return gateway, nil
	}
	gateway.Pods = s.pods(ctx, key.Namespace, labels.SelectorFromSet(labels.Set{gwv1.GatewayNameLabelKey: names.LabelValue(key.Name)}))
	envoys, err := s.envoys(ctx, key, object)
	gateway.Envoys = envoys
	return gateway, err
}

// ourClass reports whether a class is of this product. One that may not be read is judged by its name.
func (s *Source) ourClass(ctx context.Context, name string) bool {
	var class gwv1.GatewayClass
	if read := s.read(ctx, types.NamespacedName{Name: name}, &class); !read.Found {
		return read.Failure != "" && name == v1alpha1.GatewayClassName
	}
	return class.Spec.ControllerName == v1alpha1.ControllerName
}
