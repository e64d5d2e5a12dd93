package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/bench/internal/scrape"
	"github.com/kedify/inference-gateway/bench/internal/world"
)

const (
	writers = 16
	idle    = "idle" // the Service of all triggers: it has no endpoint
	// between is the time between two wakings.
	between = 20 * time.Millisecond
	// patience with one push.
	patience = 10 * time.Second
)

// operator is KEDA's.
var operator = client.ObjectKey{Namespace: "keda", Name: "keda-operator"}

// activations measures request sent -> IsActive=true at a client of KEDA's protocol that has all
// triggers, on every replica of the scaler. The targets of the triggers do not exist and KEDA's
// operator is stopped meanwhile, so that nothing but the product acts on them: the client stands
// where the operator did.
func activations(ctx context.Context, c *cluster, s settings, r *report) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	restore, err := c.stopOperator(ctx)
	if err != nil {
		return err
	}
	defer restore()
	namespace, remove, err := c.namespace(ctx)
	if err != nil {
		return err
	}
	defer remove()
	begun := time.Now()
	refs, err := c.triggers(ctx, namespace, s.Triggers)
	if err != nil {
		return err
	}
	address, err := c.proxy(ctx, namespace)
	if err != nil {
		return err
	}
	if err := c.warm(ctx, namespace); err != nil {
		return err
	}
	if err := c.accepted(ctx, namespace, s.Triggers); err != nil {
		return err
	}
	var pods corev1.PodList
	if err := c.List(ctx, &pods, client.InNamespace(scrape.Namespace), scrape.Labels); err != nil {
		return err
	}
	var replicas []*subscriber
	for _, pod := range pods.Items {
		replica, err := subscribe(ctx, pod.Name, net.JoinHostPort(pod.Status.PodIP, strconv.Itoa(scalerPort)), refs)
		if err != nil {
			return err
		}
		replicas = append(replicas, replica)
	}
	fmt.Printf("%d triggers in force and streamed from %d replicas after %s\n", len(refs), len(replicas), time.Since(begun).Round(time.Second))
	if err := pause(ctx, 5*time.Second); err != nil {
		return err
	}
	return wake(ctx, address, replicas, s.Activations, r)
}

// stopOperator takes KEDA's operator away until restore.
func (c *cluster) stopOperator(ctx context.Context) (restore func(), err error) {
	var deployment appsv1.Deployment
	if err := c.Get(ctx, operator, &deployment); err != nil {
		return nil, err
	}
	before := ptr.Deref(deployment.Spec.Replicas, 1)
	if err := c.scale(ctx, operator.Namespace, operator.Name, 0); err != nil {
		return nil, err
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := c.scale(ctx, operator.Namespace, operator.Name, before); err != nil {
			fmt.Println("bringing KEDA's operator back:", err)
		}
	}, nil
}

// triggers makes ScaledObjects whose targets do not exist, and returns them as they are stored.
func (c *cluster) triggers(ctx context.Context, namespace string, n int) (map[string]kedav1alpha1.ScaleTriggers, error) {
	err := c.Create(ctx, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: idle},
		Spec:       corev1.ServiceSpec{Selector: map[string]string{"app": idle}, Ports: []corev1.ServicePort{{Name: "http", Port: 80}}},
	})
	if err != nil {
		return nil, err
	}
	names, failed := make(chan string), make([]error, writers)
	var done sync.WaitGroup
	for w := range writers {
		done.Go(func() {
			for name := range names {
				if err := c.Create(ctx, scaledObject(namespace, name, kedifyHTTP(name, idle))); err != nil {
					failed[w] = errors.Join(failed[w], err)
				}
			}
		})
	}
	for i := range n {
		names <- fmt.Sprintf("t%04d", i)
	}
	close(names)
	done.Wait()
	if err := errors.Join(failed...); err != nil {
		return nil, err
	}
	var all kedav1alpha1.ScaledObjectList
	if err := c.List(ctx, &all, client.InNamespace(namespace)); err != nil {
		return nil, err
	}
	refs := map[string]kedav1alpha1.ScaleTriggers{}
	for i := range all.Items {
		refs[namespace+"/"+all.Items[i].Name] = all.Items[i].Spec.Triggers[0]
	}
	return refs, nil
}

// wake sends requests to triggers at rest, each to another one, and waits until every replica
// has said so. In turn with them, requests to a backend that is there: the way through the proxy
// and back, which is the limit.
func wake(ctx context.Context, address string, replicas []*subscriber, n int, r *report) error {
	for i := range min(n, len(replicas[0].streams)) {
		told, err := wakeOne(ctx, address, replicas, fmt.Sprintf("t%04d", i))
		if err != nil {
			return err
		}
		r.activations = append(r.activations, told...)
		a := get(ctx, address, hostname(warmName))
		if a.status != http.StatusOK {
			return fmt.Errorf("the backend that is there answered %d: %w", a.status, a.err)
		}
		r.through = append(r.through, a.ended.Sub(a.begun))
		if err := pause(ctx, between); err != nil {
			return err
		}
	}
	return nil
}

// wakeOne sends a request for a trigger and gives it up when every replica has said active.
func wakeOne(ctx context.Context, address string, replicas []*subscriber, name string) (told []activation, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/", nil)
	if err != nil {
		return nil, err
	}
	request.Host = hostname(name)
	var waiting []<-chan time.Time
	for _, replica := range replicas {
		waiting = append(waiting, replica.expect(name))
	}
	ended := make(chan error, 1)
	begun := time.Now()
	go func() { ended <- hold(request) }()
	for n, pushed := range waiting {
		select {
		case at := <-pushed:
			told = append(told, activation{replica: replicas[n].replica, took: at.Sub(begun)})
		case <-ctx.Done():
			return nil, fmt.Errorf("replica %s did not say that %s is active", replicas[n].replica, name)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		return nil, fmt.Errorf("the request to %s was not held: %w", name, err)
	}
	return told, nil
}

// hold sends a request that is not answered until its context ends; an answer is an error.
func hold(request *http.Request) error {
	response, err := single.Do(request)
	if err != nil {
		return nil //nolint:nilerr // given up, as it should be
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return errors.New(response.Status)
}

// warmName is a backend that is there: a server of this process, behind the same Envoy.
const warmName = "warm"

// warm makes its route.
func (c *cluster) warm(ctx context.Context, namespace string) error {
	w := &world.World{WithWatch: c, Namespace: namespace}
	if err := w.Serve(ctx, c.node); err != nil {
		return err
	}
	if err := w.AddBackend(ctx, warmName); err != nil {
		return err
	}
	route := w.Route(warmName)
	route.Spec.ParentRefs[0].Name = proxyName
	route.Spec.Hostnames[0] = gwv1.Hostname(hostname(warmName))
	if err := c.Create(ctx, route); err != nil {
		return err
	}
	address, err := c.proxy(ctx, namespace)
	if err != nil {
		return err
	}
	return world.Wait(ctx, time.Minute, func() error {
		if a := get(ctx, address, hostname(warmName)); a.status != http.StatusOK {
			return fmt.Errorf("%s answered %d: %w", warmName, a.status, a.err)
		}
		return nil
	})
}
