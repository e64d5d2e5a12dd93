package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kedify/inference-gateway/hack/testbed/progress"
)

// handover is what `up` hands to the part of it that runs inside the namespaces.
type handover struct {
	Started  time.Time `json:"started"`
	Archives []string  `json:"archives"`
}

// Boot starts all components, inside the namespaces, and returns when pods can
// run. What it has started outlives it; if it fails, `up` ends the holder and
// everything with it.
func Boot(ctx context.Context, l Layout) error {
	data, err := os.ReadFile(l.handover())
	if err != nil {
		return err
	}
	var h handover
	if err := json.Unmarshal(data, &h); err != nil {
		return err
	}
	b := &boot{layout: l, handover: h, log: progress.New(os.Stdout, h.Started)}
	return b.run(ctx)
}

type boot struct {
	layout   Layout
	handover handover
	log      *progress.Log

	mu      sync.Mutex
	started []*running
}

// run is the order of things: images are imported while the control plane
// starts; the kubelet starts when both are there, so that no pod ever waits
// for an image that is still on its way.
func (b *boot) run(ctx context.Context) error {
	l := b.layout
	if err := b.start(etcd(), containerd(l), apiServer(l)); err != nil {
		return err
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error { return b.importImages(groupCtx) })
	group.Go(func() error { return b.controlPlane(groupCtx) })
	if err := group.Wait(); err != nil {
		return err
	}
	step := b.log.Step("node")
	if err := b.start(kubelet(l)); err != nil {
		return err
	}
	client, err := NewClient(l)
	if err != nil {
		return err
	}
	// kube-proxy waits half a minute for the addresses of its node, and ends
	// when they come later: importing images takes longer on a busy machine.
	if err := b.wait(ctx, "node registered", step, client.nodeRegistered); err != nil {
		return err
	}
	if err := b.start(kubeProxy(l)); err != nil {
		return err
	}
	if err := b.wait(ctx, "node ready", step, client.nodeReady); err != nil {
		return err
	}
	step.Done("ready")
	step = b.log.Step("dns")
	if err := b.wait(ctx, "DNS ready", step, client.dnsReady); err != nil {
		return err
	}
	step.Done("ready")
	return nil
}

// controlPlane waits for the API server and starts its clients.
func (b *boot) controlPlane(ctx context.Context) error {
	l := b.layout
	step := b.log.Step("control plane")
	client, err := NewClient(l)
	if err != nil {
		return err
	}
	if err := b.wait(ctx, "API server ready", step, client.apiReady); err != nil {
		return err
	}
	if err := b.start(controllerManager(l), scheduler(l), loadBalancer(l)); err != nil {
		return err
	}
	if err := applyDNS(ctx, l); err != nil {
		return err
	}
	step.Done("ready")
	return nil
}

func (b *boot) importImages(ctx context.Context) error {
	step := b.log.Step("images")
	if err := b.wait(ctx, "containerd ready", step, containerdReady); err != nil {
		return err
	}
	if err := importArchives(ctx, b.layout, b.handover.Archives); err != nil {
		return err
	}
	step.Done("%d archives imported", len(b.handover.Archives))
	return nil
}

func (b *boot) start(programs ...program) error {
	for _, p := range programs {
		r, err := p.start(b.layout)
		if err != nil {
			return err
		}
		b.mu.Lock()
		b.started = append(b.started, r)
		b.mu.Unlock()
	}
	return nil
}

// failure is that of the first component that has ended, if any has.
func (b *boot) failure() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.started {
		if err := r.failure(); err != nil {
			return err
		}
	}
	return nil
}

// patience is how long one condition may take. It is a limit for broken
// clusters; a machine busy with a cold build may well need a minute.
const patience = 5 * time.Minute

// wait polls until the condition holds, a component ends, or patience does.
func (b *boot) wait(ctx context.Context, what string, step *progress.Step, holds func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not %s after %s", what, patience))
	defer cancel()
	for {
		err := holds(ctx)
		if err == nil {
			return nil
		}
		if failure := b.failure(); failure != nil {
			return failure
		}
		step.Update("waiting for %s: %v", what, err)
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w (logs are in %s)", context.Cause(ctx), err, b.layout.Logs())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

const containerdSocket = "/run/containerd/containerd.sock"

func containerdReady(context.Context) error {
	_, err := os.Stat(containerdSocket)
	return err
}

// importArchives loads images into the node's runtime, under the names that
// the archives carry.
func importArchives(ctx context.Context, l Layout, archives []string) error {
	for _, archive := range archives {
		cmd := exec.CommandContext(ctx, filepath.Join(l.Bin(), "ctr"), "--namespace=k8s.io", "images", "import", archive)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("import %s: %w\n%s", filepath.Base(archive), err, out)
		}
	}
	return nil
}

// tail is the end of a log file, for error messages.
func tail(path string, lines int) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
