package watch

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// NewCRD returns an empty CustomResourceDefinition with metadata alone: the Object of a Row.
func NewCRD() *metav1.PartialObjectMetadata {
	crd := &metav1.PartialObjectMetadata{}
	crd.SetGroupVersionKind(schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"})
	return crd
}

// crds knows which CRDs were deleted. The RESTMapper cannot tell: it keeps what it once found.
type crds struct {
	// changed is called with the group of a CRD that was installed, updated or deleted.
	changed func(group string)
	// followed: the informer runs; it belongs to the goroutine of Watcher.Run.
	followed bool

	mu      sync.Mutex
	deleted map[string]bool // by name
}

// follow starts the informer.
func (c *crds) follow(ctx context.Context, informers Informers) error {
	informer, err := informers.GetInformer(ctx, NewCRD(), cache.BlockUntilSynced(false))
	if err == nil {
		_, err = informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
			AddFunc:    func(object any) { c.note(lastKnown(object), false) },
			UpdateFunc: func(_, object any) { c.note(lastKnown(object), false) },
			DeleteFunc: func(object any) { c.note(lastKnown(object), true) },
		})
	}
	if err != nil {
		return fmt.Errorf("watch CustomResourceDefinitions: %w", err)
	}
	c.followed = true
	return nil
}

func (c *crds) note(crd client.Object, deleted bool) {
	c.mu.Lock()
	if deleted {
		c.deleted[crd.GetName()] = true
	} else {
		delete(c.deleted, crd.GetName())
	}
	c.mu.Unlock()
	_, group, _ := strings.Cut(crd.GetName(), ".") // the API server allows no name but <plural>.<group>
	c.changed(group)
}

// snapshot returns the names of deleted CRDs.
func (c *crds) snapshot() map[string]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.deleted)
}
