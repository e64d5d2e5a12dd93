// Command haproxy-routes is a stand-in for OpenShift's router, which no package registry serves:
// it configures an haproxy beside it from the Routes of the cluster. It is no router of OpenShift's
// and serves a part of what Routes can say: host, path, weighted Services, targetPort; no TLS.
//
// Job: keep haproxy's configuration what Routes and EndpointSlices say.
// Inputs: Routes and EndpointSlices of all namespaces, watched.
// Outputs: a configuration file; the command "reload" on the socket of haproxy's master process,
// which does what SIGUSR2 does.
// Ownership: informers only mark that something changed; one goroutine renders, writes and reloads.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	routev1 "github.com/openshift/api/route/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// pause gathers changes that come together: each reload is a process of haproxy's.
const pause = 50 * time.Millisecond

func main() {
	config := flag.String("config", "/run/haproxy/haproxy.cfg", "the configuration to write")
	master := flag.String("master", "/run/haproxy/master.sock", "the socket of haproxy's master process")
	once := flag.Bool("once", false, "write the configuration and end, before haproxy starts")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *config, *master, *once); err != nil && ctx.Err() == nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, config, master string, once bool) error {
	cluster, err := connect(ctx)
	if err != nil {
		return err
	}
	for {
		text, err := cluster.render()
		if err != nil {
			return err
		}
		old, err := os.ReadFile(config)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if !bytes.Equal(old, text) {
			if err := replace(config, text); err != nil {
				return err
			}
			if !once {
				if err := reload(master); err != nil {
					return err
				}
				log.Print("reloaded")
			}
		}
		if once {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-cluster.changed:
			time.Sleep(pause)
		}
	}
}

// replace writes a file in one step.
func replace(path string, text []byte) error {
	if err := os.WriteFile(path+".new", text, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// reload asks the master process for workers with the configuration of now. They take over the
// listening sockets from those of before.
func reload(master string) error {
	connection, err := net.DialTimeout("unix", master, 5*time.Second)
	if err != nil {
		return err
	}
	defer connection.Close()
	_, err = fmt.Fprintln(connection, "reload")
	return err
}

// watched is what the cluster says, as of now.
type watched struct {
	routes, slices cache.GenericLister
	changed        chan struct{}
}

func connect(ctx context.Context) (*watched, error) {
	access, err := rest.InClusterConfig()
	if err != nil {
		return nil, err
	}
	client, err := dynamic.NewForConfig(access)
	if err != nil {
		return nil, err
	}
	w := &watched{changed: make(chan struct{}, 1)}
	informers := dynamicinformer.NewDynamicSharedInformerFactory(client, 0)
	routes := informers.ForResource(routev1.GroupVersion.WithResource("routes"))
	slices := informers.ForResource(discoveryv1.SchemeGroupVersion.WithResource("endpointslices"))
	w.routes, w.slices = routes.Lister(), slices.Lister()
	for _, informer := range []cache.SharedIndexInformer{routes.Informer(), slices.Informer()} {
		if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    func(any) { w.mark() },
			UpdateFunc: func(any, any) { w.mark() },
			DeleteFunc: func(any) { w.mark() },
		}); err != nil {
			return nil, err
		}
	}
	informers.Start(ctx.Done())
	for resource, synced := range informers.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return nil, fmt.Errorf("%s were not listed", resource.Resource)
		}
	}
	return w, nil
}

func (w *watched) mark() {
	select {
	case w.changed <- struct{}{}:
	default: // marked already
	}
}

func (w *watched) render() ([]byte, error) {
	routes, err := all[routev1.Route](w.routes)
	if err != nil {
		return nil, err
	}
	slices, err := all[discoveryv1.EndpointSlice](w.slices)
	if err != nil {
		return nil, err
	}
	return render(routes, slices), nil
}

// all are the objects of a lister with their type.
func all[T any](lister cache.GenericLister) ([]T, error) {
	list, err := lister.List(labels.Everything())
	if err != nil {
		return nil, err
	}
	typed := make([]T, len(list))
	for i, object := range list {
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
		if err != nil {
			return nil, err
		}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(content, &typed[i]); err != nil {
			return nil, err
		}
	}
	return typed, nil
}
