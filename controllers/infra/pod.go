package infra

import (
	"maps"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/kedify/inference-gateway/xds/bootstrap"
)

const (
	containerEnvoy    = "envoy"
	containerShutdown = "shutdown"

	volumeBootstrap   = "bootstrap"
	volumeCertificate = "xds-certificate"
	volumeRun         = "run"

	// user is "nonroot" of the usual minimal images.
	user int64 = 65532

	// stopMargin is what a pod gets on top of the drain timeout: for the shutdown command to
	// notice that time is up, and for Envoy to exit.
	stopMargin = 15 * time.Second
)

// podTemplate is one Envoy. Nothing that changes while a Gateway is edited stands in it (no
// ports, no generation), because every change here replaces every Envoy.
//
// Envoy is a native sidecar (an init container that restarts), and the main container is the
// shutdown command: Kubernetes stops sidecars only after the main containers have ended, so
// Envoy lives exactly as long as the command is draining it.
func podTemplate(spec Spec, config Config, boot rendered) (corev1.PodTemplateSpec, error) {
	annotations := maps.Clone(spec.Infrastructure.Annotations)
	if annotations == nil {
		annotations = map[string]string{}
	}
	announceMetrics(annotations, metricsPort(spec.Infrastructure.Parameters))
	annotations["kubectl.kubernetes.io/default-container"] = containerEnvoy
	annotations[annotationBootstrap] = boot.hash()
	template := corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: labels(spec), Annotations: annotations},
		Spec: corev1.PodSpec{
			ServiceAccountName:            Name(spec.Gateway),
			AutomountServiceAccountToken:  ptr.To(false),
			EnableServiceLinks:            ptr.To(false),
			SecurityContext:               podSecurity(),
			TerminationGracePeriodSeconds: ptr.To(int64((drainTimeout(spec) + stopMargin).Seconds())),
			TopologySpreadConstraints:     spreadConstraints(spec),
			InitContainers:                []corev1.Container{envoyContainer(spec, config, boot)},
			Containers:                    []corev1.Container{shutdownContainer(spec, config)},
			Volumes:                       volumes(spec),
		},
	}
	return patchTemplate(spec, template)
}

// announceMetrics adds the annotations by which scrapers find the statistics, where the user has not said otherwise.
func announceMetrics(annotations map[string]string, port uint32) {
	if port == 0 {
		return
	}
	for name, value := range map[string]string{
		"prometheus.io/scrape": "true", "prometheus.io/port": strconv.FormatUint(uint64(port), 10), "prometheus.io/path": bootstrap.MetricsPath,
	} {
		if _, said := annotations[name]; !said {
			annotations[name] = value
		}
	}
}

// metricsPorts are the ports of the container. Those of listeners are not among them: they come and go.
func metricsPorts(port uint32) []corev1.ContainerPort {
	if port == 0 {
		return nil
	}
	return []corev1.ContainerPort{{Name: "metrics", ContainerPort: int32(port), Protocol: corev1.ProtocolTCP}}
}

func envoyContainer(spec Spec, config Config, boot rendered) corev1.Container {
	image, resources := config.EnvoyImage, defaultResources(spec)
	if envoy := spec.Infrastructure.Parameters.Envoy; envoy != nil {
		image = ptr.Deref(envoy.Image, image)
		resources = ptr.Deref(envoy.Resources, resources)
	}
	ready := corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{
		Path: bootstrap.ReadyPath, Port: intstr.FromInt32(bootstrap.ReadyPort), Scheme: corev1.URISchemeHTTP,
	}}
	return corev1.Container{
		Name:            containerEnvoy,
		Image:           image,
		ImagePullPolicy: config.PullPolicy,
		Command:         []string{"/usr/local/bin/envoy"},
		Args:            boot.args,
		Ports:           metricsPorts(metricsPort(spec.Infrastructure.Parameters)),
		RestartPolicy:   ptr.To(corev1.ContainerRestartPolicyAlways),
		Env: []corev1.EnvVar{
			fieldVariable("POD_NAME", "metadata.name"),
			fieldVariable("POD_NAMESPACE", "metadata.namespace"),
		},
		Resources:       resources,
		SecurityContext: containerSecurity(),
		// The short period makes a new Envoy take traffic at once. Ten minutes without a
		// control plane restart it, which loses nothing: it has served no request.
		StartupProbe: &corev1.Probe{ProbeHandler: ready, PeriodSeconds: 1, TimeoutSeconds: 1, FailureThreshold: 600},
		// No liveness probe: a proxy that is slow under load must not be killed for it. A proxy that
		// hangs is out of its Service after 3 to 4 s, before wiring would count it as ill (5 s).
		ReadinessProbe: &corev1.Probe{ProbeHandler: ready, PeriodSeconds: 1, TimeoutSeconds: 1, FailureThreshold: 3},
		VolumeMounts: []corev1.VolumeMount{
			{Name: volumeBootstrap, MountPath: bootstrapDirectory, ReadOnly: true},
			{Name: volumeCertificate, MountPath: certificateDirectory, ReadOnly: true},
			{Name: volumeRun, MountPath: runDirectory},
		},
	}
}

// defaultResources ask for what an idle Envoy uses, so that a small cluster has room for many
// Gateways; without limits it takes what is free. An autoscaler measures use against the
// request, so there the request is what one Envoy should do before there is a second.
func defaultResources(spec Spec) corev1.ResourceRequirements {
	cpu := "10m"
	if spec.Infrastructure.Parameters.Autoscaling != nil {
		cpu = "500m"
	}
	return corev1.ResourceRequirements{Requests: corev1.ResourceList{
		corev1.ResourceCPU:    resource.MustParse(cpu),
		corev1.ResourceMemory: resource.MustParse("64Mi"),
	}}
}

// shutdownContainer drains Envoy, and relays its calls to endpoint pickers until then (xds/pickerrelay).
func shutdownContainer(spec Spec, config Config) corev1.Container {
	return corev1.Container{
		Name:            containerShutdown,
		Image:           config.ProductImage,
		ImagePullPolicy: config.PullPolicy,
		Args: []string{
			"shutdown",
			"--admin-socket=" + adminSocket,
			"--relay-socket=" + relaySocket,
			"--pickers-socket=" + pickersSocket,
			"--drain-timeout=" + drainTimeout(spec).String(),
		},
		Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{
			corev1.ResourceCPU:    resource.MustParse("1m"),
			corev1.ResourceMemory: resource.MustParse("16Mi"),
		}},
		SecurityContext: containerSecurity(),
		VolumeMounts:    []corev1.VolumeMount{{Name: volumeRun, MountPath: runDirectory}},
	}
}

func volumes(spec Spec) []corev1.Volume {
	readable := ptr.To(int32(0o440)) // by the group of podSecurity
	return []corev1.Volume{
		{Name: volumeBootstrap, VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: Name(spec.Gateway)}, DefaultMode: readable,
		}}},
		{Name: volumeCertificate, VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{
			SecretName: SecretName(spec.Gateway), DefaultMode: readable,
		}}},
		{Name: volumeRun, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{
			Medium: corev1.StorageMediumMemory, SizeLimit: resource.NewQuantity(1<<20, resource.BinarySI),
		}}},
	}
}

// podSecurity lets Envoy bind any port as an ordinary user: the sysctl is one of those that
// Kubernetes calls safe, and it touches only the pod's own network namespace.
func podSecurity() *corev1.PodSecurityContext {
	return &corev1.PodSecurityContext{
		RunAsNonRoot:   ptr.To(true),
		RunAsUser:      ptr.To(user),
		RunAsGroup:     ptr.To(user),
		FSGroup:        ptr.To(user),
		SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		Sysctls:        []corev1.Sysctl{{Name: "net.ipv4.ip_unprivileged_port_start", Value: "0"}},
	}
}

func containerSecurity() *corev1.SecurityContext {
	return &corev1.SecurityContext{
		AllowPrivilegeEscalation: ptr.To(false),
		ReadOnlyRootFilesystem:   ptr.To(true),
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
	}
}

// spreadConstraints are preferences: a cluster with one node still gets all its Envoys.
func spreadConstraints(spec Spec) []corev1.TopologySpreadConstraint {
	var constraints []corev1.TopologySpreadConstraint
	for _, key := range []string{corev1.LabelTopologyZone, corev1.LabelHostname} {
		constraints = append(constraints, corev1.TopologySpreadConstraint{
			MaxSkew:           1,
			TopologyKey:       key,
			WhenUnsatisfiable: corev1.ScheduleAnyway,
			LabelSelector:     &metav1.LabelSelector{MatchLabels: selector(spec.Gateway)},
			MatchLabelKeys:    []string{"pod-template-hash"},
		})
	}
	return constraints
}

func fieldVariable(name, path string) corev1.EnvVar {
	return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{
		FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: path},
	}}
}
