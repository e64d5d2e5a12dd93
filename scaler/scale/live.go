package scale

import (
	"context"
	"fmt"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	scaleclient "k8s.io/client-go/scale"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// liveScales is Scales on a cluster, for every kind that has the subresource.
type liveScales struct {
	mapper meta.RESTMapper
	client scaleclient.ScalesGetter
}

// New returns Scales that asks the API server, each time. It needs get and update of the
// scale subresource of the targets.
func New(config *rest.Config, mapper meta.RESTMapper) (Scales, error) {
	kinds, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("scale client: %w", err)
	}
	client, err := scaleclient.NewForConfig(rest.CopyConfig(config), mapper, dynamic.LegacyAPIPathResolverFunc,
		scaleclient.NewDiscoveryScaleKindResolver(kinds))
	if err != nil {
		return nil, fmt.Errorf("scale client: %w", err)
	}
	return &liveScales{mapper: mapper, client: client}, nil
}

// Get is Scales.
func (s *liveScales) Get(ctx context.Context, namespace string, target v1alpha1.HTTPScalerTarget) (*autoscalingv1.Scale, error) {
	resource, err := s.resource(target)
	if err != nil {
		return nil, err
	}
	return s.client.Scales(namespace).Get(ctx, resource, target.Name, metav1.GetOptions{})
}

// Update is Scales.
func (s *liveScales) Update(ctx context.Context, namespace string, target v1alpha1.HTTPScalerTarget, wanted *autoscalingv1.Scale) error {
	resource, err := s.resource(target)
	if err != nil {
		return err
	}
	_, err = s.client.Scales(namespace).Update(ctx, resource, wanted, metav1.UpdateOptions{})
	return err
}

func (s *liveScales) resource(target v1alpha1.HTTPScalerTarget) (schema.GroupResource, error) {
	version, err := schema.ParseGroupVersion(target.APIVersion)
	if err != nil {
		return schema.GroupResource{}, err
	}
	mapping, err := s.mapper.RESTMapping(version.WithKind(target.Kind).GroupKind(), version.Version)
	if err != nil {
		return schema.GroupResource{}, err
	}
	return mapping.Resource.GroupResource(), nil
}
