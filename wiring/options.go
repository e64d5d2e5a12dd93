package wiring

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/certs"
	"github.com/kedify/inference-gateway/xds/server"
)

// Defaults of the periods.
const (
	DefaultDebounce = 5 * time.Second
	DefaultRecovery = 30 * time.Second
	DefaultCooldown = time.Hour
)

// Options are the flags of the command.
type Options struct {
	// Namespace of the installation, with the Service of the controllers and the lease.
	Namespace string
	// ControllerService is the name of the Service whose endpoints are the controllers.
	ControllerService string
	// ClassName is the GatewayClass of the Gateways kedify-proxy.
	ClassName string
	// SharedProxy: one Gateway kedify-proxy in Namespace serves the triggers of all namespaces.
	SharedProxy bool
	// Debounce is how long proxies or controllers have no ready endpoint before traffic goes directly
	// to the applications; Recovery is how long all are well before it goes back.
	Debounce, Recovery time.Duration
	// Cooldown is the period in which an object that others reset is rewritten a few times only.
	Cooldown time.Duration
	// KEDAListen is the listen address for KEDA while no controller is ready; empty: nothing listens.
	KEDAListen string
	// KEDATLSFolder has tls.crt, tls.key and ca.crt of KEDAListen, which then takes KEDA's certificate alone. The files may come
	// later, and change. Empty: cleartext.
	KEDATLSFolder string
	// TokenFile has the token that opens /status/proxies of the controllers; Kubernetes renews it. Empty: none
	// is shown.
	TokenFile string
	// MetricsListen and HealthListen are listen addresses.
	MetricsListen, HealthListen string
}

// AddFlags declares the flags.
func (o *Options) AddFlags(flags *pflag.FlagSet) {
	flags.StringVar(&o.Namespace, "namespace", os.Getenv("POD_NAMESPACE"), "namespace of the installation (default $POD_NAMESPACE)")
	flags.StringVar(&o.ControllerService, "controller-service", "kedify-gateway",
		"Service in the namespace of the installation whose endpoints are the controllers")
	flags.StringVar(&o.ClassName, "gateway-class", v1alpha1.GatewayClassName, "GatewayClass of the Gateways kedify-proxy")
	flags.BoolVar(&o.SharedProxy, "shared-proxy", false,
		"one Gateway kedify-proxy in --namespace serves the triggers of all namespaces, instead of one per namespace")
	flags.DurationVar(&o.Debounce, "healthcheck-debouncer-period", DefaultDebounce,
		"how long proxies or controllers have no ready endpoint before traffic goes directly to the applications")
	flags.DurationVar(&o.Recovery, "recovery-period", DefaultRecovery, "how long all are well before traffic goes through the proxies again")
	flags.DurationVar(&o.Cooldown, "ingress-cooldown-period", DefaultCooldown,
		"period in which an object that another writer resets is rewritten a few times only")
	flags.StringVar(&o.KEDAListen, "keda-listen", "",
		"listen address for KEDA while no controller is ready, as a standby endpoint of --controller-service; empty turns it off")
	flags.StringVar(&o.KEDATLSFolder, "keda-tls-folder", "",
		"folder with tls.crt, tls.key and ca.crt for mutual TLS at --keda-listen (default cleartext)")
	flags.StringVar(&o.TokenFile, "token-file", "",
		"file with a token of Kubernetes that opens /status/proxies of the controllers, of audience kedify-gateway")
	flags.StringVar(&o.MetricsListen, "metrics-listen", ":8080", "listen address of /metrics; 0 turns it off")
	flags.StringVar(&o.HealthListen, "health-listen", ":8081", "listen address of /healthz and /readyz; 0 turns it off")
}

// Validate refuses values that cannot work.
func (o *Options) Validate() error {
	switch {
	case o.Namespace == "":
		return errors.New("--namespace (or POD_NAMESPACE) is needed: the controllers and the lease are there")
	case o.ControllerService == "":
		return errors.New("--controller-service is needed: its endpoints say whether the controllers live")
	case o.Debounce <= 0 || o.Recovery <= 0 || o.Cooldown <= 0:
		return fmt.Errorf("--healthcheck-debouncer-period is %s, --recovery-period %s and --ingress-cooldown-period %s: use more than zero",
			o.Debounce, o.Recovery, o.Cooldown)
	}
	return nil
}

// tokenIn returns what reads a token; each call reads the file, because Kubernetes replaces it.
func tokenIn(file string) func() (string, error) {
	if file == "" {
		return nil
	}
	return func() (string, error) {
		token, err := os.ReadFile(file)
		return strings.TrimSpace(string(token)), err
	}
}

// kedaTLS is the TLS of the port for KEDA, as that of the controllers. Nil: cleartext.
func (o *Options) kedaTLS() *tls.Config {
	if o.KEDATLSFolder == "" {
		return nil
	}
	return certs.FilesTLS(o.KEDATLSFolder, server.KEDAIdentity)
}

// proxy is the Gateway that serves the triggers of a namespace.
func (o *Options) proxy(namespace string) types.NamespacedName {
	if o.SharedProxy {
		namespace = o.Namespace
	}
	return types.NamespacedName{Namespace: namespace, Name: v1alpha1.ProxyGatewayName}
}
