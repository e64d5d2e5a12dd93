package image

import (
	"fmt"
	"runtime"
	"slices"

	"github.com/kedify/inference-gateway/hack/oci"
	"github.com/kedify/inference-gateway/hack/testbed/build"
)

// Profiles say what a cluster is for; a cluster builds and imports only the
// images of its profile.
const (
	Minimal     = "minimal"     // Kubernetes, Envoy, DNS, the gateway
	Inference   = "inference"   // and the endpoint picker, a model simulator, the echo backend
	Conformance = "conformance" // what the two conformance suites' manifests ask for
	KEDA        = "keda"        // and KEDA, with the echo backend to scale
	Full        = "full"        // inference and KEDA together
	Autowire    = "autowire"    // and consumers of objects that the product wires
)

// Profiles lists them all.
var Profiles = []string{Minimal, Inference, Conformance, KEDA, Full, Autowire}

// Names that other packages and the manifests refer to.
const (
	Pause   = "registry.k8s.io/pause:3.10"
	Gateway = "ghcr.io/kedify/inference-gateway:dev"

	lwepp = "registry.k8s.io/gateway-api-inference-extension/lwepp:v1.6.0"
)

// Image is one row of the table: names and where the binary comes from.
type Image struct {
	Name      string // short, for the command line
	Component string
	Binary    string   // of the component; the component's name when empty
	Path      string   // of the binary in the image
	Names     []string // every name it is imported under
	Spec      oci.Spec
	Profiles  []string
	Dynamic   bool // carries the shared libraries of its binary
	TimeZones bool // carries the time zone database
	Extra     []oci.File
}

const nonroot = oci.Nonroot

// Options choose between variants of the table.
type Options struct {
	// LWEPPAsEPP puts the full endpoint picker under the name of the
	// lightweight one. See the comment at lweppAsEPP.
	LWEPPAsEPP bool
}

// Table lists every image.
func Table(o Options) []Image {
	everywhere := Profiles
	rows := []Image{
		{Name: "pause", Component: "pause", Path: "/pause", Profiles: everywhere,
			Names: []string{Pause}, Spec: oci.Spec{User: "65535:65535"}},
		{Name: "coredns", Component: "coredns", Path: "/coredns", Profiles: everywhere,
			Names: []string{"registry.k8s.io/coredns/coredns:v1.12.2"}, Spec: oci.Spec{User: nonroot}},
		{Name: "envoy", Component: "envoy", Path: "/usr/local/bin/envoy", Profiles: everywhere, Dynamic: true,
			Names: []string{"docker.io/envoyproxy/envoy:distroless-v1.40.0"},
			Spec:  oci.Spec{User: nonroot, Cmd: []string{"-c", "/etc/envoy/envoy.yaml"}}},
		{Name: "gateway", Component: build.Gateway, Path: "/kedify-gateway", Profiles: everywhere,
			Names: []string{Gateway}, Spec: oci.Spec{User: nonroot}},
		{Name: "echo-basic", Component: "echo-basic", Path: "/echo-basic", Profiles: []string{Inference, Conformance, KEDA, Full, Autowire},
			// Since v1.7 the suite takes it from a repository of its own, whose module is not served: these are
			// the sources before they moved.
			Spec: oci.Spec{User: nonroot}, Names: []string{
				"registry.k8s.io/gateway-api/conformance/echo-basic:v0.1.0",
				"registry.k8s.io/gateway-api/conformance/echo-basic:v0.2.0",
				"registry.k8s.io/gateway-api/echo-basic:v1.5.1",
				"registry.k8s.io/gateway-api/echo-basic:v1.6.0-dev.2",
				"registry.k8s.io/gateway-api/echo-basic:v1.6.0-dev.3",
				"gcr.io/k8s-staging-gateway-api/echo-basic:v20251106-v1.3.0-263-g47c3435c",
			}},
		{Name: "epp", Component: "epp", Path: "/epp", Profiles: []string{Inference, Conformance, Full, Autowire},
			Names: []string{"registry.k8s.io/gateway-api-inference-extension/epp:v1.5.0"}, Spec: oci.Spec{User: nonroot}},
		{Name: "llm-d-inference-sim", Component: "llm-d-inference-sim", Path: "/app/llm-d-inference-sim",
			Profiles: []string{Inference, Full, Autowire},
			Names:    []string{"ghcr.io/llm-d/llm-d-inference-sim:v0.10.2"}, Spec: oci.Spec{User: nonroot}},
	}
	rows = append(rows, kedaRows()...)
	rows = append(rows, foreignRows()...)
	rows = append(rows, lweppRows(o)...)
	for i := range rows {
		row := &rows[i]
		if row.Binary == "" {
			row.Binary = row.Component
		}
		if row.Spec.Entrypoint == nil {
			row.Spec.Entrypoint = []string{row.Path}
		}
		row.Spec.Architecture = runtime.GOARCH
	}
	return rows
}

// kedaRows have the names, paths and users of KEDA's own images. Those have a
// time zone database, which cron triggers need.
func kedaRows() []Image {
	row := func(name, binary, path string, args ...string) Image {
		return Image{Name: name, Component: "keda", Binary: binary, Path: path, Profiles: []string{KEDA, Full, Autowire}, TimeZones: true,
			Names: []string{"ghcr.io/kedacore/" + name + ":2.21.0"},
			Spec: oci.Spec{User: nonroot,
				Entrypoint: append([]string{path}, append(args, "--zap-log-level=info", "--zap-encoder=console")...)}}
	}
	return []Image{
		row("keda", "operator", "/keda"),
		row("keda-metrics-apiserver", "adapter", "/keda-adapter", "--secure-port=6443"),
		row("keda-admission-webhooks", "webhooks", "/keda-admission-webhooks"),
	}
}

// foreignRows serve objects of other products: Contour Ingresses and HTTPRoutes,
// Istio VirtualServices, both with the same Envoy as the product, and haproxy
// with a stand-in for OpenShift's router Routes. The last two have names of our
// own: the one is Debian's build, the other is no router of OpenShift's.
func foreignRows() []Image {
	row := func(component, path, name string) Image {
		return Image{
			Name: component, Component: component, Path: path, Profiles: []string{Autowire},
			Names: []string{name}, Spec: oci.Spec{User: nonroot},
		}
	}
	istiod := row("istiod", "/usr/local/bin/pilot-discovery", "docker.io/istio/pilot:1.31.0")
	istiod.Binary = "pilot-discovery"
	haproxy := row("haproxy", "/usr/local/sbin/haproxy", "testbed.internal/haproxy:debian")
	haproxy.Dynamic = true
	return []Image{
		row("contour", "/bin/contour", "ghcr.io/projectcontour/contour:v1.33.8"),
		istiod,
		haproxy,
		row("haproxy-routes", "/haproxy-routes", "testbed.internal/haproxy-routes:stand-in"),
	}
}

// lweppRows: the stock lightweight picker 1.6.0 cannot answer a request with a
// streamed body (gateway-api-inference-extension issue 3035, fixed in 1.6.1),
// so no Envoy-based gateway passes the inference suite with it. With
// LWEPPAsEPP its name holds the full picker 1.5.0 instead, configured as the
// suite of 1.5.0 configured it: the header that the tests set decides the
// endpoint, and the endpoint that served is reported back. `up` says so when it
// does this. The stock one is not built then: it takes two minutes.
func lweppRows(o Options) []Image {
	if !o.LWEPPAsEPP {
		return []Image{{Name: "lwepp", Component: "lwepp", Path: "/lwepp", Profiles: []string{Conformance},
			Names: []string{lwepp}, Spec: oci.Spec{User: nonroot}}}
	}
	const config = "/etc/epp/config.yaml"
	standIn := Image{Name: "lwepp-as-epp", Component: "epp", Path: "/epp", Profiles: []string{Conformance},
		Names: []string{lwepp},
		Spec: oci.Spec{User: nonroot,
			// The echo backends have no metrics; asking for them 20 times
			// a second, the default, costs 10% of a processor per picker.
			Entrypoint: []string{"/epp", "--config-file", config, "--refresh-metrics-interval=5s"}},
		Extra: []oci.File{{Path: config, Mode: 0o644, Content: []byte(eppTestConfig)}},
	}
	return []Image{standIn}
}

// eppTestConfig is what the suite's manifests of 1.5.0 gave to the picker.
const eppTestConfig = `apiVersion: inference.networking.x-k8s.io/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: header-based-testing-filter
- type: destination-endpoint-served-verifier
schedulingProfiles:
- name: conformance-profile
  plugins:
  - pluginRef: header-based-testing-filter
`

// ForProfile selects the images of a profile.
func ForProfile(rows []Image, profile string) ([]Image, error) {
	if !slices.Contains(Profiles, profile) {
		return nil, fmt.Errorf("no profile %q; there are %v", profile, Profiles)
	}
	var out []Image
	for _, row := range rows {
		if slices.Contains(row.Profiles, profile) {
			out = append(out, row)
		}
	}
	return out, nil
}

// ByName selects images by short name.
func ByName(rows []Image, names []string) ([]Image, error) {
	var out []Image
	for _, name := range names {
		i := slices.IndexFunc(rows, func(row Image) bool { return row.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("no image %q", name)
		}
		out = append(out, rows[i])
	}
	return out, nil
}
