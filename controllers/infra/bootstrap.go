package infra

import (
	"fmt"
	"maps"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/kedify/inference-gateway/xds/ir"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/compare"
	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/xds/bootstrap"
)

// Where things are in the pod.
const (
	bootstrapDirectory   = bootstrap.Directory
	certificateDirectory = bootstrap.CertificateDirectory
	runDirectory         = "/run/kedify"
	adminSocket          = runDirectory + "/admin.sock"
	relaySocket          = runDirectory + "/relay.sock"
	pickersSocket        = runDirectory + "/pickers.sock"
)

// heapShare of the memory limit is for Envoy's heap; the rest is for stacks, TLS and the
// kernel's share. Load shedding begins below it, the kernel kills above it.
const heapShare = 0.9

// DefaultMemory stands for the memory limit of an Envoy that has none: load is shed as it is below that limit, and
// nothing is killed. One tenant's bodies do not take a node from all others.
const DefaultMemory = 4 << 30

// rendered is what Envoy starts with.
type rendered struct {
	files map[string]string
	args  []string
}

// metricsPort is where the proxies serve their statistics; zero: they do not.
func metricsPort(parameters v1alpha1.GatewayParametersSpec) uint32 {
	if !class.ServesMetrics(parameters) {
		return 0
	}
	return bootstrap.MetricsPort
}

// hash changes when running Envoys have to be replaced because of the files.
func (r rendered) hash() string {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(r.files)) {
		text.WriteString(name + "\x00" + r.files[name] + "\x00")
	}
	return compare.Hash([]byte(text.String()))
}

func renderBootstrap(spec Spec, config Config) (rendered, error) {
	host, port, err := splitAddress(config.XDSAddress)
	if err != nil {
		return rendered{}, err
	}
	parameters := spec.Infrastructure.Parameters
	envoy := ptr.Deref(parameters.Envoy, v1alpha1.EnvoyParameters{})
	files, err := bootstrap.Files(bootstrap.Config{
		Gateway:              ir.Key(spec.Gateway),
		Directory:            bootstrapDirectory,
		ServerAddress:        host,
		ServerPort:           port,
		ServerName:           host,
		CertificateDirectory: certificateDirectory,
		AdminSocket:          adminSocket,
		RelaySocket:          relaySocket,
		PickersSocket:        pickersSocket,
		MaxHeapBytes:         MaxHeap(envoy),
		MetricsPort:          metricsPort(parameters),
		BackendStats:         class.BackendStats(parameters),
		IPv6:                 config.IPv6,
	})
	if err != nil {
		return rendered{}, fmt.Errorf("render the bootstrap: %w", err)
	}
	if envoy.Bootstrap != nil && len(envoy.Bootstrap.Raw) > 0 {
		merged, err := bootstrap.Merge(files[bootstrap.BootstrapFile], envoy.Bootstrap.Raw)
		if err != nil {
			return rendered{}, &ParametersError{Field: "spec.envoy.bootstrap", Err: err}
		}
		files[bootstrap.BootstrapFile] = merged
	}
	out := rendered{files: map[string]string{}, args: arguments(spec, envoy)}
	for name, data := range files {
		out.files[name] = string(data)
	}
	return out, nil
}

func arguments(spec Spec, envoy v1alpha1.EnvoyParameters) []string {
	args := bootstrap.Args(bootstrapDirectory, "$(POD_NAMESPACE)/$(POD_NAME)")
	if envoy.LogLevel != nil {
		args = withFlag(args, "--log-level", *envoy.LogLevel)
	}
	if workers := concurrency(envoy); workers > 0 {
		args = withFlag(args, "--concurrency", strconv.FormatInt(workers, 10))
	}
	// Listeners go on accepting while the pod drains: a client that has not heard of it yet must
	// not be refused.
	seconds := int64((drainTimeout(spec) + stopMargin).Seconds())
	return withFlag(args, "--drain-time-s", strconv.FormatInt(seconds, 10))
}

// withFlag sets a flag; Envoy refuses one that is given twice.
func withFlag(args []string, flag, value string) []string {
	if at := slices.Index(args, flag); at >= 0 && at+1 < len(args) {
		args[at+1] = value
		return args
	}
	return append(args, flag, value)
}

// concurrency is the number of worker threads; zero leaves it to Envoy, which takes one per
// CPU of the node.
func concurrency(envoy v1alpha1.EnvoyParameters) int64 {
	if envoy.Concurrency != nil {
		return int64(*envoy.Concurrency)
	}
	if envoy.Resources != nil {
		if limit, ok := envoy.Resources.Limits[corev1.ResourceCPU]; ok {
			return max(1, int64(math.Ceil(limit.AsApproximateFloat64())))
		}
	}
	return 0
}

// MaxHeap is where the heap of an Envoy ends, in bytes, for load shedding.
func MaxHeap(envoy v1alpha1.EnvoyParameters) uint64 {
	memory := int64(DefaultMemory)
	if envoy.Resources != nil {
		if limit, ok := envoy.Resources.Limits[corev1.ResourceMemory]; ok && limit.Value() > 0 {
			memory = limit.Value()
		}
	}
	return uint64(float64(memory) * heapShare)
}

func splitAddress(address string) (string, uint32, error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, fmt.Errorf("address of the control plane: %w", err)
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || host == "" {
		return "", 0, fmt.Errorf("address of the control plane %q is not host:port", address)
	}
	return host, uint32(port), nil
}
