package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/kedify/inference-gateway/bench/internal/world"
)

const (
	// crowd is how many workloads of the product and of http-add-on there are at most. One whose
	// turn has come again has first gone to zero by itself, a minute and a cooldown after its
	// request; until then the others have their turns.
	crowd = 40
	// few workloads are enough for the limit, which is scaled by hand.
	few = 4
	// limit of one start.
	limit = 50 * time.Second
	// calm is how long after everything was made nothing is measured. KEDA asks about a new
	// ScaledObject before its proxies run, is told that nothing is known yet, and has no open
	// stream until it has polled again.
	calm = 2*polling*time.Second + 5*time.Second
)

// side is one way to start from zero.
type side struct {
	name      string
	samples   int
	address   string // where requests are sent; empty: to the Pod
	workloads int
}

// bench is a namespace with workloads at zero.
type bench struct {
	*cluster
	settings
	namespace string
	moments   *moments
	sides     []side
	programs  sync.WaitGroup // of http-add-on
	close     func()
}

func open(ctx context.Context, c *cluster, s settings) (*bench, error) {
	namespace, remove, err := c.namespace(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	b := &bench{cluster: c, settings: s, namespace: namespace}
	b.close = func() {
		cancel()
		b.programs.Wait()
		remove()
	}
	if err := b.open(ctx); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *bench) open(ctx context.Context) (err error) {
	product := side{name: "product", samples: b.Samples, workloads: min(b.Samples, crowd)}
	direct := side{name: "direct", samples: b.Others, workloads: min(b.Others, few)}
	for i := range direct.workloads {
		if err := b.deploy(ctx, b.namespace, direct.workload(i)); err != nil {
			return err
		}
	}
	if b.Samples > 0 || b.Burst > 0 {
		if product.address, err = b.triggered(ctx, product); err != nil {
			return err
		}
	}
	b.sides = []side{product, direct}
	if b.AddOn != "" {
		addOn := side{name: addOnName, samples: b.Others, workloads: min(b.Others, crowd)}
		if addOn.address, err = b.startAddOn(ctx, addOn); err != nil {
			return fmt.Errorf("%s: %w", addOnName, err)
		}
		b.sides = append(b.sides, addOn)
	}
	if b.moments, err = watchNamespace(ctx, b, b.namespace); err != nil {
		return err
	}
	return pause(ctx, calm)
}

// triggered makes the workloads of the product and waits until they are served.
func (b *bench) triggered(ctx context.Context, s side) (address string, err error) {
	names := []string{burstName}
	for i := range s.workloads {
		names = append(names, s.workload(i))
	}
	for _, name := range names {
		if err := b.deploy(ctx, b.namespace, name); err != nil {
			return "", err
		}
		if err := b.Create(ctx, scaledObject(b.namespace, name, kedifyHTTP(name, name))); err != nil {
			return "", err
		}
	}
	if address, err = b.proxy(ctx, b.namespace); err != nil {
		return "", err
	}
	return address, b.accepted(ctx, b.namespace, len(names))
}

func (s side) workload(i int) string { return fmt.Sprintf("%s-%03d", s.name, i%s.workloads) }

// sample is one start.
type sample struct {
	woken, ready time.Duration // request sent -> replicas are wanted, a Pod is ready
	total        time.Duration // request sent -> 200
	added        time.Duration // Pod ready -> 200
	failed       string        // why it is none
}

// measure has the sides take turns, each in proportion to its samples.
func (b *bench) measure(ctx context.Context) (map[string][]sample, error) {
	all, most := map[string][]sample{}, 0
	for _, s := range b.sides {
		most = max(most, s.samples)
	}
	for turn := range most {
		for _, s := range b.sides {
			done := len(all[s.name])
			if done*most >= (turn+1)*s.samples {
				continue
			}
			taken, err := b.start(ctx, s, s.workload(done))
			if err != nil {
				return nil, fmt.Errorf("start %d of %s: %w", done+1, s.name, err)
			}
			all[s.name] = append(all[s.name], taken)
		}
	}
	return all, nil
}

// start measures one start of a workload.
func (b *bench) start(ctx context.Context, s side, name string) (sample, error) {
	if err := world.Wait(ctx, 3*time.Minute, func() error { return b.atZero(ctx, b.namespace, name) }); err != nil {
		return sample{}, err
	}
	if err := pause(ctx, 200*time.Millisecond); err != nil {
		return sample{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	woken, ready := b.moments.expect(name)
	if s.address == "" {
		return b.direct(ctx, name, woken, ready)
	}
	answered := make(chan answer, 1)
	go func() { answered <- get(ctx, s.address, hostname(name)) }()
	a := <-answered
	if a.status != http.StatusOK {
		// It may be alive by now, or not; either way its turn is over.
		return sample{failed: fmt.Sprintf("%s answered %d after %s: %v", name, a.status, time.Since(a.begun).Round(time.Millisecond), a.err)}, nil
	}
	if s.name == "product" && !a.cold {
		return sample{failed: name + " was not cold"}, nil
	}
	at, there, err := received(ctx, woken, ready)
	if err != nil {
		return sample{}, err
	}
	return sample{woken: at.Sub(a.begun), ready: there.at.Sub(a.begun), total: a.ended.Sub(a.begun), added: a.ended.Sub(there.at)}, nil
}

// direct scales by hand and asks the Pod.
func (b *bench) direct(ctx context.Context, name string, woken <-chan time.Time, ready <-chan endpoint) (sample, error) {
	begun := time.Now()
	if err := b.scale(ctx, b.namespace, name, 1); err != nil {
		return sample{}, err
	}
	at, there, err := received(ctx, woken, ready)
	if err != nil {
		return sample{}, err
	}
	a := get(ctx, fmt.Sprintf("%s:%d", there.address, containerPort), hostname(name))
	if err := b.scale(ctx, b.namespace, name, 0); err != nil {
		return sample{}, err
	}
	if a.status != http.StatusOK {
		return sample{failed: fmt.Sprintf("%s answered %d: %v", name, a.status, a.err)}, nil
	}
	return sample{woken: at.Sub(begun), ready: there.at.Sub(begun), total: a.ended.Sub(begun), added: a.ended.Sub(there.at)}, nil
}

func received(ctx context.Context, woken <-chan time.Time, ready <-chan endpoint) (at time.Time, there endpoint, err error) {
	select {
	case there = <-ready:
	case <-ctx.Done():
		return at, there, errors.Join(errors.New("no Pod became ready"), ctx.Err())
	}
	select {
	case at = <-woken:
	case <-ctx.Done():
		return at, there, errors.Join(errors.New("no replicas were wanted"), ctx.Err())
	}
	return at, there, nil
}

const burstName = "burst"

// burst sends many requests at once to a workload at zero.
func (b *bench) burst(ctx context.Context) (all []sample, err error) {
	if err := world.Wait(ctx, time.Minute, func() error { return b.atZero(ctx, b.namespace, burstName) }); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	woken, ready := b.moments.expect(burstName)
	answers := make([]answer, b.Burst)
	var done sync.WaitGroup
	for i := range answers {
		done.Go(func() { answers[i] = get(ctx, b.sides[0].address, hostname(burstName)) })
	}
	done.Wait()
	at, there, err := received(ctx, woken, ready)
	if err != nil {
		return nil, err
	}
	for _, a := range answers {
		s := sample{woken: at.Sub(a.begun), ready: there.at.Sub(a.begun), total: a.ended.Sub(a.begun), added: a.ended.Sub(there.at)}
		if a.status != http.StatusOK {
			s = sample{failed: fmt.Sprintf("one of the burst answered %d: %v", a.status, a.err)}
		}
		all = append(all, s)
	}
	return all, nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
