package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/bench/internal/world"
)

// events notes when a watcher of the API server sees a route appear: the earliest moment at
// which any control plane can know.
type events struct {
	mu      sync.Mutex
	waiting map[string]chan time.Time
	last    time.Time
}

func watchRoutes(ctx context.Context, w *world.World) (*events, error) {
	stream, err := w.Watch(ctx, &gwv1.HTTPRouteList{}, client.InNamespace(w.Namespace))
	if err != nil {
		return nil, err
	}
	e := &events{waiting: map[string]chan time.Time{}, last: time.Now()}
	go func() {
		defer stream.Stop()
		for event := range stream.ResultChan() {
			now := time.Now()
			route, ok := event.Object.(*gwv1.HTTPRoute)
			if !ok {
				continue
			}
			e.mu.Lock()
			e.last = now
			if created := e.waiting[route.Name]; created != nil && event.Type == watch.Added {
				created <- now
				delete(e.waiting, route.Name)
			}
			e.mu.Unlock()
		}
	}()
	return e, nil
}

// expect returns where the moment of the route's appearance will be sent.
func (e *events) expect(name string) <-chan time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	seen := make(chan time.Time, 1)
	e.waiting[name] = seen
	return seen
}

// quiet waits until no route has changed for a while.
func (e *events) quiet(ctx context.Context, pause time.Duration) error {
	for {
		e.mu.Lock()
		since := time.Since(e.last)
		e.mu.Unlock()
		if since > pause {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("routes still change"), ctx.Err())
		case <-time.After(pause - since + time.Millisecond):
		}
	}
}
