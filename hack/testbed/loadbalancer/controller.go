package loadbalancer

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"log"
	"net/netip"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

// Controller keeps Services and the pool in step. Its queue has one worker,
// which owns the pool.
type Controller struct {
	Client kubernetes.Interface
	Pool   *Pool

	services cache.Store
	queue    workqueue.TypedRateLimitingInterface[string]
}

// retry is how often a Service without an address tries again: it may wait for
// one to be released.
const retry = time.Second

// Run works until the context ends.
func (c *Controller) Run(ctx context.Context) error {
	c.queue = workqueue.NewTypedRateLimitingQueue(workqueue.NewTypedItemExponentialFailureRateLimiter[string](10*time.Millisecond, retry))
	informer := informers.NewSharedInformerFactory(c.Client, 0).Core().V1().Services().Informer()
	c.services = informer.GetStore()
	enqueue := func(object any) {
		if key, err := cache.DeletionHandlingMetaNamespaceKeyFunc(object); err == nil {
			c.queue.Add(key)
		}
	}
	if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    enqueue,
		UpdateFunc: func(_, object any) { enqueue(object) },
		DeleteFunc: enqueue,
	}); err != nil {
		return err
	}
	go informer.RunWithContext(ctx)
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		return ctx.Err()
	}
	c.adopt()
	go func() {
		<-ctx.Done()
		c.queue.ShutDown()
	}()
	for c.work(ctx) {
	}
	return nil
}

// adopt claims the addresses that Services already have, before any is given
// away: the controller may have been restarted.
func (c *Controller) adopt() {
	for _, object := range c.services.List() {
		service := object.(*corev1.Service)
		if address := current(service); wants(service) && address.IsValid() {
			_ = c.Pool.Claim(owner(service), address)
		}
	}
}

func (c *Controller) work(ctx context.Context) bool {
	key, stop := c.queue.Get()
	if stop {
		return false
	}
	defer c.queue.Done(key)
	if err := c.sync(ctx, key); err != nil {
		log.Printf("%s: %v", key, err)
		c.queue.AddRateLimited(key)
		return true
	}
	c.queue.Forget(key)
	return true
}

// sync gives or takes the address of one Service.
func (c *Controller) sync(ctx context.Context, key string) error {
	object, found, err := c.services.GetByKey(key)
	if err != nil {
		return err
	}
	if !found || !wants(object.(*corev1.Service)) {
		c.Pool.Release(key)
		if found && current(object.(*corev1.Service)).IsValid() && object.(*corev1.Service).Spec.Type != corev1.ServiceTypeLoadBalancer {
			return c.write(ctx, object.(*corev1.Service), nil)
		}
		return nil
	}
	service := object.(*corev1.Service)
	has, wanted := current(service), service.Spec.LoadBalancerIP
	if has.IsValid() && (wanted == "" || wanted == has.String()) && c.Pool.Claim(key, has) == nil {
		return nil
	}
	c.Pool.Release(key)
	address, err := c.Pool.Take(key, wanted)
	if err != nil {
		c.complain(ctx, service, err)
		return err
	}
	mode := corev1.LoadBalancerIPModeVIP
	return c.write(ctx, service, []corev1.LoadBalancerIngress{{IP: address.String(), IPMode: &mode}})
}

func (c *Controller) write(ctx context.Context, service *corev1.Service, ingress []corev1.LoadBalancerIngress) error {
	patch, err := json.Marshal(map[string]any{"status": map[string]any{"loadBalancer": map[string]any{"ingress": ingress}}})
	if err != nil {
		return err
	}
	_, err = c.Client.CoreV1().Services(service.Namespace).
		Patch(ctx, service.Name, types.MergePatchType, patch, metav1.PatchOptions{}, "status")
	return err
}

// complain tells the Service's owner why it has no address; once per reason,
// because the event's name is made of both.
func (c *Controller) complain(ctx context.Context, service *corev1.Service, reason error) {
	now := metav1.Now()
	event := &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: service.Namespace, Name: fmt.Sprintf("%s.%x", service.Name, crc32.ChecksumIEEE([]byte(reason.Error()))),
		},
		InvolvedObject: corev1.ObjectReference{
			Kind: "Service", APIVersion: "v1", Namespace: service.Namespace, Name: service.Name, UID: service.UID,
		},
		Type:           corev1.EventTypeWarning,
		Reason:         "AddressNotAssigned",
		Message:        reason.Error(),
		Source:         corev1.EventSource{Component: "testbed-load-balancer"},
		FirstTimestamp: now, LastTimestamp: now, Count: 1,
	}
	_, _ = c.Client.CoreV1().Events(service.Namespace).Create(ctx, event, metav1.CreateOptions{})
}

// wants reports whether this load balancer serves the Service.
func wants(s *corev1.Service) bool {
	return s.Spec.Type == corev1.ServiceTypeLoadBalancer && s.Spec.LoadBalancerClass == nil && s.DeletionTimestamp == nil
}

// current is the Service's address, or an invalid one.
func current(s *corev1.Service) netip.Addr {
	if len(s.Status.LoadBalancer.Ingress) == 0 {
		return netip.Addr{}
	}
	address, err := netip.ParseAddr(s.Status.LoadBalancer.Ingress[0].IP)
	if err != nil {
		return netip.Addr{}
	}
	return address
}

func owner(s *corev1.Service) string { return s.Namespace + "/" + s.Name }
