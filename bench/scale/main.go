// Command scale measures what the control plane needs for many routes: heap per route, time
// until all of them are served, and what a restart with an unchanged world sends to Envoy.
//
// Job: the benchmark behind `make bench NAME=scale`.
// Inputs: the cluster of KUBECONFIG with the product installed, run inside its network.
// Outputs: a table, and as the last line "bar: name=value ...".
// Ownership: one goroutine.
package main

import (
	"context"
	"flag"
	"fmt"
	"math"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/bench/internal/probe"
	"github.com/kedify/inference-gateway/bench/internal/scrape"
	"github.com/kedify/inference-gateway/bench/internal/world"
)

const (
	// few routes are the base that the heap is compared with.
	few = 10
	// churn is how long the heap is watched: edits make the collector run, and the least that is
	// seen is what is alive.
	churn = 30 * time.Second
	// calm is how long after a restart nothing may be sent to Envoy.
	calm = 15 * time.Second
)

func main() {
	routes := flag.Int("routes", 5000, "how many routes")
	flag.Parse()
	log.SetLogger(zap.New(zap.WriteTo(os.Stderr)))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *routes); err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, routes int) error {
	w, err := world.Open(ctx)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := w.Close(ctx); err != nil {
			fmt.Println("removing the namespace:", err)
		}
	}()
	prober, err := probe.Dial(ctx, w.Address)
	if err != nil {
		return err
	}
	if err := fill(ctx, w, prober, few); err != nil {
		return err
	}
	base, err := heap(ctx, w)
	if err != nil {
		return err
	}
	begun := time.Now()
	if err := fill(ctx, w, prober, routes); err != nil {
		return err
	}
	filled := time.Since(begun)
	full, err := heap(ctx, w)
	if err != nil {
		return err
	}
	again, err := restart(ctx, w, prober, routes)
	if err != nil {
		return err
	}
	perRoute := (full - base) / float64(routes-few) / 1024
	fmt.Printf("\n%d routes, each with a host, a Service and an endpoint of its own\n\n", routes)
	fmt.Printf("  created by 16 writers and served    %8.1f s\n", filled.Seconds())
	fmt.Printf("  heap of a controller                %8.1f MiB with %d routes, %.1f MiB with %d\n", base/(1<<20), few, full/(1<<20), routes)
	fmt.Printf("  heap per route                      %8.1f KiB\n", perRoute)
	fmt.Printf("  restart of all controllers          %8.1f s until the Envoy is connected again\n", again.connected.Seconds())
	fmt.Printf("  resources pushed after the restart  %8.0f\n", again.pushed)
	fmt.Printf("  requests failed meanwhile           %8d of %d\n", again.unexpected, again.requests)
	fmt.Printf("bar: heap_kib_per_route=%.1f restart_pushed=%.0f unexpected=%d\n", perRoute, again.pushed, again.unexpected)
	return nil
}

// fill adds routes and waits until Envoy serves them.
func fill(ctx context.Context, w *world.World, prober *probe.Prober, n int) error {
	from := w.Routes()
	if err := w.Fill(ctx, n); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	for i := from + 1; i <= n; i += max(1, (n-from)/100) {
		if _, err := prober.Until200(ctx, world.Host(fmt.Sprintf("r%05d", i))); err != nil {
			return err
		}
	}
	return nil
}

// heap is the live heap of the controller that needs most, in bytes: the least that is
// allocated at any moment of a time with some edits.
func heap(ctx context.Context, w *world.World) (float64, error) {
	least := map[string]float64{}
	for begun := time.Now(); time.Since(begun) < churn; {
		for range 20 {
			route := &gwv1.HTTPRoute{}
			if err := w.Get(ctx, client.ObjectKey{Namespace: w.Namespace, Name: "r00001"}, route); err != nil {
				return 0, err
			}
			route.Spec.Rules[0].Filters = []gwv1.HTTPRouteFilter{{
				Type:                   gwv1.HTTPRouteFilterResponseHeaderModifier,
				ResponseHeaderModifier: &gwv1.HTTPHeaderFilter{Set: []gwv1.HTTPHeader{{Name: "x-edit", Value: time.Now().Format(time.RFC3339Nano)}}},
			}}
			if err := w.Update(ctx, route); client.IgnoreNotFound(err) != nil {
				continue // a controller wrote the status in between; the next edit will do
			}
			time.Sleep(10 * time.Millisecond)
		}
		all, err := scrape.Controllers(ctx, w)
		if err != nil {
			return 0, err
		}
		for pod, families := range all {
			now := families.Value("go_memstats_heap_alloc_bytes")
			if now == 0 {
				return 0, fmt.Errorf("%s does not report its heap", pod)
			}
			if old, ok := least[pod]; !ok || now < old {
				least[pod] = now
			}
		}
	}
	most := 0.0
	for _, bytes := range least {
		most = math.Max(most, bytes)
	}
	return most, nil
}

// restarted is what a restart of every controller cost.
type restarted struct {
	connected            time.Duration
	pushed               float64
	requests, unexpected int
}

// restart ends every controller, waits for new ones that have the Envoy, and then looks for a
// while at what they send and at what clients get.
func restart(ctx context.Context, w *world.World, prober *probe.Prober, routes int) (r restarted, err error) {
	if err := w.DeleteAllOf(ctx, &corev1.Pod{}, client.InNamespace(scrape.Namespace), scrape.Labels); err != nil {
		return r, err
	}
	begun := time.Now()
	if err := world.Wait(ctx, 3*time.Minute, func() error { return connected(ctx, w) }); err != nil {
		return r, err
	}
	r.connected = time.Since(begun)
	for begun, i := time.Now(), 0; time.Since(begun) < calm; i++ {
		result, err := prober.Until200(ctx, world.Host(fmt.Sprintf("r%05d", 1+i*97%routes)))
		if err != nil {
			return r, err
		}
		for status, n := range result.Statuses {
			r.requests += n
			if status != http.StatusOK {
				r.unexpected += n
			}
		}
	}
	all, err := scrape.Controllers(ctx, w)
	if err != nil {
		return r, err
	}
	for _, families := range all {
		r.pushed += families.Value("kedify_gateway_xds_pushed_resources_total")
	}
	return r, nil
}

// connected returns nil when every controller is ready and one of them has the Envoy.
func connected(ctx context.Context, w *world.World) error {
	var deployments appsv1.DeploymentList
	if err := w.List(ctx, &deployments, client.InNamespace(scrape.Namespace), scrape.Labels); err != nil {
		return err
	}
	if len(deployments.Items) != 1 {
		return fmt.Errorf("%d Deployments of controllers", len(deployments.Items))
	}
	d := deployments.Items[0]
	if d.Status.ReadyReplicas != *d.Spec.Replicas || d.Status.Replicas != *d.Spec.Replicas {
		return fmt.Errorf("%d of %d controllers are ready", d.Status.ReadyReplicas, *d.Spec.Replicas)
	}
	all, err := scrape.Controllers(ctx, w)
	if err != nil {
		return err
	}
	proxies := 0.0
	for _, families := range all {
		proxies += families.Value("kedify_gateway_xds_connected_proxies")
	}
	if proxies < 1 {
		return fmt.Errorf("no Envoy is connected")
	}
	return nil
}
