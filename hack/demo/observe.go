package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

const (
	controllersNamespace = "kedify-system"
	controllersSelector  = "app.kubernetes.io/name=kedify-gateway,app.kubernetes.io/component=controller"
	metricsPort          = "8080"
	// deployment of the model, and the label of its Pods.
	deployment = "llama"
	// heldMetric is the number of requests that wait at one controller.
	heldMetric = "kedify_gateway_hold_held_requests"
	// silence is how long nothing may change before the same line is printed again.
	silence = 10 * time.Second
)

// state is one line of the view.
type state struct {
	sent, answered, held int
	// tokens that arrived in the last seconds, per second.
	tokens int
	// wanted replicas, pods that there are (those that end, too), and ready ones.
	wanted, pods, ready int
}

// observer looks at the model once a second.
type observer struct {
	traffic     *traffic
	begun       time.Time
	controllers []string // addresses of metrics
	arrived     []arrival
	last        state
	printed     time.Time
}

// arrival is how many tokens had arrived at a time.
type arrival struct {
	at     time.Time
	tokens int
}

func newObserver(ctx context.Context, traffic *traffic) (*observer, error) {
	ips, err := exec.CommandContext(ctx, "kubectl", "-n", controllersNamespace, "get", "pods", "-l", controllersSelector,
		"-o", "jsonpath={.items[*].status.podIP}").Output()
	if err != nil {
		return nil, fmt.Errorf("addresses of the controllers: %w", err)
	}
	o := &observer{traffic: traffic, begun: time.Now()}
	for _, ip := range strings.Fields(string(ips)) {
		o.controllers = append(o.controllers, "http://"+net.JoinHostPort(ip, metricsPort)+"/metrics")
	}
	fmt.Printf("\n   %8s %9s %9s %6s %9s   %s\n", "time", "chats", "answered", "held", "tokens/s", "replicas: ready of wanted")
	return o, nil
}

// until shows what happens until it is over.
func (o *observer) until(ctx context.Context, limit time.Duration, over func(state) bool) error {
	deadline := time.Now().Add(limit)
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		now, err := o.observe(ctx)
		if err != nil {
			return err
		}
		ended := over(now)
		o.show(now, ended)
		switch {
		case ended:
			return nil
		case time.Now().After(deadline):
			return errStuck
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// observe asks Kubernetes for the replicas and every controller for what it holds.
func (o *observer) observe(ctx context.Context) (state, error) {
	text, err := exec.CommandContext(ctx, "kubectl", "-n", namespace, "get", "deployments,pods", "-o", "json").Output()
	if err != nil {
		return state{}, fmt.Errorf("replicas of the model: %w", err)
	}
	var list struct {
		Items []struct {
			Kind     string
			Metadata struct {
				Name   string
				Labels map[string]string
			}
			Spec   struct{ Replicas int }
			Status struct{ ReadyReplicas int }
		}
	}
	if err := json.Unmarshal(text, &list); err != nil {
		return state{}, fmt.Errorf("replicas of the model: %w", err)
	}
	now := state{held: o.held(ctx), tokens: o.rate()}
	now.sent, now.answered = o.traffic.counts()
	for _, item := range list.Items {
		switch {
		case item.Kind == "Deployment" && item.Metadata.Name == deployment:
			now.wanted, now.ready = item.Spec.Replicas, item.Status.ReadyReplicas
		case item.Kind == "Pod" && item.Metadata.Labels["app"] == deployment:
			now.pods++
		}
	}
	return now, nil
}

// rate is how many tokens arrived per second, over the last span.
func (o *observer) rate() int {
	const span = 5 * time.Second
	now := arrival{time.Now(), o.traffic.tokens()}
	o.arrived = append(o.arrived, now)
	for len(o.arrived) > 2 && now.at.Sub(o.arrived[1].at) >= span {
		o.arrived = o.arrived[1:]
	}
	passed := now.at.Sub(o.arrived[0].at).Seconds()
	if passed == 0 {
		return 0
	}
	return int(float64(now.tokens-o.arrived[0].tokens)/passed + 0.5)
}

// held sums up over the controllers; one that does not answer holds nothing that we know of.
func (o *observer) held(ctx context.Context) int {
	var sum float64
	for _, address := range o.controllers {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			continue
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			continue
		}
		parser := expfmt.NewTextParser(model.UTF8Validation)
		families, err := parser.TextToMetricFamilies(response.Body)
		response.Body.Close()
		if err != nil {
			continue
		}
		for _, metric := range families[heldMetric].GetMetric() {
			sum += metric.GetGauge().GetValue()
		}
	}
	return int(sum)
}

// show prints a line when something changed, and now and then when nothing did.
func (o *observer) show(now state, always bool) {
	shown := now
	shown.pods = 0
	if !always && shown == o.last && time.Since(o.printed) < silence {
		return
	}
	o.last, o.printed = shown, time.Now()
	replicas := strings.Repeat("#", now.ready) + strings.Repeat(".", max(0, now.wanted-now.ready))
	fmt.Printf("   %7.0fs %9d %9d %6d %9d   %d/%d %s\n",
		time.Since(o.begun).Seconds(), now.sent, now.answered, now.held, now.tokens, now.ready, now.wanted, replicas)
}
