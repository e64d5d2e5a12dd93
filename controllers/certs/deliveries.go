package certs

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/controllers/scope"
)

// DeliveriesOptions are what Deliveries depend on.
type DeliveriesOptions struct {
	// Each is the delivery to a namespace, without Namespace and Identity.
	Each DeliveryOptions
	// Wanted returns the namespaces that have the Secret, and whether that is all: until it is, none is
	// deleted.
	Wanted func() (namespaces []string, all bool)
	// Watched namespaces: the Secrets of others are not looked for.
	Watched scope.Scope
	// Identity of the clients in a namespace, a URI.
	Identity func(namespace string) string
}

// Deliveries keep a client certificate in a Secret of each of some namespaces.
type Deliveries struct {
	options DeliveriesOptions
	refresh chan struct{}
	to      map[string]*Delivery // by namespace; of the goroutine of Run
}

// NewDeliveries returns Deliveries; Run starts them.
func NewDeliveries(options DeliveriesOptions) *Deliveries {
	return &Deliveries{options: options, refresh: make(chan struct{}, 1), to: map[string]*Delivery{}}
}

// Refresh has all Secrets looked at again: the CA or the namespaces changed. It does not block.
func (d *Deliveries) Refresh() {
	select {
	case d.refresh <- struct{}{}:
	default:
	}
}

// Run keeps the Secrets as they should be until the context ends. Only the leader runs it.
func (d *Deliveries) Run(ctx context.Context) error {
	return rounds(ctx, d.options.Each.Clock, d.refresh, d.round)
}

func (d *Deliveries) round(ctx context.Context) {
	namespaces, all := d.options.Wanted()
	for _, namespace := range namespaces {
		delivery := d.to[namespace]
		if delivery == nil {
			options := d.options.Each
			options.Namespace, options.Identity = namespace, d.options.Identity(namespace)
			delivery = NewDelivery(options)
			d.to[namespace] = delivery
		}
		if err := delivery.deliver(ctx); ctx.Err() == nil {
			delivery.report(err)
		}
	}
	if !all {
		return
	}
	if err := d.prune(ctx, namespaces); err != nil && ctx.Err() == nil {
		d.options.Each.Log.Error(err, "Failed to delete client certificates that are not needed any more, will retry")
	}
}

// prune deletes the Secrets of other namespaces, those that another leader delivered included.
func (d *Deliveries) prune(ctx context.Context, wanted []string) error {
	found, err := d.delivered(ctx)
	if err != nil {
		return fmt.Errorf("list the Secrets: %w", err)
	}
	for i := range found {
		secret := &found[i]
		if secret.Name != d.options.Each.Name || slices.Contains(wanted, secret.Namespace) {
			continue
		}
		doomed := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: secret.Namespace, Name: secret.Name}}
		err := d.options.Each.Client.Delete(ctx, doomed, client.Preconditions{UID: ptr.To(secret.UID)})
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete the Secret %s/%s: %w", secret.Namespace, secret.Name, err)
		}
		delete(d.to, secret.Namespace)
		d.options.Each.Log.Info("Deleted a client certificate that is not needed any more", "kind", "Secret",
			"object", secret.Namespace+"/"+secret.Name)
	}
	return nil
}

// delivered lists what may have been delivered: in all namespaces at once, or in each that is watched, where the controllers may list.
func (d *Deliveries) delivered(ctx context.Context) (found []metav1.PartialObjectMetadata, err error) {
	namespaces := d.options.Watched.Namespaces()
	if d.options.Watched.All() {
		namespaces = []string{metav1.NamespaceAll}
	}
	for _, namespace := range namespaces {
		list := &metav1.PartialObjectMetadataList{}
		list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("SecretList"))
		err := d.options.Each.Client.List(ctx, list, client.InNamespace(namespace),
			client.MatchingLabels{labelManagedBy: managedBy, labelComponent: d.options.Each.Component})
		if apierrors.IsForbidden(err) && !d.options.Watched.All() {
			continue // its administrators have taken the rights there away, and must not keep others from getting theirs
		}
		if err != nil {
			return nil, err
		}
		found = append(found, list.Items...)
	}
	return found, nil
}
