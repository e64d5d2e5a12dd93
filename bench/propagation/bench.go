package main

import (
	"context"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/bench/internal/null"
	"github.com/kedify/inference-gateway/bench/internal/probe"
	"github.com/kedify/inference-gateway/bench/internal/world"
	"github.com/kedify/inference-gateway/xds/resource"
)

const (
	// rest between two samples, so that one is not measured in the wake of the other.
	rest = 100 * time.Millisecond
	// calm is how long the cluster is left alone before the first one.
	calm = 3 * time.Second
	// limit of one change.
	limit = 30 * time.Second
	// every so many samples the controllers are asked for their share; asking costs them some
	// CPU, so not each time.
	asking = 10
)

// bench is the product and the null control plane, each with its Envoy, on one API server.
type bench struct {
	world   *world.World
	product *probe.Prober
	limit   *probe.Prober
	null    *null.Server
	events  *events
	cancel  context.CancelFunc
}

func open(ctx context.Context, envoy string) (*bench, error) {
	ctx, cancel := context.WithCancel(ctx)
	b := &bench{cancel: cancel}
	var err error
	if b.world, err = world.Open(ctx); err != nil {
		return nil, err
	}
	if b.events, err = watchRoutes(ctx, b.world); err != nil {
		return nil, err
	}
	if b.null, err = null.Serve(); err != nil {
		return nil, err
	}
	listener, err := b.listener()
	if err != nil {
		return nil, err
	}
	b.null.Hold(listener...)
	if err := b.null.StartEnvoy(ctx, envoy); err != nil {
		return nil, err
	}
	if b.limit, err = probe.Dial(ctx, fmt.Sprintf("%s:%d", b.world.Backend.IP, nullPort)); err != nil {
		return nil, err
	}
	b.product, err = probe.Dial(ctx, b.world.Address)
	return b, err
}

func (b *bench) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := b.world.Close(ctx); err != nil {
		fmt.Println("removing the namespace:", err)
	}
	b.null.Stop()
	b.cancel()
}

// fill brings both up to n routes and waits until both serve the last one.
func (b *bench) fill(ctx context.Context, n int) error {
	from := b.world.Routes()
	if err := b.world.Fill(ctx, n); err != nil {
		return err
	}
	for i := from + 1; i <= n; i++ {
		resources, err := b.resources(fmt.Sprintf("r%05d", i))
		if err != nil {
			return err
		}
		if err := b.null.Push(resources...); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, limit+time.Duration(n)*10*time.Millisecond)
	defer cancel()
	// The order of arrival is not that of creation: ask for some of all.
	for i := from + 1; i <= n; i += max(1, (n-from)/50) {
		host := world.Host(fmt.Sprintf("r%05d", i))
		if _, err := b.product.Until200(ctx, host); err != nil {
			return fmt.Errorf("product: %w", err)
		}
		if _, err := b.limit.Until200(ctx, host); err != nil {
			return fmt.Errorf("null control plane: %w", err)
		}
	}
	// Let the writes of the statuses come to their end.
	return b.events.quiet(ctx, 2*time.Second)
}

// sample is one change.
type sample struct {
	total, watch time.Duration
	shares       *shares // of the controllers; nil unless they were asked
	unexpected   int
}

// measure takes turns between the two. The backends of all changes are there before: other
// programs that follow Services would work on them during the measurement.
func (b *bench) measure(ctx context.Context, n, samples int) (row, error) {
	r := row{routes: n}
	name := func(i int) string { return fmt.Sprintf("p%d-%d", n, i) }
	for i := range samples {
		if err := b.world.AddBackend(ctx, name(i)); err != nil {
			return r, err
		}
	}
	time.Sleep(calm)
	for i := range samples {
		s, err := b.change(ctx, name(i), i%asking == 0)
		if err != nil {
			return r, err
		}
		r.product = append(r.product, s)
		s, err = b.changeNull(ctx, fmt.Sprintf("n%d-%d", n, i))
		if err != nil {
			return r, err
		}
		r.null = append(r.null, s)
	}
	return r, nil
}

// change adds one route, measures, and takes it away again.
func (b *bench) change(ctx context.Context, name string, ask bool) (s sample, err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var before shares
	if ask {
		if before, err = readShares(ctx, b.world); err != nil {
			return s, err
		}
		time.Sleep(rest)
	}
	route := b.world.Route(name)
	seen := b.events.expect(name)
	begun := time.Now()
	put := make(chan error, 1)
	go func() { put <- b.world.Create(ctx, route) }()
	result, err := b.product.Until200(ctx, world.Host(name))
	if err != nil {
		return s, err
	}
	if err := <-put; err != nil {
		return s, err
	}
	s = sample{total: result.First.Sub(begun), unexpected: result.Unexpected()}
	select {
	case at := <-seen:
		s.watch = at.Sub(begun)
	case <-ctx.Done():
		return s, fmt.Errorf("the watch did not see %s", name)
	}
	if ask {
		after, err := readShares(ctx, b.world)
		if err != nil {
			return s, err
		}
		s.shares = after.since(before)
	}
	if err := b.world.Delete(ctx, route); err != nil {
		return s, err
	}
	result, err = b.product.Until404(ctx, world.Host(name))
	s.unexpected += result.Unexpected()
	time.Sleep(rest)
	return s, err
}

// changeNull is the same for the null control plane: its route belongs to no Gateway, so only
// its own watch takes notice.
func (b *bench) changeNull(ctx context.Context, name string) (s sample, err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	resources, err := b.resources(name)
	if err != nil {
		return s, err
	}
	route := b.world.Route(name)
	route.Spec.ParentRefs[0].Name = "null"
	seen := b.events.expect(name)
	begun := time.Now()
	done := make(chan error, 1)
	go func() {
		if err := b.world.Create(ctx, route); err != nil {
			done <- err
			return
		}
		done <- nil
	}()
	pushed := make(chan error, 1)
	go func() {
		select {
		case at := <-seen:
			s.watch = at.Sub(begun)
			pushed <- b.null.Push(resources...)
		case <-ctx.Done():
			pushed <- ctx.Err()
		}
	}()
	result, err := b.limit.Until200(ctx, world.Host(name))
	if err != nil {
		return s, err
	}
	for _, wait := range []chan error{done, pushed} {
		if err := <-wait; err != nil {
			return s, err
		}
	}
	s.total, s.unexpected = result.First.Sub(begun), result.Unexpected()
	if err := b.world.Delete(ctx, route, client.GracePeriodSeconds(0)); err != nil {
		return s, err
	}
	var keys []resource.Key
	for i := len(resources) - 1; i >= 0; i-- {
		keys = append(keys, resources[i].Key)
	}
	if err := b.null.Remove(keys...); err != nil {
		return s, err
	}
	result, err = b.limit.Until404(ctx, world.Host(name))
	s.unexpected += result.Unexpected()
	time.Sleep(rest)
	return s, err
}
