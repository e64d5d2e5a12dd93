package served

import (
	"context"
	"errors"
	"fmt"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/served/verdict"
	"github.com/kedify/inference-gateway/controllers/workload/live"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/scale"
)

// reader finds the facts about a trigger: what informers have from the cache, the scale and the Pods from the API server.
type reader struct {
	cache, direct client.Reader
	scales        scale.Scales
}

// facts of a trigger with so many held requests. An error says that they are not known.
func (r reader) facts(ctx context.Context, of *scaler.Scaler, held int) (verdict.Facts, error) {
	facts := verdict.Facts{Scale: of.Spec.Scale, Held: held}
	so := &kedav1alpha1.ScaledObject{}
	err := r.cache.Get(ctx, types.NamespacedName{Namespace: of.Key.Namespace, Name: of.Spec.ScaledObject}, so)
	switch {
	case err == nil:
		facts.ScaledObject = so
	case !apierrors.IsNotFound(err) && !meta.IsNoMatchError(err):
		return facts, fmt.Errorf("read ScaledObject %s: %w", of.Spec.ScaledObject, err)
	}
	target := of.Spec.Scale.Target
	found, err := r.scales.Get(ctx, of.Key.Namespace, target)
	switch {
	case apierrors.IsNotFound(err), meta.IsNoMatchError(err):
		facts.Missing = err.Error()
		return facts, nil
	case err != nil:
		return facts, fmt.Errorf("read the scale of %s %s: %w", target.Kind, target.Name, err)
	}
	facts.Workload, err = live.Read(ctx, r.direct, live.Workload{
		Kind:     schema.FromAPIVersionAndKind(target.APIVersion, target.Kind).GroupKind(),
		Key:      types.NamespacedName{Namespace: of.Key.Namespace, Name: target.Name},
		Replicas: found.Spec.Replicas, Selector: found.Status.Selector,
	})
	if err != nil {
		return facts, err
	}
	facts.Backends, err = r.backends(ctx, of)
	return facts, err
}

// backends that requests of a trigger go to.
func (r reader) backends(ctx context.Context, of *scaler.Scaler) (all []verdict.Backend, problem error) {
	backend := of.Spec.Backend
	if backend.InferencePool != "" {
		one, err := r.pool(ctx, types.NamespacedName{Namespace: of.Key.Namespace, Name: backend.InferencePool})
		return []verdict.Backend{one}, err
	}
	names := []string{backend.Service}
	if len(backend.Weighted) > 0 {
		names = nil
	}
	for _, weighted := range backend.Weighted {
		if weighted.Weight > 0 {
			names = append(names, weighted.Service)
		}
	}
	for _, name := range names {
		one, err := r.service(ctx, types.NamespacedName{Namespace: of.Key.Namespace, Name: name}, backend)
		all, problem = append(all, one), errors.Join(problem, err)
	}
	return all, problem
}

func (r reader) pool(ctx context.Context, key types.NamespacedName) (verdict.Backend, error) {
	made := verdict.Backend{Name: "InferencePool " + key.Name}
	pool := &inferencev1.InferencePool{}
	if err := r.cache.Get(ctx, key, pool); err != nil {
		return made, ignoreMissing(err)
	}
	made.Exists, made.Selector = true, map[string]string{}
	for label, value := range pool.Spec.Selector.MatchLabels {
		made.Selector[string(label)] = string(value)
	}
	return made, nil
}

func (r reader) service(ctx context.Context, key types.NamespacedName, backend v1alpha1.HTTPScalerBackend) (verdict.Backend, error) {
	made := verdict.Backend{Name: "Service " + key.Name}
	service := &corev1.Service{}
	if err := r.cache.Get(ctx, key, service); err != nil {
		return made, ignoreMissing(err)
	}
	made.Exists, made.Selector = true, service.Spec.Selector
	for _, port := range service.Spec.Ports {
		named := backend.Port == nil && port.Name == backend.PortName
		numbered := backend.Port != nil && port.Port == *backend.Port
		if (named || numbered) && port.TargetPort.Type == intstr.String {
			made.PortName = port.TargetPort.StrVal
		}
	}
	return made, nil
}

// ignoreMissing returns nil for an object, or a kind, that is not there.
func ignoreMissing(err error) error {
	if apierrors.IsNotFound(err) || meta.IsNoMatchError(err) {
		return nil
	}
	return err
}
