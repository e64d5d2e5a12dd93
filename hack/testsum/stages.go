package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// errUsersCluster says that a stage has nothing to do on a cluster that the user brought.
var errUsersCluster = errors.New("not for a cluster of the user's")

// modules of the repository whose code is linted.
var modules = []string{".", "conformance"}

// addresses of our own cluster, for the feature GatewayStaticAddresses: one that a Service may
// ask for, and one of the range for documentation, which is never given.
var addresses = []string{"-usable-address=10.99.255.7", "-unusable-address=192.0.2.9"}

// stages in the order in which they run.
func stages() []stage {
	return []stage{
		{name: "lint", about: "golangci-lint with the import rules of the design", run: lint},
		{name: "unit", depth: -1, run: unit,
			about: "unit tests, goldens, in-process feature tests, envoy --mode validate, fuzz seeds; race detector where goroutines are"},
		{name: "clients", about: "everyday clients through a real Envoy, to every kind of host and target", depth: 1, run: clients},
		{name: "cluster", about: "a real Kubernetes with KEDA and the chart installed", prepares: true, run: cluster},
		{name: "testbed", about: "what the other tests rely on in our own cluster", run: smoke},
		{name: "conformance", about: "Gateway API v1.7.0, all five gateway profiles by the features of the GatewayClass, unmodified",
			depth: 1, run: gatewayAPI},
		{name: "inference", about: "Gateway API Inference Extension v1.6.0, unmodified", depth: 2, run: inference},
		{name: "e2e", about: "the promises of the product, on the cluster", run: e2e},
	}
}

func lint(ctx context.Context, r *runner) error {
	modfile := filepath.Join(r.root, "hack", "tools", "go.mod")
	for _, module := range modules {
		r.check(ctx, "golangci-lint "+module, module, "go", "tool", "-modfile="+modfile, "golangci-lint", "run", "./...")
	}
	return nil
}

func unit(ctx context.Context, r *runner) error {
	if err := errors.Join(r.useEnvoy(ctx), r.usePrometheus(ctx)); err != nil {
		return err
	}
	packages, err := r.unitPackages(ctx)
	if err != nil {
		return err
	}
	// The stage before has vetted everything, and no test reads debug information: both cost minutes when
	// nothing is built yet. Tests of an Envoy wait for its timers: one package more than there are cores is tested at once.
	// What one goroutine computes is not slowed down by the race detector (alone.go).
	flags := []string{"-vet=off", "-ldflags=-s -w", fmt.Sprintf("-p=%d", runtime.NumCPU()+1)}
	var many, single []string
	for _, pkg := range packages {
		if isAlone(pkg) {
			single = append(single, pkg)
		} else {
			many = append(many, pkg)
		}
	}
	race := *r
	race.env = append(slices.Clone(r.env), "CGO_ENABLED=1") // the detector is C; everything else is built without, once for all stages
	return errors.Join(
		race.goTest(ctx, ".", slices.Concat([]string{"-race"}, flags, many)...),
		r.goTest(ctx, ".", slices.Concat(flags, single)...))
}

// clients tries a part of the matrix; make sweep tries all of it.
func clients(ctx context.Context, r *runner) error {
	if err := r.useEnvoy(ctx); err != nil {
		return err
	}
	return r.goTest(ctx, ".", "-count=1", "."+clientsPackage)
}

// useEnvoy has tests run with the Envoy of the testbed.
func (r *runner) useEnvoy(ctx context.Context) error {
	folder, err := r.component(ctx, "envoy")
	r.env = append(r.env, "ENVOY="+filepath.Join(folder, "envoy"))
	return err
}

// usePrometheus has tests run with the prometheus and the promtool of the testbed.
func (r *runner) usePrometheus(ctx context.Context) error {
	folder, err := r.component(ctx, "prometheus")
	r.env = append(r.env, "PROMETHEUS="+folder)
	return err
}

// component is the folder with the programs of a component of the testbed.
func (r *runner) component(ctx context.Context, name string) (string, error) {
	text, err := r.answer(ctx, "go", "run", "./hack/testbed", "build", name)
	if err != nil {
		return "", err
	}
	// The last line is the name of the component and its folder.
	fields := strings.Fields(text[strings.LastIndex(text, "\n")+1:])
	if len(fields) != 2 || fields[0] != name {
		return "", fmt.Errorf("no folder of %s in %q", name, text)
	}
	return fields[1], nil
}

func cluster(ctx context.Context, r *runner) error {
	if os.Getenv("KUBECONFIG") != "" {
		r.show("using the cluster of KUBECONFIG, with the product as it is installed there")
		return nil
	}
	// Not by go run, which puts the product's Go first on the path: components would be built a second time with it.
	if err := r.do(ctx, "go", "build", "-o", "bin/", "./hack/testbed", "./hack/install"); err != nil {
		return err
	}
	if err := r.do(ctx, testbed("up", "--profile", "conformance")...); err != nil {
		return err
	}
	// The examples want a model and KEDA as well; the installer brings KEDA's images.
	if err := r.do(ctx, testbed("images", "llm-d-inference-sim")...); err != nil {
		return err
	}
	return r.do(ctx, "bin/install", "--keda", "--name", "test")
}

// smoke tests the testbed itself; with KUBECONFIG there is no testbed.
func smoke(ctx context.Context, r *runner) error {
	if os.Getenv("KUBECONFIG") != "" {
		return errUsersCluster
	}
	binary, err := r.binary(ctx, ".", "./hack/testbed/smoke", "smoke")
	if err != nil {
		return err
	}
	return r.inCluster(ctx, binary)
}

func gatewayAPI(ctx context.Context, r *runner) error {
	if os.Getenv("KUBECONFIG") != "" {
		return r.suite(ctx, "TestGatewayAPI", strings.Fields(os.Getenv("ADDRESSES"))...)
	}
	return r.suite(ctx, "TestGatewayAPI", addresses...)
}

func inference(ctx context.Context, r *runner) error {
	return r.suite(ctx, "TestInference")
}

// suite runs one conformance suite with its reports and evidence below out/conformance.
func (r *runner) suite(ctx context.Context, test string, args ...string) error {
	binary, err := r.binary(ctx, "conformance", ".", "conformance")
	if err != nil {
		return err
	}
	args = append([]string{
		"-test.run=^" + test + "$", "-test.parallel=3", "-gateway-class=kedify",
		"-out=" + filepath.Join(r.root, "out", "conformance"),
	}, args...)
	return r.inCluster(ctx, binary, args...)
}

func e2e(ctx context.Context, r *runner) error {
	binary, err := r.binary(ctx, ".", "./test/e2e", "e2e")
	if err != nil {
		return err
	}
	// What a client program imports: no package registry is in reach of the cluster.
	if _, err := r.component(ctx, "python"); err != nil {
		return err
	}
	// Those that run side by side wait for most of the time. Those of autowiring need consumers of
	// foreign objects, which take minutes to build: make e2e RUN=Autowire. TestNewcomer needs a cluster without the product,
	// TestLoadGenerator a program of 770 MB: make loadgen.
	return r.inCluster(ctx, binary, "-test.parallel=6", "-test.skip=^(TestAutowire|TestNewcomer|TestLoadGenerator)", "-root="+r.root)
}
