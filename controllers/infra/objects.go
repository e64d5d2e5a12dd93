package infra

import (
	"maps"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
)

// Objects returns the objects of the data plane of one Gateway in the order in which they are
// applied, without the Secret of its certificate. A Gateway without ports has no Service: a
// Service needs one. Services for cluster IPs come last: the API server may refuse them. Errors are ParametersErrors.
func Objects(spec Spec, config Config) ([]client.Object, error) {
	boot, err := renderBootstrap(spec, config)
	if err != nil {
		return nil, err
	}
	template, err := podTemplate(spec, config, boot)
	if err != nil {
		return nil, err
	}
	objects := []client.Object{
		&corev1.ServiceAccount{
			TypeMeta:                     typeMeta(corev1.SchemeGroupVersion.String(), "ServiceAccount"),
			ObjectMeta:                   objectMeta(spec),
			AutomountServiceAccountToken: ptr.To(false),
		},
		&corev1.ConfigMap{
			TypeMeta:   typeMeta(corev1.SchemeGroupVersion.String(), "ConfigMap"),
			ObjectMeta: objectMeta(spec),
			Data:       boot.files,
		},
	}
	exposure := resolve.ExposureOf(spec.Addresses)
	if len(spec.Infrastructure.Ports) == 0 {
		exposure = resolve.Exposure{}
	}
	if exposure.Outside {
		objects = append(objects, service(spec))
	}
	objects = append(objects, deployment(spec, template))
	if spread(spec) {
		objects = append(objects, disruptionBudget(spec))
	}
	if spec.Infrastructure.Parameters.Autoscaling != nil {
		objects = append(objects, autoscaler(spec))
	}
	for _, ip := range exposure.ClusterIPs {
		objects = append(objects, clusterService(spec, ip))
	}
	return objects, nil
}

func deployment(spec Spec, template corev1.PodTemplateSpec) *appsv1.Deployment {
	object := &appsv1.Deployment{
		TypeMeta:   typeMeta(appsv1.SchemeGroupVersion.String(), "Deployment"),
		ObjectMeta: objectMeta(spec),
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: selector(spec.Gateway)},
			Template: template,
			Strategy: appsv1.DeploymentStrategy{
				Type: appsv1.RollingUpdateDeploymentStrategyType,
				// An Envoy goes only after its successor is ready, with any number of
				// replicas.
				RollingUpdate: &appsv1.RollingUpdateDeployment{
					MaxUnavailable: ptr.To(intstr.FromInt32(0)),
					MaxSurge:       ptr.To(intstr.FromString("25%")),
				},
			},
		},
	}
	// Unset leaves the field to others: Kubernetes starts with one, and an autoscaler of the
	// user's (a ScaledObject on the Deployment, say) is not fought.
	if spec.Infrastructure.Parameters.Autoscaling == nil {
		object.Spec.Replicas = spec.Infrastructure.Parameters.Replicas
	}
	return object
}

func objectMeta(spec Spec) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace:       spec.Gateway.Namespace,
		Name:            Name(spec.Gateway),
		Labels:          labels(spec),
		Annotations:     maps.Clone(spec.Infrastructure.Annotations),
		OwnerReferences: []metav1.OwnerReference{owner(spec)},
	}
}

// owner makes the Gateway the controller of the object. blockOwnerDeletion is left out: it
// would make deletion wait, and need a permission on the Gateway's finalizers.
func owner(spec Spec) metav1.OwnerReference {
	return metav1.OwnerReference{
		APIVersion: gwv1.GroupVersion.String(),
		Kind:       "Gateway",
		Name:       spec.Gateway.Name,
		UID:        types.UID(spec.UID),
		Controller: ptr.To(true),
	}
}

func typeMeta(apiVersion, kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: apiVersion, Kind: kind}
}

func drainTimeout(spec Spec) time.Duration {
	if envoy := spec.Infrastructure.Parameters.Envoy; envoy != nil && envoy.DrainTimeout != nil {
		return envoy.DrainTimeout.Duration
	}
	return DefaultDrainTimeout
}
