package controllers

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/infra"
	"github.com/kedify/inference-gateway/scaler/trigger"
)

// KEDASecretName is the name of the Secret with KEDA's certificate; the chart's
// ClusterTriggerAuthentication reads it.
const KEDASecretName = "kedify-gateway-keda-client"

// Options are the flags of the controller.
type Options struct {
	// Namespace of the installation: the CA, the leader's lease.
	Namespace string
	// XDSListen is where Envoys are served; XDSAddress is where they find it.
	XDSListen, XDSAddress string
	// PodIP is this replica's address among those of the Service of XDSAddress.
	PodIP string
	// KEDAListen is where KEDA asks, ScalerAddress where it finds that.
	KEDAListen, ScalerAddress string
	// KEDATLS: KEDA's port is mutual TLS. KEDA finds its certificate in a Secret of KEDANamespace,
	// where its ClusterTriggerAuthentications have theirs; KEDAAuthentication is the name of the one
	// for it.
	KEDATLS                           bool
	KEDANamespace, KEDAAuthentication string
	// MetricsServiceListen is where Envoys that users run report what they count.
	MetricsServiceListen string
	// AdmissionListen is where the API server asks; empty: nobody does. AdmissionName is the name
	// of the webhook configurations.
	AdmissionListen, AdmissionName string
	// ClassName is the GatewayClass of the Gateways kedify-proxy.
	ClassName string
	// SharedProxy: one Gateway kedify-proxy in Namespace serves the triggers of all namespaces.
	SharedProxy bool
	// MetricsListen and HealthListen are addresses; the metrics server also serves what
	// people ask for: /xds, what each Envoy has, and /demand, /queue, /hold, /envoy-metrics-map.
	MetricsListen, HealthListen string
	LeaderElection              bool
	EnvoyImage, ProductImage    string
	PullPolicy                  string
}

// AddFlags declares the flags.
func (o *Options) AddFlags(flags *pflag.FlagSet) {
	flags.StringVar(&o.Namespace, "namespace", os.Getenv("POD_NAMESPACE"), "namespace of the installation (default $POD_NAMESPACE)")
	flags.StringVar(&o.XDSListen, "xds-listen", ":18000", "address that Envoys are served on")
	flags.StringVar(&o.XDSAddress, "xds-address", "",
		"DNS name:port of the Service in front of it (default kedify-gateway.<namespace>.svc:18000)")
	flags.StringVar(&o.PodIP, "pod-ip", os.Getenv("POD_IP"),
		"IP of this replica, to tell it from the others behind --xds-address (default $POD_IP)")
	flags.StringVar(&o.KEDAListen, "keda-listen", ":9090", "address of KEDA's external scaler")
	flags.StringVar(&o.ScalerAddress, "scaler-address", "",
		"host:port under which KEDA reaches it, as triggers name it (default the host of --xds-address, port 9090)")
	flags.BoolVar(&o.KEDATLS, "keda-tls", false, "mutual TLS on the port of KEDA's external scaler")
	flags.StringVar(&o.KEDANamespace, "keda-namespace", "keda",
		"with --keda-tls: namespace of the Secrets of ClusterTriggerAuthentications, KEDA's own")
	flags.StringVar(&o.KEDAAuthentication, "keda-authentication", "kedify-gateway",
		"name of the ClusterTriggerAuthentication that triggers refer to with --keda-tls, and without do not")
	flags.StringVar(&o.MetricsServiceListen, "metrics-service-listen", ":9901",
		"address of the metrics service for Envoys that users run (kedify-envoy-http)")
	flags.StringVar(&o.AdmissionListen, "admission-listen", ":9443", "address that the API server asks for admission; empty turns it off")
	flags.StringVar(&o.AdmissionName, "admission-name", "kedify-gateway", "name of the webhook configurations to keep the CA in")
	flags.StringVar(&o.ClassName, "gateway-class", v1alpha1.GatewayClassName, "GatewayClass of the Gateways kedify-proxy")
	flags.BoolVar(&o.SharedProxy, "shared-proxy", false, "one Gateway kedify-proxy in --namespace for all namespaces, instead of one in each")
	flags.StringVar(&o.MetricsListen, "metrics-listen", ":8080",
		"address of the Prometheus metrics and of /xds, /demand, /queue, /hold, /envoy-metrics-map; 0 turns it off")
	flags.StringVar(&o.HealthListen, "health-listen", ":8081", "address of /healthz and /readyz; 0 turns it off")
	flags.BoolVar(&o.LeaderElection, "leader-election", true, "elect one replica that writes")
	flags.StringVar(&o.EnvoyImage, "envoy-image", infra.DefaultEnvoyImage, "image of Envoy unless GatewayParameters name one")
	flags.StringVar(&o.ProductImage, "product-image", "ghcr.io/kedify/inference-gateway:dev",
		"image of this program, for the shutdown container")
	flags.StringVar(&o.PullPolicy, "image-pull-policy", "", "pull policy of both images")
}

// XDSTarget is where Envoys find the xDS server, host:port.
func (o *Options) XDSTarget() string {
	if o.XDSAddress != "" {
		return o.XDSAddress
	}
	return "kedify-gateway." + o.Namespace + ".svc:18000"
}

// ServerNames are the DNS names that the serving certificate carries.
func (o *Options) ServerNames() []string {
	host, _, err := net.SplitHostPort(o.XDSTarget())
	if err != nil {
		host = o.XDSTarget()
	}
	names := []string{host}
	if strings.HasSuffix(host, ".svc") {
		names = append(names, host+".cluster.local")
	}
	return names
}

// ScalerTarget is where KEDA finds the external scaler, host:port.
func (o *Options) ScalerTarget() string {
	if o.ScalerAddress != "" {
		return o.ScalerAddress
	}
	return net.JoinHostPort(o.ServerNames()[0], "9090")
}

// ScalerNames are the names under which KEDA may find the external scaler: the one in ScalerTarget,
// and those of the Service, in every spelling that a trigger may have.
func (o *Options) ScalerNames() []string {
	_, target, found := strings.Cut(o.ScalerTarget(), ":///") // a gRPC target may have a scheme
	if !found {
		target = o.ScalerTarget()
	}
	host, _, err := net.SplitHostPort(target)
	if err != nil {
		host = target
	}
	names := append(o.ServerNames(), strings.TrimSuffix(o.ServerNames()[0], ".svc"), host)
	slices.Sort(names)
	return slices.Compact(names)
}

// Authentication is what the triggers of the product refer to.
func (o *Options) Authentication() trigger.Authentication {
	return trigger.Authentication{Name: o.KEDAAuthentication, Required: o.KEDATLS}
}

// Own is where Envoys reach this replica, and no other.
func (o *Options) Own() (string, error) {
	_, port, err := net.SplitHostPort(o.XDSListen)
	if err != nil {
		return "", fmt.Errorf("--xds-listen: %w", err)
	}
	if net.ParseIP(o.PodIP) == nil {
		return "", fmt.Errorf("--pod-ip (or POD_IP) is %q: requests that wait need the address of this replica", o.PodIP)
	}
	return net.JoinHostPort(o.PodIP, port), nil
}
