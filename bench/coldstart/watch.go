package main

import (
	"context"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// moments notes when a watcher of the API server sees what the product can see, too.
type moments struct {
	mu    sync.Mutex
	woken map[string]chan time.Time // by Deployment: it wants replicas
	ready map[string]chan endpoint  // by Service: it has an endpoint
}

// endpoint is the first one of a Service.
type endpoint struct {
	at      time.Time
	address string
}

func watchNamespace(ctx context.Context, c client.WithWatch, namespace string) (*moments, error) {
	m := &moments{woken: map[string]chan time.Time{}, ready: map[string]chan endpoint{}}
	slices, err := c.Watch(ctx, &discoveryv1.EndpointSliceList{}, client.InNamespace(namespace))
	if err != nil {
		return nil, err
	}
	deployments, err := c.Watch(ctx, &appsv1.DeploymentList{}, client.InNamespace(namespace))
	if err != nil {
		slices.Stop()
		return nil, err
	}
	go func() {
		defer slices.Stop()
		for event := range slices.ResultChan() {
			now := time.Now()
			if slice, ok := event.Object.(*discoveryv1.EndpointSlice); ok {
				m.slice(slice, now)
			}
		}
	}()
	go func() {
		defer deployments.Stop()
		for event := range deployments.ResultChan() {
			now := time.Now()
			if deployment, ok := event.Object.(*appsv1.Deployment); ok && ptr.Deref(deployment.Spec.Replicas, 1) > 0 {
				m.tell(deployment.Name, now)
			}
		}
	}()
	return m, nil
}

func (m *moments) slice(slice *discoveryv1.EndpointSlice, now time.Time) {
	for _, e := range slice.Endpoints {
		if !ptr.Deref(e.Conditions.Ready, false) || len(e.Addresses) == 0 {
			continue
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		service := slice.Labels[discoveryv1.LabelServiceName]
		if waiting := m.ready[service]; waiting != nil {
			waiting <- endpoint{at: now, address: e.Addresses[0]}
			delete(m.ready, service)
		}
		return
	}
}

func (m *moments) tell(deployment string, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if waiting := m.woken[deployment]; waiting != nil {
		waiting <- now
		delete(m.woken, deployment)
	}
}

// expect returns where it will be told that a workload, now at zero, is wanted and is there.
func (m *moments) expect(name string) (woken <-chan time.Time, ready <-chan endpoint) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w, r := make(chan time.Time, 1), make(chan endpoint, 1)
	m.woken[name], m.ready[name] = w, r
	return w, r
}
