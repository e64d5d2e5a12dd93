// Command demo shows the product: a real cluster, the chart, a model behind a Gateway, and a
// streamed answer; then the same model sleeps, is woken by a chat, scaled by its load, and
// stopped again.
//
// Job: the story of `make demo`, told while it happens.
// Inputs: the clone it runs in; examples/inference-quickstart and examples/token-scaling.
// Outputs: progress with timings, the answer's tokens as they arrive, the Pods that were picked and that
// served, the conditions of the objects, chats, tokens and replicas over time, and how to go on. The
// cluster stays up.
// Ownership: one goroutine tells the story; every step is a command that ends before the next
// begins. The requests of the second act have goroutines of their own.
package main

import (
	"context"
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
	cluster   = "default"
	example   = "examples/inference-quickstart"
	namespace = "inference-quickstart"
	// inside and insideScale are the arguments with which the demo calls itself in the network of
	// the cluster.
	inside      = "converse"
	insideScale = "scale"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	tell := demo
	if len(os.Args) == 3 {
		tell = map[string]func(context.Context) error{
			inside:      func(ctx context.Context) error { return converse(ctx, os.Args[2]) },
			insideScale: func(ctx context.Context) error { return watchScaling(ctx, os.Args[2]) },
		}[os.Args[1]]
	}
	if tell == nil {
		fmt.Fprintln(os.Stderr, "demo: run it without arguments")
		os.Exit(2)
	}
	if err := tell(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func demo(ctx context.Context) error {
	log := progress.New(os.Stdout, time.Now())
	fmt.Println("1. A Kubernetes of your own (the first time, everything is built from source: some minutes)")
	if err := run(ctx, "bin/testbed", "--name", cluster, "up", "--profile", "inference"); err != nil {
		return err
	}
	fmt.Println("\n2. The product: CRDs and the chart")
	if err := run(ctx, "bin/install", "-name", cluster); err != nil {
		return err
	}
	fmt.Println("\n3. A Gateway, a model with two replicas, its endpoint picker, an InferencePool and a route:", example)
	if err := deploy(ctx, log); err != nil {
		return err
	}
	fmt.Println("\n4. A chat completion through the Gateway, streamed")
	address, err := kubectl(ctx, "-n", namespace, "get", "gateway/inference", "-o", "jsonpath={.status.addresses[0].value}")
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := run(ctx, "bin/testbed", "--name", cluster, "exec", "--", self, inside, address); err != nil {
		return err
	}
	fmt.Println("\n5. What the objects say")
	if err := report(ctx); err != nil {
		return err
	}
	// Only now: the build of KEDA takes long, and the steps before do not need it.
	fmt.Printf("\nUntil here it took %s.\n\n6. KEDA (the first time, built from source as well)\n", time.Since(log.Start()).Round(time.Second))
	if err := run(ctx, "bin/install", "-name", cluster, "-keda", "-product=false"); err != nil {
		return err
	}
	fmt.Println("\n7. The model runs when requests come:", scalingExample)
	if err := scaling(ctx, log, address); err != nil {
		return err
	}
	fmt.Printf("\nIt took %s. The cluster stays up.\n%s", time.Since(log.Start()).Round(time.Second), farewell(address))
	return nil
}

// deploy applies the example and waits for it, saying what it waits for.
func deploy(ctx context.Context, log *progress.Log) error {
	if _, err := kubectl(ctx, "apply", "-f", example); err != nil {
		return err
	}
	for _, wait := range []struct{ what, object, condition string }{
		{"model and picker", "deployment", "condition=Available"},
		{"gateway", "gateway/inference", "condition=Programmed"},
		{"gateway's address", "gateway/inference", "jsonpath={.status.addresses[0].value}"},
		{"route", "httproute/llama", `jsonpath={.status.parents[0].conditions[?(@.type=="Accepted")].status}=True`},
		{"pool", "inferencepool/llama", `jsonpath={.status.parents[0].conditions[?(@.type=="Accepted")].status}=True`},
	} {
		step := log.Step(wait.what)
		argv := []string{"-n", namespace, "wait", wait.object, "--for=" + wait.condition, "--timeout=120s"}
		if !strings.Contains(wait.object, "/") {
			argv = append(argv, "--all")
		}
		if _, err := kubectl(ctx, argv...); err != nil {
			events, _ := kubectl(ctx, "-n", namespace, "get", "pods,events")
			return fmt.Errorf("waiting for the %s: %w\n%s", wait.what, err, events)
		}
		step.Done("ready")
	}
	return nil
}

// report prints the objects and every condition they have.
func report(ctx context.Context) error {
	table, err := kubectl(ctx, "-n", namespace, "get", "gateway,httproute,inferencepool")
	if err != nil {
		return err
	}
	fmt.Println(table)
	const conditions = `{range %[1]s}{.type}={.status} ({.reason})  {end}`
	for _, object := range []struct{ name, path string }{
		{"gateway/inference", ".status.conditions[*]"},
		{"httproute/llama", ".status.parents[*].conditions[*]"},
		{"inferencepool/llama", ".status.parents[*].conditions[*]"},
	} {
		text, err := kubectl(ctx, "-n", namespace, "get", object.name, "-o", "jsonpath="+fmt.Sprintf(conditions, object.path))
		if err != nil {
			return err
		}
		fmt.Printf("%-22s %s\n", object.name, text)
	}
	return nil
}

func farewell(address string) string {
	return fmt.Sprintf(`
play   make cluster-shell
         curl -N http://%[2]s/v1/chat/completions -H 'content-type: application/json' \
           -d '{"model": "llama-3.1-8b", "stream": true, "max_tokens": 40, "messages": [{"role": "user", "content": "Hello"}]}'
         kubectl -n %[1]s get pods,scaledobject,httpscaler,httproute,gateway,hpa
         kubectl apply -f examples/http-scale-from-zero/   # an application that is no model
         kubectl apply -f examples/http-basic/
stop   make demo-down
`, namespace, address)
}

// kubectl runs kubectl in the cluster and returns what it printed.
func kubectl(ctx context.Context, args ...string) (string, error) {
	argv := append([]string{"--name", cluster, "exec", "--", "kubectl"}, args...)
	text, err := exec.CommandContext(ctx, filepath.Join("bin", "testbed"), argv...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, text)
	}
	return strings.TrimSpace(string(text)), nil
}

// run runs a command whose progress the user wants to see.
func run(ctx context.Context, argv ...string) error {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Minute
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", strings.Join(argv, " "), err)
	}
	return nil
}
