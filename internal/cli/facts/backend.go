package facts

import (
	"context"
	"slices"

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
	backend.Policies, backend.PoliciesUnread = s.policies(ctx, &service, port)
	var endpoints discoveryv1.EndpointSliceList
	if err := s.list(ctx, key.Namespace, &endpoints, client.MatchingLabels{discoveryv1.LabelServiceName: key.Name}); err != nil {
		backend.Failure = err.Error()
		return backend
	}
	for _, slice := range endpoints.Items {
		for _, endpoint := range slice.Endpoints {
			backend.Endpoints += len(endpoint.Addresses)
			if ptr.Deref(endpoint.Conditions.Ready, true) {
				backend.Ready += len(endpoint.Addresses)
			}
		}
	}
	return backend
}

// policies are the BackendTLSPolicies of a port of a Service; of all ports where it is 0.
func (s *Source) policies(ctx context.Context, service *corev1.Service, port int32) (found []chain.Policy, unread string) {
	var list gwv1.BackendTLSPolicyList
	if err := s.list(ctx, service.Namespace, &list); err != nil {
		return nil, err.Error()
	}
	for _, policy := range list.Items {
		if !slices.ContainsFunc(policy.Spec.TargetRefs, isTarget(service, port)) {
			continue
		}
		of := chain.Policy{Object: chain.Object{Kind: string(store.BackendTLSPolicy), Namespace: policy.Namespace, Name: policy.Name}}
		for _, ancestor := range policy.Status.Ancestors {
			if ancestor.ControllerName == v1alpha1.ControllerName {
				of.Conditions = ancestor.Conditions // which are the same for all Gateways
			}
		}
		found = append(found, of)
	}
	return found, ""
}

// isTarget reports whether a reference of a policy in the namespace of a Service is about a port of it.
func isTarget(service *corev1.Service, port int32) func(gwv1.LocalPolicyTargetReferenceWithSectionName) bool {
	return func(ref gwv1.LocalPolicyTargetReferenceWithSectionName) bool {
		if ref.Group != "" || string(ref.Kind) != string(store.Service) || string(ref.Name) != service.Name {
			return false
		}
		return port == 0 || ref.SectionName == nil || slices.ContainsFunc(service.Spec.Ports, func(each corev1.ServicePort) bool {
			return each.Port == port && each.Name == string(*ref.SectionName)
		})
	}
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
	gateway.Class = string(live.Spec.GatewayClassName)
	gateway.Conditions, gateway.Listeners = live.Status.Conditions, live.Status.Listeners
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
