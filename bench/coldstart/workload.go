package main

import (
	"context"
	"fmt"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	image = "registry.k8s.io/gateway-api/echo-basic:v1.5.1"
	// containerPort of the image.
	containerPort = 3000
	// polling interval of KEDA, in seconds.
	polling = 10
)

// hostname of a workload.
func hostname(name string) string { return name + ".coldstart.example.com" }

// deploy makes a Deployment of no replicas and its Service.
func (c *cluster) deploy(ctx context.Context, namespace, name string) error {
	labels := map[string]string{"app": name}
	field := func(path string) *corev1.EnvVarSource {
		return &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: path}}
	}
	deployment := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr.To[int32](0), Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					TerminationGracePeriodSeconds: ptr.To[int64](1),
					Containers: []corev1.Container{{
						Name: "echo", Image: image, ImagePullPolicy: corev1.PullIfNotPresent,
						Env: []corev1.EnvVar{
							{Name: "POD_NAME", ValueFrom: field("metadata.name")}, {Name: "NAMESPACE", ValueFrom: field("metadata.namespace")},
						},
						Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: containerPort}},
						// As quick as it can be asked for. When it says ready is where the clock begins.
						ReadinessProbe: &corev1.Probe{
							ProbeHandler:  corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/", Port: intstr.FromString("http")}},
							PeriodSeconds: 1,
						},
						Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("5m")}},
					}},
				},
			},
		},
	}
	if err := c.Create(ctx, deployment); err != nil {
		return err
	}
	return c.Create(ctx, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: corev1.ServiceSpec{
			Selector: labels,
			Ports:    []corev1.ServicePort{{Name: "http", Port: 80, TargetPort: intstr.FromString("http")}},
		},
	})
}

// scaledObject scales a Deployment between zero and one. Its quick cooldown brings a workload
// back to zero before its turn comes again.
func scaledObject(namespace, name string, trigger kedav1alpha1.ScaleTriggers) *kedav1alpha1.ScaledObject {
	return &kedav1alpha1.ScaledObject{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: kedav1alpha1.ScaledObjectSpec{
			ScaleTargetRef:  &kedav1alpha1.ScaleTarget{Name: name},
			PollingInterval: ptr.To[int32](polling), CooldownPeriod: ptr.To[int32](5),
			MinReplicaCount: ptr.To[int32](0), MaxReplicaCount: ptr.To[int32](1),
			Triggers: []kedav1alpha1.ScaleTriggers{trigger},
		},
	}
}

// kedifyHTTP is a trigger as users write it.
func kedifyHTTP(name, service string) kedav1alpha1.ScaleTriggers {
	return kedav1alpha1.ScaleTriggers{Type: "kedify-http", MetricType: "AverageValue", Metadata: map[string]string{
		"hosts": hostname(name), "service": service, "port": "80", "scalingMetric": "requestRate", "targetValue": "1000",
	}}
}

// scale sets the replicas of a Deployment through /scale.
func (c *cluster) scale(ctx context.Context, namespace, name string, replicas int32) error {
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	scale := &autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: replicas}}
	return c.SubResource("scale").Update(ctx, deployment, client.WithSubResourceBody(scale))
}

// atZero says whether a workload has come to rest.
func (c *cluster) atZero(ctx context.Context, namespace, name string) error {
	var deployment appsv1.Deployment
	if err := c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &deployment); err != nil {
		return err
	}
	if ptr.Deref(deployment.Spec.Replicas, 1) != 0 || deployment.Status.Replicas != 0 {
		return fmt.Errorf("%s has %d replicas", name, deployment.Status.Replicas)
	}
	return nil
}
