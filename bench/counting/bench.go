package main

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/kedify/inference-gateway/xds/ir"

	"github.com/kedify/inference-gateway/bench/internal/envoy"
	"github.com/kedify/inference-gateway/xds/bootstrap"
)

const (
	// perSecond of each active key: together 200 requests a second.
	perSecond = 20
	// asking is the time between two readings of a number that should not move.
	asking = time.Second
)

// bench is one control plane with two proxies, and what is around them.
type bench struct {
	settings
	plane    *client
	backends *backends
	proxies  map[string]*proxy
	close    func()
}

// proxy is an Envoy and the load that it carries.
type proxy struct {
	*envoy.Process
	*load
}

func open(ctx context.Context, s settings) (*bench, error) {
	ctx, cancel := context.WithCancel(ctx)
	b := &bench{settings: s, proxies: map[string]*proxy{}, close: cancel}
	directory, err := os.MkdirTemp("", "counting")
	if err != nil {
		return nil, err
	}
	if b.backends, err = startBackends(ctx); err != nil {
		return nil, err
	}
	if b.plane, err = startPlane(ctx); err != nil {
		return nil, err
	}
	b.close = func() {
		cancel()
		b.plane.stop()
		_ = os.RemoveAll(directory)
	}
	place := Place{
		Layout: layout{
			Clusters: s.Clusters, Listen: map[string]uint32{},
			Backend: b.backends.Good, Failing: b.backends.Failing, Refusing: b.backends.Refusing,
		},
		Directories: map[string]string{},
	}
	for _, gateway := range []string{withSink, withoutSink} {
		place.Directories[gateway] = filepath.Join(directory, gateway)
		if err := os.Mkdir(place.Directories[gateway], 0o700); err != nil {
			return nil, err
		}
		if place.Layout.Listen[gateway], err = freePort(); err != nil {
			return nil, err
		}
	}
	ports, err := b.plane.start(place)
	if err != nil {
		return nil, err
	}
	for gateway, folder := range place.Directories {
		process, err := startEnvoy(ctx, s.Envoy, gateway, folder, ports[gateway])
		if err != nil {
			return nil, err
		}
		b.proxies[gateway] = &proxy{process, newLoad(place.Layout.Listen[gateway])}
		if err := b.plane.synced(ctx, gateway); err != nil {
			return nil, err
		}
	}
	return b, pause(ctx, 5*time.Second) // Envoy is still busy with what it has taken
}

func startEnvoy(ctx context.Context, binary, gateway, directory string, port uint32) (*envoy.Process, error) {
	change := func(map[string]any) error { return nil }
	if gateway == withoutSink {
		change = func(config map[string]any) error {
			envoy.WithoutSink(config)
			return nil
		}
	}
	return envoy.Start(ctx, binary, bootstrap.Config{
		Gateway: ir.Key(gatewayKey(gateway)), Directory: directory, CertificateDirectory: directory,
		ServerAddress: "127.0.0.1", ServerPort: port, ServerName: replicaName,
		AdminSocket: filepath.Join(directory, "admin.sock"),
	}, change, "--concurrency", "2")
}

// few measures with the active keys alone in use.
func (b *bench) few(ctx context.Context) (rounds, comparison, error) {
	defer b.steady(ctx)()
	// The window of the rate has to be full before it is compared.
	if err := pause(ctx, window+2*time.Second); err != nil {
		return nil, comparison{}, err
	}
	return b.measure(ctx)
}

// all uses every cluster once, and then measures as before.
func (b *bench) all(ctx context.Context) (rounds, error) {
	for _, p := range b.proxies {
		for i := range b.Clusters {
			p.once(ctx, i, "/")
		}
	}
	defer b.steady(ctx)()
	if err := pause(ctx, 3*time.Second); err != nil {
		return nil, err
	}
	r, _, err := b.measure(ctx)
	return r, err
}

// steady begins the load of the active keys on both proxies.
func (b *bench) steady(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	for _, p := range b.proxies {
		for key := range active {
			p.constant(ctx, key, perSecond, always)
		}
	}
	return func() {
		cancel()
		for _, p := range b.proxies {
			p.rest()
		}
	}
}

// measure notes what some rounds cost and, at the same time, how true the numbers are.
func (b *bench) measure(ctx context.Context) (all rounds, steady comparison, err error) {
	keys := make([]int, active)
	for i := range keys {
		keys[i] = i
	}
	for range b.Rounds {
		m, err := b.sample()
		if err != nil {
			return nil, steady, err
		}
		for begun := time.Now(); time.Since(begun) < b.Round; {
			if err := pause(ctx, asking); err != nil {
				return nil, steady, err
			}
			samples, err := b.plane.read(keys...)
			if err != nil {
				return nil, steady, err
			}
			for i, s := range samples {
				steady.rate(s, b.proxies[withSink].load, keys[i])
			}
		}
		after, err := b.sample()
		if err != nil {
			return nil, steady, err
		}
		all = append(all, after.since(m))
	}
	return all, steady, nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
