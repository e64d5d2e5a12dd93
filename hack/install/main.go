// Command install puts the product into a cluster the way a user does, with helm: the chart of
// CRDs, then the product's. With -keda, KEDA comes first; with
// -foreign, consumers of objects that the product wires come last.
//
// Job: bring a cluster to "GatewayClass kedify is Accepted", or say what is missing.
// Inputs: -name of a testbed cluster, or the cluster of KUBECONFIG when that is set; -channel and -gateway-api of the CRDs.
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
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/kedify/inference-gateway/hack/install/crds"
	"github.com/kedify/inference-gateway/hack/testbed/progress"
)

const (
	release   = "kedify-gateway"
	namespace = "kedify-system"
	chart     = "charts/kedify-gateway"

	deployment = "deployment/kedify-gateway"
	wiring     = "deployment/kedify-gateway-wiring"
)

// small lets the dozens of Gateways of a conformance run share the two cores of a testbed: the
// scheduler goes by what pods request, not by what they use. And the examples have an Envoy of the user.
const small = "resources.requests.cpu=20m,autowire.resources.requests.cpu=5m,autowire.resources.requests.memory=32Mi," +
	"gatewayClass.parameters.envoy.resources.requests.cpu=5m,gatewayClass.parameters.envoy.resources.requests.memory=32Mi," +
	"externalEnvoys.enabled=true"

func main() {
	var i installer
	flag.StringVar(&i.name, "name", "default", "testbed cluster to install into; ignored when KUBECONFIG is set")
	flag.StringVar(&i.channel, "channel", "experimental", "channel of the Gateway API CRDs: experimental, standard, or none")
	flag.StringVar(&i.gatewayAPI, "gateway-api", crds.Current, "version of the Gateway API CRDs; the product serves v1.6 as well")
	flag.StringVar(&i.values, "values", "", "comma-separated key=value pairs for the chart")
	flag.BoolVar(&i.keda, "keda", false, "install KEDA, too, before the product; a testbed has its images already with profile keda or full")
	flag.BoolVar(&i.foreign, "foreign", false, "install Contour, Istio and a stand-in for OpenShift's router, too, after the product;\n"+
		"a testbed has their images already with profile autowire")
	flag.BoolVar(&i.product, "product", true, "install the product; false leaves a cluster with KEDA alone")
	flag.StringVar(&i.write, "write", "", "install nothing, and write both charts into this folder; that of the CRDs is complete only there")
	flag.Parse()
	if !slices.Contains([]string{"experimental", "standard", "none"}, i.channel) {
		fmt.Fprintf(os.Stderr, "install: -channel %q: experimental, standard or none\n", i.channel)
		os.Exit(2)
	}
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
	answer string // an error with this in it is what the step is after
	loud   bool   // it may take long, and tells by itself how far it is
}

func inCluster(name string, argv ...string) step { return step{name: name, inside: true, argv: argv} }

// installer is one installation.
type installer struct {
	name, channel, values string
	gatewayAPI, write     string
	keda, product         bool
	foreign               bool
	log                   *progress.Log
}

func (i installer) install(ctx context.Context) error {
	if i.write != "" {
		return i.writeCharts(ctx)
	}
	for _, part := range []struct {
		wanted bool
		steps  func(context.Context) ([]step, error)
	}{{i.keda, i.kedaSteps}, {i.product, i.productSteps}, {i.foreign, i.foreignSteps}} {
		if !part.wanted {
			continue
		}
		steps, err := part.steps(ctx)
		if err != nil {
			return err
		}
		if err := i.perform(ctx, steps); err != nil {
			return err
		}
	}
	return nil
}

func (i installer) productSteps(ctx context.Context) ([]step, error) {
	definitions := filepath.Join("out", "install", i.name, crds.Name)
	if err := crds.Write(ctx, ".", definitions, i.gatewayAPI); err != nil {
		return nil, err
	}
	helm, err := filepath.Abs("bin/helm")
	if err != nil {
		return nil, err
	}
	steps := []step{
		{name: "helm", argv: []string{"go", "build", "-modfile=hack/helm/go.mod", "-o", helm, "helm.sh/helm/v4/cmd/helm"}},
		inCluster("CRDs", i.define(helm, definitions)...),
		inCluster("chart", i.upgrade(helm)...),
		inCluster("GatewayClass", "kubectl", "wait", "gatewayclass/kedify", "--for=condition=Accepted", "--timeout=60s"),
	}
	for _, name := range []string{deployment, wiring} {
		if name == wiring && strings.Contains(i.values, "autowire.enabled=false") {
			continue // this installation removes it
		}
		if os.Getenv("KUBECONFIG") == "" && i.run(ctx, i.inside(inNamespace("get", name))) == nil {
			// An image built from the tree keeps its name: pods that run already run the old one.
			steps = append(steps,
				inCluster("restart "+name, inNamespace("rollout", "restart", name)...),
				inCluster("new pods of "+name, inNamespace("rollout", "status", name, "--timeout=3m")...))
		}
	}
	return steps, nil
}

func (i installer) perform(ctx context.Context, steps []step) error {
	for _, s := range steps {
		progress := i.log.Step(s.name)
		argv := s.argv
		if s.inside {
			argv = i.inside(argv)
		}
		run := i.run
		if s.loud {
			run = aloud
		}
		err := run(ctx, argv)
		if err != nil && (s.answer == "" || !strings.Contains(err.Error(), s.answer)) {
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

// aloud runs a command that prints for itself.
func aloud(ctx context.Context, argv []string) error {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it has children to end
	return cmd.Run()
}

func inNamespace(args ...string) []string {
	return append([]string{"kubectl", "--namespace", namespace}, args...)
}

func (i installer) writeCharts(ctx context.Context) error {
	if err := crds.Write(ctx, ".", filepath.Join(i.write, crds.Name), i.gatewayAPI); err != nil {
		return err
	}
	out := filepath.Join(i.write, filepath.Base(chart))
	if err := os.RemoveAll(out); err != nil {
		return err
	}
	return os.CopyFS(out, os.DirFS(chart))
}

// define installs the CRDs. Those that are there already, from kubectl or from the folder crds of the chart, become
// those of this release.
func (i installer) define(helm, definitions string) []string {
	return []string{
		helm, "upgrade", "--install", crds.Name, definitions, "--namespace", namespace, "--create-namespace",
		"--take-ownership", "--force-conflicts", "--wait", "--timeout", "3m",
		"--set", fmt.Sprintf("gatewayAPI.standard=%t,gatewayAPI.experimental=%t", i.channel == "standard", i.channel == "experimental"),
	}
}

func (i installer) upgrade(helm string) []string {
	argv := []string{
		helm, "upgrade", "--install", release, chart, "--namespace", namespace, "--create-namespace",
		"--wait", "--timeout", "3m", "--set", "image.repository=ghcr.io/kedify/inference-gateway,image.tag=dev",
	}
	if os.Getenv("KUBECONFIG") == "" {
		argv = append(argv, "--set", small)
	}
	if i.foreign {
		argv = append(argv, "--set", "autowire.enabled=true") // there is something to wire
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
