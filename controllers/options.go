package controllers

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/ptr"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/infra"
	"github.com/kedify/inference-gateway/controllers/scope"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/trigger"
)

// KEDASecretName is the name of the Secret with KEDA's certificate; the chart's
// ClusterTriggerAuthentication reads it.
const KEDASecretName = "kedify-gateway-keda-client"

// StandbySecretName is the name of the Secret with the certificate of the standby, which answers KEDA while no controller
// is ready; the Pods of the command "wiring" have it as files.
const StandbySecretName = "kedify-gateway-standby"

// MetricsSecretName is the name of the Secret with the certificate of the Envoys that users run, in each namespace
// with a trigger that such an Envoy counts for.
const MetricsSecretName = "kedify-gateway-metrics"

// Options are the flags of the controller.
type Options struct {
	// Namespace of the installation, with the CA Secret and the Lease of the leader.
	Namespace string
	// WatchNamespaces are watched beside Namespace, and no others; empty: all namespaces are.
	WatchNamespaces []string
	// XDSListen is the listen address of the xDS server, XDSAddress its address for Envoys.
	XDSListen, XDSAddress string
	// PodIP is this replica's address among those of the Service of XDSAddress.
	PodIP string
	// PodIPs are all addresses of this replica. Those of Envoys are of the same families.
	PodIPs []string
	// KEDAListen is the listen address of the external scaler, ScalerAddress its address for KEDA.
	KEDAListen, ScalerAddress string
	// KEDATLS requires mutual TLS on that port. KEDA's certificate is a Secret of KEDANamespace, in
	// which KEDA reads the Secrets of ClusterTriggerAuthentications. KEDAAuthentication is the
	// ClusterTriggerAuthentication that refers to it.
	KEDATLS                           bool
	KEDANamespace, KEDAAuthentication string
	// MetricsServiceListen is the listen address of the metrics service for Envoys that users run; empty turns
	// it off.
	MetricsServiceListen string
	// AdmissionListen is the listen address of the admission webhooks; empty turns them off.
	// AdmissionName is the name of the webhook configurations.
	AdmissionListen, AdmissionName string
	// ClassName is the GatewayClass of the Gateways kedify-proxy.
	ClassName string
	// HoldTimeout and HoldMaxPending are the defaults of triggers without holdTimeout and
	// maxPendingRequests. HoldMaxTotal limits the held requests of one replica of the controller.
	HoldTimeout                  time.Duration
	HoldMaxPending, HoldMaxTotal int
	// Autowire: the command "wiring" runs, which points foreign objects at the proxies.
	Autowire bool
	// SharedProxy: one Gateway kedify-proxy in Namespace serves the triggers of all namespaces.
	SharedProxy bool
	// UnrestrictedParameters: GatewayParameters of a Gateway may set every field, as those of a class.
	UnrestrictedParameters bool
	// ProxyValues is the name of a ConfigMap in Namespace with parameters of the Gateways kedify-proxy;
	// empty: there is none.
	ProxyValues string
	// MetricsListen and HealthListen are listen addresses. The metrics server also serves the debug
	// views /xds, /demand, /keda, /queue, /hold, /envoy-metrics-map and /status/proxies, to callers with the right by
	// roles of the cluster. DebugListen serves them to every process that reaches it: the processes of the Pod.
	MetricsListen, HealthListen, DebugListen string
	// TriggerMetrics: /metrics has up to eight series for each trigger.
	TriggerMetrics bool
	// TracingEndpoint is the collector of spans of held requests, http(s)://host:port; empty: none are made.
	TracingEndpoint          string
	LeaderElection           bool
	EnvoyImage, ProductImage string
	PullPolicy               string
}

// AddFlags declares the flags.
func (o *Options) AddFlags(flags *pflag.FlagSet) {
	flags.StringVar(&o.Namespace, "namespace", os.Getenv("POD_NAMESPACE"), "namespace of the installation (default $POD_NAMESPACE)")
	flags.StringSliceVar(&o.WatchNamespaces, "watch-namespaces", nil,
		"namespaces that are watched, beside that of --namespace; what is in others is not seen (default all)")
	flags.StringVar(&o.XDSListen, "xds-listen", ":18000", "listen address of the xDS server")
	flags.StringVar(&o.XDSAddress, "xds-address", "",
		"DNS name:port of the Service in front of the xDS server (default kedify-gateway.<namespace>.svc:18000)")
	flags.StringVar(&o.PodIP, "pod-ip", os.Getenv("POD_IP"),
		"IP address of this replica; it identifies the replica among the endpoints of --xds-address (default $POD_IP)")
	flags.StringSliceVar(&o.PodIPs, "pod-ips", strings.FieldsFunc(os.Getenv("POD_IPS"), func(r rune) bool { return r == ',' }),
		"IP addresses of this replica; with an IPv6 address among them, Envoys bind their ports for both families (default $POD_IPS)")
	flags.StringVar(&o.KEDAListen, "keda-listen", ":9090", "listen address of the external scaler for KEDA")
	flags.StringVar(&o.ScalerAddress, "scaler-address", "",
		"host:port of the external scaler, as in the scalerAddress of triggers (default the host of --xds-address, port 9090)")
	flags.BoolVar(&o.KEDATLS, "keda-tls", false, "require mutual TLS on the port of the external scaler")
	flags.StringVar(&o.KEDANamespace, "keda-namespace", "keda",
		"namespace in which KEDA reads the Secrets of ClusterTriggerAuthentications (only with --keda-tls)")
	flags.StringVar(&o.KEDAAuthentication, "keda-authentication", "kedify-gateway",
		"ClusterTriggerAuthentication that admission adds to triggers (only with --keda-tls)")
	flags.StringVar(&o.MetricsServiceListen, "metrics-service-listen", "",
		"listen address of the metrics service for Envoys that users run (kedify-envoy-http), with mutual TLS; empty turns it off")
	flags.StringVar(&o.AdmissionListen, "admission-listen", ":9443", "listen address of the admission webhooks; empty turns them off")
	flags.StringVar(&o.AdmissionName, "admission-name", "kedify-gateway",
		"name of the webhook configurations whose CA bundle the controller updates")
	flags.StringVar(&o.ClassName, "gateway-class", v1alpha1.GatewayClassName, "GatewayClass of the Gateways kedify-proxy")
	flags.DurationVar(&o.HoldTimeout, "hold-timeout", scaler.DefaultHoldTimeout,
		"time that a request waits for an endpoint, unless its trigger has a holdTimeout")
	flags.IntVar(&o.HoldMaxPending, "hold-max-pending", scaler.DefaultMaxPending,
		"held requests of one trigger, unless it has maxPendingRequests")
	flags.IntVar(&o.HoldMaxTotal, "hold-max-total", scaler.DefaultMaxTotal, "held requests of this replica, over all triggers")
	flags.BoolVar(&o.Autowire, "autowire", false,
		"kedify-gateway wiring runs in this installation and points foreign objects, such as an Ingress, at the proxies")
	flags.BoolVar(&o.SharedProxy, "shared-proxy", false,
		"serve the triggers of all namespaces with one Gateway kedify-proxy in --namespace, instead of one per namespace")
	flags.BoolVar(&o.UnrestrictedParameters, "unrestricted-gateway-parameters", false,
		"let the GatewayParameters of a Gateway set every field, such as podTemplate: a user with the right to write them can then run any Pod")
	flags.StringVar(&o.ProxyValues, "proxy-values", "",
		"ConfigMap in --namespace with GatewayParameters of the Gateways kedify-proxy: keys values and namespacedValues.<namespace>")
	flags.StringVar(&o.MetricsListen, "metrics-listen", ":8080",
		"listen address of /metrics and, for tokens that may get them, of the debug views /xds, /demand, /keda, /queue, /hold, "+
			"/envoy-metrics-map, /status/proxies; 0 turns it off")
	flags.BoolVar(&o.TriggerMetrics, "trigger-metrics", true, "export up to eight series for each trigger (kedify_gateway_trigger_*)")
	flags.StringVar(&o.TracingEndpoint, "tracing-endpoint", "",
		"collector that gets the span of each held request whose proxy traces it, by OTLP over gRPC: "+
			"http://host:port, or https://host:port for TLS; empty turns it off")
	flags.StringVar(&o.DebugListen, "debug-listen", "127.0.0.1:8082",
		"listen address of the debug views without authentication, a loopback address; empty turns it off")
	flags.StringVar(&o.HealthListen, "health-listen", ":8081", "listen address of /healthz and /readyz; 0 turns it off")
	flags.BoolVar(&o.LeaderElection, "leader-election", true, "elect a leader; only the leader writes to the API server")
	flags.StringVar(&o.EnvoyImage, "envoy-image", infra.DefaultEnvoyImage, "Envoy image of Gateways whose GatewayParameters set none")
	flags.StringVar(&o.ProductImage, "product-image", "ghcr.io/kedify/inference-gateway:dev",
		"image of this program for the shutdown container of Envoy Pods")
	flags.StringVar(&o.PullPolicy, "image-pull-policy", "", "pull policy of both images")
}

// Watched are the namespaces whose objects are watched.
func (o *Options) Watched() scope.Scope { return scope.Of(o.Namespace, o.WatchNamespaces) }

// XDSTarget is the address of the xDS server for Envoys, host:port.
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

// ScalerTarget is the address of the external scaler for KEDA, host:port.
func (o *Options) ScalerTarget() string {
	if o.ScalerAddress != "" {
		return o.ScalerAddress
	}
	return net.JoinHostPort(o.ServerNames()[0], "9090")
}

// ScalerNames are the DNS names of the external scaler: the host of ScalerTarget and every spelling
// of the Service name that a trigger may have.
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

// StandbyNames are the DNS names of a standby of the external scaler: those by which Envoys and the API server know the
// controllers are not among them.
func (o *Options) StandbyNames() []string {
	return slices.DeleteFunc(o.ScalerNames(), func(name string) bool { return name == o.ServerNames()[0] })
}

// Authentication is the ClusterTriggerAuthentication that triggers of the product refer to.
func (o *Options) Authentication() trigger.Authentication {
	return trigger.Authentication{Name: o.KEDAAuthentication, Required: o.KEDATLS}
}

// Own is the address of the xDS server of this replica alone.
func (o *Options) Own() (string, error) {
	_, port, err := net.SplitHostPort(o.XDSListen)
	if err != nil {
		return "", fmt.Errorf("--xds-listen: %w", err)
	}
	if net.ParseIP(o.PodIP) == nil {
		return "", fmt.Errorf("--pod-ip (or POD_IP) is %q: held requests need the address of this replica", o.PodIP)
	}
	return net.JoinHostPort(o.PodIP, port), nil
}

// IPv6 reports whether Pods of the cluster have IPv6 addresses, as this replica has.
func (o *Options) IPv6() bool {
	return slices.ContainsFunc(append([]string{o.PodIP}, o.PodIPs...), func(text string) bool {
		address, err := netip.ParseAddr(text)
		return err == nil && address.Unmap().Is6()
	})
}

// Hold returns the defaults of held requests that triggers get when they say nothing: those that
// differ from the product's.
func (o *Options) Hold() (defaults v1alpha1.HTTPScalerHold) {
	if o.HoldTimeout > 0 && o.HoldTimeout != scaler.DefaultHoldTimeout {
		defaults.Timeout = &metav1.Duration{Duration: o.HoldTimeout}
	}
	if o.HoldMaxPending > 0 && o.HoldMaxPending != scaler.DefaultMaxPending {
		defaults.MaxPending = ptr.To(int32(o.HoldMaxPending))
	}
	return defaults
}

// Validate refuses values that no trigger could have.
func (o *Options) Validate() error {
	if o.HoldTimeout != 0 && (o.HoldTimeout < trigger.MinHoldTimeout || o.HoldTimeout > trigger.MaxHoldTimeout) {
		return fmt.Errorf("--hold-timeout is %s: use %s to %s", o.HoldTimeout, trigger.MinHoldTimeout, trigger.MaxHoldTimeout)
	}
	if o.HoldMaxPending < 0 || o.HoldMaxPending > trigger.MaxHeldRequests || o.HoldMaxTotal < 0 {
		return fmt.Errorf("--hold-max-pending is %d and --hold-max-total %d: use 1 to %d, and more than zero",
			o.HoldMaxPending, o.HoldMaxTotal, trigger.MaxHeldRequests)
	}
	return errors.Join(o.validateWatched(), o.validateTracing(), o.validateDebug())
}

// validateWatched refuses what is no namespace, and what needs them all.
func (o *Options) validateWatched() error {
	for _, namespace := range o.WatchNamespaces {
		if problems := validation.IsDNS1123Label(namespace); len(problems) > 0 {
			return fmt.Errorf("--watch-namespaces has %q, which is no namespace: %s", namespace, strings.Join(problems, "; "))
		}
	}
	if len(o.WatchNamespaces) > 0 && o.Autowire {
		return errors.New("--watch-namespaces excludes --autowire: autowiring watches and writes objects of all namespaces; leave one out")
	}
	return nil
}

// validateTracing refuses what is no address of a collector, or more than that.
func (o *Options) validateTracing() error {
	if o.TracingEndpoint == "" {
		return nil
	}
	at, err := url.Parse(o.TracingEndpoint)
	if err == nil && (at.Scheme == "http" || at.Scheme == "https") && at.Hostname() != "" && o.TracingEndpoint == at.Scheme+"://"+at.Host {
		if port, err := strconv.ParseUint(at.Port(), 10, 16); err == nil && port > 0 {
			return nil
		}
	}
	return fmt.Errorf("--tracing-endpoint is %q: use the scheme, the host and the port of an OTLP receiver for gRPC, "+
		"such as http://collector.monitoring:4317", o.TracingEndpoint)
}

// validateDebug refuses to show the views of all tenants to the network.
func (o *Options) validateDebug() error {
	if o.DebugListen == "" {
		return nil
	}
	address, err := netip.ParseAddrPort(o.DebugListen)
	if err != nil || !address.Addr().IsLoopback() {
		return fmt.Errorf("--debug-listen is %q: use an address of the loopback, such as 127.0.0.1:8082", o.DebugListen)
	}
	return nil
}
