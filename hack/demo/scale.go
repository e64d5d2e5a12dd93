package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/kedify/inference-gateway/hack/testbed/progress"
)

const (
	scalingExample = "examples/token-scaling" // of the model of the first act
	// chatRate is chats per second, for chatLoad chats at least. Each is answered with chatTokens tokens. The target of the
	// example is less than half of that for one replica.
	chatRate   = 5
	chatLoad   = 8 * chatRate
	chatTokens = 40
)

// scaling is the second act: the model of the first one sleeps until a request comes.
func scaling(ctx context.Context, log *progress.Log, address string) error {
	if _, err := kubectl(ctx, "apply", "-f", scalingExample); err != nil {
		return err
	}
	for _, wait := range []struct{ what, object, condition string }{
		{"trigger", "httpscaler/llama-0", "condition=Accepted"},
		{"KEDA", "scaledobject/llama", "condition=Ready"},
	} {
		step := log.Step(wait.what)
		if _, err := kubectl(ctx, "-n", namespace, "wait", wait.object, "--for=create", "--timeout=60s"); err != nil {
			return err
		}
		if _, err := kubectl(ctx, "-n", namespace, "wait", wait.object, "--for="+wait.condition, "--timeout=120s"); err != nil {
			events, _ := kubectl(ctx, "-n", namespace, "get", "scaledobject,httpscaler,httproute,gateway,pods,events")
			return fmt.Errorf("waiting for the %s: %w\n%s", wait.what, err, events)
		}
		step.Done("ready")
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return run(ctx, "bin/testbed", "--name", cluster, "exec", "--", self, insideScale, address)
}

// scene is a part of the second act: what begins it, and what ends it.
type scene struct {
	title string
	begin func()
	limit time.Duration
	over  func(state) bool
}

// errStuck says that a scene did not come to its end.
var errStuck = errors.New("this took longer than it should; the cluster stays up: make cluster-shell")

// watchScaling plays the second act inside the network of the cluster and shows, line by line,
// chats, what is held, tokens and replicas.
func watchScaling(ctx context.Context, address string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	traffic := newTraffic(ctx, address)
	observed, err := newObserver(ctx, traffic)
	if err != nil {
		return err
	}
	gone := func(s state) bool { return s.wanted == 0 && s.pods == 0 }
	for _, s := range []scene{
		{"No requests: KEDA stops the model", func() {}, 90 * time.Second, gone},
		{
			"A chat, while no replica runs: Envoy holds it, and asks the picker when there is one", traffic.one, time.Minute,
			func(s state) bool { return s.answered == 1 && s.ready == 1 },
		},
		{
			fmt.Sprintf("%d chats per second, with %d tokens each in the answer", chatRate, chatTokens), traffic.start, 2 * time.Minute,
			func(s state) bool { return s.ready == 3 && s.answered > chatLoad },
		},
		{"No requests any more: the rate leaves its window, then the last replica goes", traffic.stop, 3 * time.Minute, gone},
	} {
		fmt.Printf("\n   %s\n", s.title)
		s.begin()
		if err := observed.until(ctx, s.limit, s.over); err != nil {
			return fmt.Errorf("%s: %w", s.title, err)
		}
	}
	fmt.Printf("\n   %s\n", traffic.summary())
	return traffic.failed()
}
