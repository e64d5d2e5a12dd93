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
	shopExample   = "examples/http-scale-from-zero"
	shopNamespace = "http-scale-from-zero"
	shopHost      = "shop.keda"
	shopPort      = ":8080" // of the Gateway kedify-proxy
	// shopRate is two and a half times what one replica should get, for shopLoad requests at least.
	shopRate = 25
	shopLoad = 8 * shopRate
)

// scaling is the second act: an application that is not there until a request comes. It returns
// the address of its proxy.
func scaling(ctx context.Context, log *progress.Log) (string, error) {
	if _, err := kubectl(ctx, "apply", "-f", shopExample); err != nil {
		return "", err
	}
	for _, wait := range []struct{ what, object, condition string }{
		{"trigger", "httpscaler/shop-0", "condition=Accepted"},
		{"proxy", "gateway/kedify-proxy", "condition=Programmed"},
		{"KEDA", "scaledobject/shop", "condition=Ready"},
	} {
		step := log.Step(wait.what)
		if _, err := kubectl(ctx, "-n", shopNamespace, "wait", wait.object, "--for=create", "--timeout=60s"); err != nil {
			return "", err
		}
		if _, err := kubectl(ctx, "-n", shopNamespace, "wait", wait.object, "--for="+wait.condition, "--timeout=120s"); err != nil {
			events, _ := kubectl(ctx, "-n", shopNamespace, "get", "scaledobject,httpscaler,httproute,gateway,pods,events")
			return "", fmt.Errorf("waiting for the %s: %w\n%s", wait.what, err, events)
		}
		step.Done("ready")
	}
	host, err := kubectl(ctx, "-n", shopNamespace, "get", "gateway/kedify-proxy", "-o", "jsonpath={.status.addresses[0].value}")
	if err != nil {
		return "", err
	}
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	return host + shopPort, run(ctx, "bin/testbed", "--name", cluster, "exec", "--", self, insideScale, host+shopPort)
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
// requests, what is held, and replicas.
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
		{"No requests", func() {}, 90 * time.Second, gone},
		{"One request, while nothing runs", traffic.one, time.Minute, func(s state) bool { return s.answered == 1 && s.ready == 1 }},
		{fmt.Sprintf("%d requests per second, at a target of 10 for each replica", shopRate), traffic.start, time.Minute,
			func(s state) bool { return s.ready == 3 && s.answered > shopLoad }},
		{"No requests any more; the last replica stays for 15 s after the last request", traffic.stop, 3 * time.Minute, gone},
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
