package infra

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"

	corev1 "k8s.io/api/core/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
)

// Spec is what the data plane of one Gateway is made from.
type Spec struct {
	Gateway types.NamespacedName
	// UID of the Gateway, which becomes the owner of every object.
	UID            string
	ClassName      string
	Generation     int64
	Infrastructure resolve.Infrastructure
	// Addresses the user asked for (Gateway spec.addresses).
	Addresses []gwv1.GatewaySpecAddress
}

// Config is what all data planes have in common.
type Config struct {
	// EnvoyImage unless GatewayParameters name one; it has Envoy at /usr/local/bin/envoy.
	EnvoyImage string
	// ProductImage has our binary as its entry point; it runs the shutdown command.
	ProductImage string
	// PullPolicy of both images; empty leaves the choice to Kubernetes.
	PullPolicy corev1.PullPolicy
	// XDSAddress is "DNS name:port" of the control plane's Service; its certificate carries
	// the DNS name.
	XDSAddress string
	// IPv6: Pods of the cluster have IPv6 addresses.
	IPv6 bool
}

// DefaultEnvoyImage is the Envoy that the product is tested with.
const DefaultEnvoyImage = "docker.io/envoyproxy/envoy:distroless-v1.40.0"

// DefaultDrainTimeout bounds how long a stopping Envoy waits for its requests.
const DefaultDrainTimeout = 60 * time.Second

// AddressError says that Services for addresses of the Gateway could not be made: the API server refuses a cluster IP, say.
// Everything else of the data plane is in place.
type AddressError struct{ Err error }

func (e *AddressError) Error() string { return e.Err.Error() }

func (e *AddressError) Unwrap() error { return e.Err }

// ParametersError says that GatewayParameters hold something that no data plane can be made
// from. It stays until the parameters change: the Gateway gets InvalidParameters.
type ParametersError struct {
	Field string // for example "spec.podTemplate"
	Err   error
}

func (e *ParametersError) Error() string { return fmt.Sprintf("%s: %v", e.Field, e.Err) }

func (e *ParametersError) Unwrap() error { return e.Err }
