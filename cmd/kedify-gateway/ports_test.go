package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/kedify/inference-gateway/internal/freeport"
)

// servers is what a manager is given to run.
type servers struct {
	manager.Manager
	all []*manager.Server
}

// Add implements manager.Manager.
func (s *servers) Add(runnable manager.Runnable) error {
	s.all = append(s.all, runnable.(*manager.Server))
	return nil
}

// TestPorts: /metrics and the views are on one port, the probes of kubelets on the other, and a port that is turned off is
// not open.
func TestPorts(t *testing.T) {
	var ready atomic.Bool
	addresses := []string{fmt.Sprintf("127.0.0.1:%d", freeport.Get(t)), fmt.Sprintf("127.0.0.1:%d", freeport.Get(t))}
	made := &servers{}
	serving := ports{
		metrics: addresses[0], health: addresses[1],
		views: map[string]http.Handler{"/xds/": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "view") })},
		ready: func(*http.Request) error {
			if !ready.Load() {
				return errors.New("not yet")
			}
			return nil
		},
	}
	if err := serving.addTo(t.Context(), made); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, len(made.all))
	for _, server := range made.all {
		go func() { done <- server.Start(ctx) }()
	}
	for _, c := range []struct {
		port int
		path string
		code int
		text string
	}{
		{0, "/metrics", 200, "go_goroutines"}, {0, "/xds/shop/web", 200, "view"}, {0, "/healthz", 404, ""},
		{1, "/healthz", 200, "ok"}, {1, "/readyz", 500, ""}, {1, "/metrics", 404, ""},
	} {
		if code, text := get(t, "http://"+addresses[c.port]+c.path); code != c.code || !strings.Contains(text, c.text) {
			t.Errorf("%d %s: %d %.100q", c.port, c.path, code, text)
		}
	}
	ready.Store(true)
	if code, _ := get(t, "http://"+addresses[1]+"/readyz"); code != 200 {
		t.Errorf("ready: %d", code)
	}
	cancel()
	for range made.all {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	off := &servers{}
	if err := (ports{metrics: noPort, health: noPort}).addTo(t.Context(), off); err != nil || len(off.all) > 0 {
		t.Errorf("turned off: %d ports, %v", len(off.all), err)
	}
}

func get(t *testing.T, url string) (code int, text string) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}
