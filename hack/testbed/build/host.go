package build

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/kedify/inference-gateway/hack/testbed/progress"
)

// Host is what the machine itself contributes to a cluster.
type Host struct {
	Runc string // path of the container runtime
	CNI  string // folder of the network plugins
}

// tools are the programs taken from the machine, with the Debian package of
// each. Debian's own containerd and crun do not do: the first is too old for
// this kubelet, the second refuses a hybrid cgroup hierarchy.
var tools = []struct{ program, debian string }{
	{"runc", "runc"},
	{"ip", "iproute2"},
	{"nft", "nftables"},
	{"conntrack", "conntrack"},
}

var cniFolders = []string{"/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni"}

// PrepareHost finds the machine's programs and installs what is missing.
func PrepareHost(ctx context.Context, log *progress.Log) (Host, error) {
	if os.Geteuid() != 0 {
		return Host{}, fmt.Errorf("the testbed needs root: it makes namespaces, mounts and cgroups of its own")
	}
	if missing := missingPackages(); len(missing) > 0 {
		step := log.Step("packages")
		if err := apt(ctx, missing...); err != nil {
			return Host{}, fmt.Errorf("install what Debian calls %s: %w", strings.Join(missing, ", "), err)
		}
		step.Done("installed %s", strings.Join(missing, " "))
	}
	runc, err := findProgram("runc")
	if err != nil {
		return Host{}, err
	}
	cni := findCNI()
	if cni == "" {
		return Host{}, fmt.Errorf("no CNI plugins in %s", strings.Join(cniFolders, ", "))
	}
	return Host{Runc: runc, CNI: cni}, nil
}

func missingPackages() []string {
	var missing []string
	for _, t := range tools {
		if _, err := findProgram(t.program); err != nil {
			missing = append(missing, t.debian)
		}
	}
	if findCNI() == "" {
		missing = append(missing, "containernetworking-plugins")
	}
	return missing
}

// findProgram also looks where root's PATH may not.
func findProgram(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return filepath.Abs(path)
	}
	for _, dir := range []string{"/usr/local/sbin", "/usr/sbin", "/sbin"} {
		if path := filepath.Join(dir, name); exists(path) {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s: %w", name, exec.ErrNotFound)
}

func findCNI() string {
	for _, dir := range cniFolders {
		if exists(filepath.Join(dir, "ptp")) && exists(filepath.Join(dir, "host-local")) {
			return dir
		}
	}
	return ""
}
