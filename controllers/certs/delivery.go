package certs

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/controllers/apply"
)

// fieldOwner of the Secrets that are delivered.
const fieldOwner = client.FieldOwner("kedify-gateway-certs")

// DeliveryOptions are what a Delivery depends on.
type DeliveryOptions struct {
	// Certificates makes the certificate; a Keeper.
	Certificates interface {
		ClientCertificate(existing map[string][]byte, identity string) (Certificate, error)
		ServingCertificate(existing map[string][]byte, names []string) (Certificate, error)
	}
	// Client reads and writes past the cache.
	Client client.Client
	// Namespace and Name of the Secret. The namespace is not made here.
	Namespace, Name string
	// Component is the value of the label app.kubernetes.io/component of the Secret; "client" unless set.
	Component string
	// Identity of the client, a URI.
	Identity string
	// Names of a server, DNS names: the certificate is a serving one, instead of that of a client.
	Names []string
	Clock clock.WithTicker
	Log   logr.Logger
	// Report is called, from the goroutine of Run, when a delivery fails that did not before, or
	// for another reason, and with nil when it succeeds again.
	Report func(error)
}

// Delivery keeps a certificate in a Secret, for a program that only reads it: one that is not part of the product, or
// one that the CA is not trusted to.
type Delivery struct {
	options DeliveryOptions
	engine  *apply.Engine
	refresh chan struct{}
	failure string // of the last attempt; empty: it succeeded
}

// NewDelivery returns a Delivery; Run starts it.
func NewDelivery(options DeliveryOptions) *Delivery {
	options.Component = cmp.Or(options.Component, "client")
	return &Delivery{options: options, refresh: make(chan struct{}, 1), engine: apply.New(apply.Options{
		Client: options.Client, FieldOwner: fieldOwner, Owner: apply.ByLabel(labelManagedBy, managedBy),
		Partial: map[string][]string{"Secret": {"data"}}, Log: options.Log,
	})}
}

// Refresh has the Secret looked at again: the CA changed. It does not block.
func (d *Delivery) Refresh() {
	select {
	case d.refresh <- struct{}{}:
	default:
	}
}

// Run keeps the Secret as it should be until the context ends. Only the leader runs it.
func (d *Delivery) Run(ctx context.Context) error {
	return rounds(ctx, d.options.Clock, d.refresh, func(ctx context.Context) {
		if err := d.deliver(ctx); ctx.Err() == nil {
			d.report(err)
		}
	})
}

// deliver writes the Secret unless it already is as it should be.
func (d *Delivery) deliver(ctx context.Context) error {
	key := client.ObjectKey{Namespace: d.options.Namespace, Name: d.options.Name}
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: key.Namespace, Name: key.Name, Labels: map[string]string{labelManagedBy: managedBy, labelComponent: d.options.Component},
		},
		Type: corev1.SecretTypeTLS,
	}
	existing := &corev1.Secret{}
	if err := d.options.Client.Get(ctx, key, existing); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("read the Secret %s: %w", key, err)
	}
	wanted, err := d.certificate(existing.Data)
	if err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	secret.Data = wanted.Data
	result, err := d.engine.Ensure(ctx, secret, nil)
	switch {
	case errors.Is(err, apply.ErrForeign):
		return fmt.Errorf("%w (no label %s: %s): delete it, the certificate is looked for under its name", err, labelManagedBy, managedBy)
	case err != nil || !result.Written:
		return err
	}
	d.options.Log.Info("Delivered a certificate", "kind", "Secret", "object", key.String(), "identity", d.options.Identity,
		"names", d.options.Names, "reason", wanted.Reason)
	return nil
}

// certificate is what the Secret should hold.
func (d *Delivery) certificate(existing map[string][]byte) (Certificate, error) {
	if len(d.options.Names) > 0 {
		return d.options.Certificates.ServingCertificate(existing, d.options.Names)
	}
	return d.options.Certificates.ClientCertificate(existing, d.options.Identity)
}

// report logs every failure, and tells of an outcome once, however often it repeats.
func (d *Delivery) report(err error) {
	failure := ""
	if err != nil {
		failure = err.Error()
		d.options.Log.Error(err, "Failed to deliver a certificate, will retry")
	}
	repeated := d.failure == failure
	d.failure = failure
	if !repeated {
		d.options.Report(err)
	}
}
