package watch

import (
	"context"
	"fmt"
	"strings"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve/class"
)

// installed follows the CRDs of the Gateway API and returns when those that exist were handed
// over.
func (w *Watch) installed(ctx context.Context) error {
	crd := &metav1.PartialObjectMetadata{}
	crd.SetGroupVersionKind(schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"})
	informer, err := w.Cache.GetInformer(ctx, crd, cache.BlockUntilSynced(false))
	if err != nil {
		return fmt.Errorf("watch CRDs: %w", err)
	}
	registration, err := informer.AddEventHandler((&crds{sink: w.Sink, known: map[string]class.CRD{}}).handler())
	if err != nil {
		return fmt.Errorf("watch CRDs: %w", err)
	}
	if !toolscache.WaitForCacheSync(ctx.Done(), registration.HasSynced) {
		return ctx.Err()
	}
	return nil
}

// crds are the CRDs of the Gateway API by name.
type crds struct {
	sink Sink

	mu    sync.Mutex
	known map[string]class.CRD
}

func (c *crds) handler() toolscache.ResourceEventHandler {
	return toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { c.set(object.(client.Object)) },
		UpdateFunc: func(_, object any) { c.set(object.(client.Object)) },
		DeleteFunc: func(object any) {
			if tombstone, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
				object = tombstone.Obj
			}
			c.drop(object.(client.Object).GetName())
		},
	}
}

func (c *crds) set(object client.Object) {
	// The name of a CRD is <plural>.<group>; the API server sees to it.
	if _, group, _ := strings.Cut(object.GetName(), "."); group != gwv1.GroupName {
		return
	}
	annotations := object.GetAnnotations()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known[object.GetName()] = class.CRD{
		Bundle: annotations[class.BundleAnnotation], Channel: annotations[class.ChannelAnnotation],
	}
	c.tell()
}

func (c *crds) drop(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.known[name]; ok {
		delete(c.known, name)
		c.tell()
	}
}

// tell hands over all of them; the caller holds the lock, so that the last word is the newest.
func (c *crds) tell() {
	all := make(class.Installed, 0, len(c.known))
	for _, crd := range c.known {
		all = append(all, crd)
	}
	c.sink.Installed(all)
}
