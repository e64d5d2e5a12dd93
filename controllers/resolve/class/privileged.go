package class

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// Limits of values in the parameters of a Gateway. Those of its class have none.
const (
	// MaxGatewayConcurrency bounds the worker threads of one Envoy: threads are taken from the node,
	// not from the resources of the container.
	MaxGatewayConcurrency = 128
	// MaxGatewayDrainTimeout bounds how long a proxy holds up the drain of its node.
	MaxGatewayDrainTimeout = time.Hour
	// MaxGatewayHeaderKiB and MaxGatewayHeaders bound the headers of a request, which the control plane of all reads when
	// the request may have to wait: about four times the defaults.
	MaxGatewayHeaderKiB = 256
	MaxGatewayHeaders   = 4000
)

// gatewayResources may be requested and limited; a node has the others for workloads that the cluster
// admits to it.
var gatewayResources = []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory, corev1.ResourceEphemeralStorage}

// privileged is a field that gives its author more than a Gateway, with any value or with some.
type privileged struct {
	path string // below spec
	// gives says what the value of a spec gives beyond a Gateway; empty: nothing.
	gives func(v1alpha1.GatewayParametersSpec) string
	// move moves the value from one spec to another.
	move func(from, to *v1alpha1.GatewayParametersSpec)
}

// privilegedFields are all of them; TestX3EveryFieldIsDecided has the others.
var privilegedFields = []privileged{
	{"envoy.image", imageGives, ofEnvoy(func(from, to *v1alpha1.EnvoyParameters) { move(&from.Image, &to.Image) })},
	{"envoy.concurrency", concurrencyGives, ofEnvoy(func(from, to *v1alpha1.EnvoyParameters) { move(&from.Concurrency, &to.Concurrency) })},
	{"envoy.resources", resourcesGive, ofEnvoy(func(from, to *v1alpha1.EnvoyParameters) { move(&from.Resources, &to.Resources) })},
	{"envoy.drainTimeout", drainGives, ofEnvoy(func(from, to *v1alpha1.EnvoyParameters) { move(&from.DrainTimeout, &to.DrainTimeout) })},
	{"envoy.bootstrap", bootstrapGives, ofEnvoy(func(from, to *v1alpha1.EnvoyParameters) { move(&from.Bootstrap, &to.Bootstrap) })},
	{"client.headers.maxRequestHeaderLimit", headerLimitGives, ofHeaders(func(from, to *v1alpha1.ClientHeaders) {
		move(&from.MaxRequestHeaderLimit, &to.MaxRequestHeaderLimit)
	})},
	{"client.headers.maxRequestHeaders", headerCountGives, ofHeaders(func(from, to *v1alpha1.ClientHeaders) {
		move(&from.MaxRequestHeaders, &to.MaxRequestHeaders)
	})},
	{"podTemplate", podTemplateGives, func(from, to *v1alpha1.GatewayParametersSpec) { move(&from.PodTemplate, &to.PodTemplate) }},
}

// CheckGatewayParameters refuses what the parameters of a Gateway may not set: a user with the right to write
// them may get a Gateway by it, and no Pod of their choice. The error names every such field.
func CheckGatewayParameters(spec v1alpha1.GatewayParametersSpec) error {
	var refused []string
	for _, field := range privilegedFields {
		if gives := field.gives(spec); gives != "" {
			refused = append(refused, "spec."+field.path+" "+gives)
		}
	}
	if len(refused) == 0 {
		return nil
	}
	return fmt.Errorf("%s: only the parameters of a GatewayClass may say so, unless the installation has "+
		"gatewayParameters.unrestricted", strings.Join(refused, "; "))
}

// SplitPrivileged returns what the parameters of a Gateway may set, and the rest.
func SplitPrivileged(spec v1alpha1.GatewayParametersSpec) (plain, rest v1alpha1.GatewayParametersSpec) {
	plain = *spec.DeepCopy()
	for _, field := range privilegedFields {
		if field.gives(plain) != "" {
			field.move(&plain, &rest)
		}
	}
	if plain.Envoy != nil && *plain.Envoy == (v1alpha1.EnvoyParameters{}) {
		plain.Envoy = nil
	}
	if client := plain.Client; client != nil && client.Headers != nil && *client.Headers == (v1alpha1.ClientHeaders{}) {
		client.Headers = nil
		if *client == (v1alpha1.ClientParameters{}) {
			plain.Client = nil
		}
	}
	return plain, rest
}

func imageGives(spec v1alpha1.GatewayParametersSpec) string {
	if spec.Envoy == nil || spec.Envoy.Image == nil {
		return ""
	}
	return "runs another program"
}

func concurrencyGives(spec v1alpha1.GatewayParametersSpec) string {
	if spec.Envoy == nil || ptr.Deref(spec.Envoy.Concurrency, 0) <= MaxGatewayConcurrency {
		return ""
	}
	return fmt.Sprintf("%d is more than %d", *spec.Envoy.Concurrency, MaxGatewayConcurrency)
}

func drainGives(spec v1alpha1.GatewayParametersSpec) string {
	if spec.Envoy == nil || spec.Envoy.DrainTimeout == nil || spec.Envoy.DrainTimeout.Duration <= MaxGatewayDrainTimeout {
		return ""
	}
	return fmt.Sprintf("%s is longer than %s", spec.Envoy.DrainTimeout.Duration, MaxGatewayDrainTimeout)
}

func resourcesGive(spec v1alpha1.GatewayParametersSpec) string {
	if spec.Envoy == nil || spec.Envoy.Resources == nil {
		return ""
	}
	if len(spec.Envoy.Resources.Claims) > 0 {
		return "claims devices"
	}
	for _, list := range []corev1.ResourceList{spec.Envoy.Resources.Requests, spec.Envoy.Resources.Limits} {
		var others []string
		for name := range list {
			if !slices.Contains(gatewayResources, name) {
				others = append(others, string(name))
			}
		}
		if len(others) > 0 {
			return fmt.Sprintf("takes %s besides cpu, memory and ephemeral-storage", slices.Min(others))
		}
	}
	return ""
}

func headerLimitGives(spec v1alpha1.GatewayParametersSpec) string {
	if spec.Client == nil || spec.Client.Headers == nil || spec.Client.Headers.MaxRequestHeaderLimit == nil {
		return ""
	}
	limit := spec.Client.Headers.MaxRequestHeaderLimit
	if limit.Value() <= MaxGatewayHeaderKiB<<10 {
		return ""
	}
	return fmt.Sprintf("%s is more than %dKi", limit, MaxGatewayHeaderKiB)
}

func headerCountGives(spec v1alpha1.GatewayParametersSpec) string {
	if spec.Client == nil || spec.Client.Headers == nil || ptr.Deref(spec.Client.Headers.MaxRequestHeaders, 0) <= MaxGatewayHeaders {
		return ""
	}
	return fmt.Sprintf("%d is more than %d", *spec.Client.Headers.MaxRequestHeaders, MaxGatewayHeaders)
}

func bootstrapGives(spec v1alpha1.GatewayParametersSpec) string {
	if spec.Envoy == nil || spec.Envoy.Bootstrap == nil {
		return ""
	}
	return "opens files and addresses"
}

func podTemplateGives(spec v1alpha1.GatewayParametersSpec) string {
	if spec.PodTemplate == nil {
		return ""
	}
	return "runs any Pod"
}

// ofEnvoy is a move inside spec.envoy.
func ofEnvoy(inside func(from, to *v1alpha1.EnvoyParameters)) func(from, to *v1alpha1.GatewayParametersSpec) {
	return func(from, to *v1alpha1.GatewayParametersSpec) {
		if to.Envoy == nil {
			to.Envoy = &v1alpha1.EnvoyParameters{}
		}
		inside(from.Envoy, to.Envoy)
	}
}

// ofHeaders is a move inside spec.client.headers.
func ofHeaders(inside func(from, to *v1alpha1.ClientHeaders)) func(from, to *v1alpha1.GatewayParametersSpec) {
	return func(from, to *v1alpha1.GatewayParametersSpec) {
		if to.Client == nil {
			to.Client = &v1alpha1.ClientParameters{Headers: &v1alpha1.ClientHeaders{}}
		}
		inside(from.Client.Headers, to.Client.Headers)
	}
}

func move[T any](from, to **T) { *from, *to = nil, *from }
