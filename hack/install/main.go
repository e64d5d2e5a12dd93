// Command install puts the product into a cluster the way a user does: the CRDs of Gateway API
// and of the Inference Extension, then the chart with helm.
//
// Job: bring a cluster to "GatewayClass kedify is Accepted", or say what is missing.
// Inputs: -name of a testbed cluster, or the cluster of KUBECONFIG when that is set.
// Outputs: one line per step with its time; the exit status.
// Ownership: one goroutine; every step is a command that ends before the next begins.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/kedify/inference-gateway/hack/testbed/progress"
)

const (
	release   = "kedify-gateway"
	namespace = "kedify-system"
	chart     = "charts/kedify-gateway"

	deployment = "deployment/kedify-gateway"
)

// small lets the dozens of Gateways of a conformance run share the two cores of a testbed: the
// scheduler goes by what pods request, not by what they use.
const small = "resources.requests.cpu=20m," +
	"gatewayClass.parameters.envoy.resources.requests.cpu=5m,gatewayClass.parameters.envoy.resources.requests.memory=32Mi"

func main() {
	var i installer
	flag.StringVar(&i.name, "name", "default", "testbed cluster to install into; ignored when KUBECONFIG is set")
	flag.StringVar(&i.channel, "channel", "experimental", "channel of the Gateway API CRDs: experimental or standard")
	flag.StringVar(&i.values, "values", "", "comma-separated key=value pairs for the chart")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	i.log = progress.New(os.Stdout, time.Now())
	if err := i.install(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "install:", err)
		os.Exit(1)
	}
}

// step is one command of an installation; inside, where the cluster can be reached.
type step struct {
	name   string
	inside bool
	argv   []string
}

// installer is one installation.
type installer struct {
	name, channel, values string
	log                   *progress.Log
}

func (i installer) install(ctx context.Context) error {
	gatewayCRDs, err := apply(ctx, "sigs.k8s.io/gateway-api", i.channel)
	if err != nil {
		return err
	}
	poolCRDs, err := apply(ctx, "sigs.k8s.io/gateway-api-inference-extension", "bases")
	if err != nil {
		return err
	}
	helm, err := filepath.Abs("bin/helm")
	if err != nil {
		return err
	}
	steps := []step{
		{"helm", false, []string{"go", "build", "-modfile=hack/helm/go.mod", "-o", helm, "helm.sh/helm/v4/cmd/helm"}},
		{"Gateway API CRDs", true, gatewayCRDs},
		{"InferencePool CRD", true, poolCRDs},
		{"chart", true, i.upgrade(helm)},
		{"GatewayClass", true, []string{"kubectl", "wait", "gatewayclass/kedify", "--for=condition=Accepted", "--timeout=60s"}},
	}
	if os.Getenv("KUBECONFIG") == "" && i.run(ctx, i.inside(inNamespace("get", deployment))) == nil {
		// An image built from the tree keeps its name: pods that run already run the old one.
		steps = append(steps,
			step{"restart", true, inNamespace("rollout", "restart", deployment)},
			step{"new pods", true, inNamespace("rollout", "status", deployment, "--timeout=3m")})
	}
	for _, s := range steps {
		progress := i.log.Step(s.name)
		argv := s.argv
		if s.inside {
			argv = i.inside(argv)
		}
		if err := i.run(ctx, argv); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		progress.Done("done")
	}
	return nil
}

// run runs a command to its end; what it printed is part of the error.
func (i installer) run(ctx context.Context, argv []string) error {
	text, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), err, text)
	}
	return nil
}

func inNamespace(args ...string) []string {
	return append([]string{"kubectl", "--namespace", namespace}, args...)
}

// apply applies the CRDs in a folder of a module. It is server-side: they are too large for the
// annotation of a client-side apply.
func apply(ctx context.Context, module, folder string) ([]string, error) {
	root, err := moduleFolder(ctx, module)
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(root, "config", "crd", folder, "*_*.yaml"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no CRDs of %s in channel %s", module, folder)
	}
	argv := []string{"kubectl", "apply", "--server-side", "--force-conflicts"}
	for _, file := range files {
		argv = append(argv, "-f", file)
	}
	return argv, nil
}

func (i installer) upgrade(helm string) []string {
	argv := []string{
		helm, "upgrade", "--install", release, chart, "--namespace", namespace, "--create-namespace",
		"--wait", "--timeout", "3m", "--set", "image.repository=ghcr.io/kedify/inference-gateway,image.tag=dev",
	}
	if os.Getenv("KUBECONFIG") == "" {
		argv = append(argv, "--set", small)
	}
	if i.values != "" {
		argv = append(argv, "--set", i.values)
	}
	return argv
}

// inside is a command where the cluster can be reached.
func (i installer) inside(argv []string) []string {
	if os.Getenv("KUBECONFIG") != "" {
		return argv
	}
	return append([]string{"bin/testbed", "--name", i.name, "exec", "--"}, argv...)
}

// moduleFolder is where the sources of a module of ours are, with the version of go.mod.
func moduleFolder(ctx context.Context, module string) (string, error) {
	text, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return "", fmt.Errorf("folder of %s: %w", module, err)
	}
	if folder := strings.TrimSpace(string(text)); folder != "" {
		return folder, nil
	}
	// Listed but not yet on this machine.
	if err := exec.CommandContext(ctx, "go", "mod", "download", module).Run(); err != nil {
		return "", fmt.Errorf("download %s: %w", module, err)
	}
	text, err = exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	return strings.TrimSpace(string(text)), err
}
