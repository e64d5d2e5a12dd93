package bootstrap

import (
	"errors"
	"path"

	"github.com/kedify/inference-gateway/xds/ir"
)

// Names and places that the rest of the product relies on.
const (
	// BootstrapFile is what Envoy is started with; the other two are read by it.
	BootstrapFile   = "envoy.yaml"
	CertificateFile = "xds-certificate.yaml"
	AuthorityFile   = "xds-authority.yaml"

	// ReadyPort serves ReadyPath: 200 while the proxy has its first configuration and is not
	// draining, 503 when it drains, refused before.
	ReadyPort = 19003
	ReadyPath = "/ready"

	// MetricsPort serves MetricsPath, the statistics of the proxy in the format of Prometheus; every other path is 404.
	MetricsPort = 19001
	MetricsPath = "/stats/prometheus"

	// MaxAuthAnswer is the longest answer of an authorization service that the proxy keeps, in bytes. Over HTTP it is a setting of
	// the process alone.
	MaxAuthAnswer = 256 << 10

	// Cluster is the name of the control plane in the proxy.
	Cluster = "xds"

	// Directory and CertificateDirectory are where the files below and the certificate are in a
	// data plane's pod. What is sent later refers to them.
	Directory            = "/etc/kedify/bootstrap"
	CertificateDirectory = "/etc/kedify/xds"

	// ReplicaName is a DNS name that the certificate of every replica of the control plane
	// carries, with any name of its Service.
	ReplicaName = "replica.kedify-gateway"
)

// ErrConfig says which part of a Config is missing.
var ErrConfig = errors.New("incomplete bootstrap configuration")

// Config is what differs between proxies.
type Config struct {
	// Gateway the proxy serves: its node cluster, and the first part of its node ID.
	Gateway ir.Key
	// Directory of the rendered files in the proxy's file system.
	Directory string
	// ServerAddress is the host name or address of the control plane, ServerPort its port, and
	// ServerName the DNS name that its certificate must carry.
	ServerAddress string
	ServerPort    uint32
	ServerName    string
	// CertificateDirectory holds tls.crt, tls.key and ca.crt. It may be replaced while the
	// proxy runs, the way Kubernetes swaps mounted Secrets.
	CertificateDirectory string
	// AdminSocket is the path of the Unix socket of the admin interface.
	AdminSocket string
	// RelaySocket is the path of the Unix socket of the relay of calls to endpoint pickers, PickersSocket of the one by which the
	// relay reaches them. Empty: there is no relay.
	RelaySocket, PickersSocket string
	// MaxHeapBytes turns on load shedding: from 90% memory is returned to the system, from
	// 95% HTTP/2 streams are reset from the most expensive on, at 98% requests are refused.
	// Zero: off.
	MaxHeapBytes uint64
	// MetricsPort is MetricsPort, or another one; zero: the statistics are not served.
	MetricsPort uint32
	// BackendStats has the proxy keep, for each backend, a histogram of the time of its answers in milliseconds, and a counter
	// for each class of their status codes.
	BackendStats bool
	// IPv6: Pods have IPv6 addresses, and ports of the proxy are bound for both families.
	IPv6 bool
}

func (c Config) validate() error {
	for name, value := range map[string]string{
		"Gateway.Namespace":    c.Gateway.Namespace,
		"Gateway.Name":         c.Gateway.Name,
		"Directory":            c.Directory,
		"ServerAddress":        c.ServerAddress,
		"ServerName":           c.ServerName,
		"CertificateDirectory": c.CertificateDirectory,
		"AdminSocket":          c.AdminSocket,
	} {
		if value == "" {
			return errors.Join(ErrConfig, errors.New(name+" is empty"))
		}
	}
	if c.ServerPort == 0 || c.ServerPort > 65535 {
		return errors.Join(ErrConfig, errors.New("ServerPort is not a port"))
	}
	if (c.RelaySocket == "") != (c.PickersSocket == "") {
		return errors.Join(ErrConfig, errors.New("RelaySocket and PickersSocket go together"))
	}
	if c.MetricsPort > 65535 {
		return errors.Join(ErrConfig, errors.New("MetricsPort is not a port"))
	}
	return nil
}

// Files renders all files of Config.Directory.
func Files(c Config) (map[string][]byte, error) {
	files := map[string]func(Config) ([]byte, error){
		BootstrapFile:   Render,
		CertificateFile: certificate,
		AuthorityFile:   authority,
	}
	out := make(map[string][]byte, len(files))
	for name, render := range files {
		data, err := render(c)
		if err != nil {
			return nil, err
		}
		out[name] = data
	}
	return out, nil
}

// Args are the arguments to start Envoy with. The node ("$(POD_NAMESPACE)/$(POD_NAME)")
// names this process among those of its gateway.
func Args(directory, node string) []string {
	return []string{
		"--config-path", path.Join(directory, BootstrapFile),
		"--service-node", node,
		"--log-level", "warning",
		// A picker that fails open would log one warning per request.
		"--component-log-level", "ext_proc:error",
		// One Envoy per pod, replaced by the next pod and never by a process beside it.
		"--disable-hot-restart",
		// Connections are told to close from the moment the drain begins, not at random times
		// during it: the shutdown command decides how long to wait.
		"--drain-strategy", "immediate",
	}
}
