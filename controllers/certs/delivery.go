package certs

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	corev1apply "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// fieldOwner of the Secrets that are delivered.
const fieldOwner = client.FieldOwner("kedify-gateway-certs")

// ErrForeign says that a Secret of the wanted name belongs to someone else. It is left alone.
var ErrForeign = errors.New("it exists and is not ours")

// DeliveryOptions are what a Delivery depends on.
type DeliveryOptions struct {
	// Certificates makes the certificate; a Keeper.
	Certificates interface {
		ClientCertificate(existing map[string][]byte, identity string) (ClientCertificate, error)
	}
	// Client reads and writes past the cache.
	Client client.Client
	// Namespace and Name of the Secret. The namespace is somebody else's to make.
	Namespace, Name string
	// Identity of the client, a URI.
	Identity string
	Clock    clock.WithTicker
	Log      logr.Logger
	// Report is called, from the goroutine of Run, when a delivery fails that did not before, or
	// for another reason, and with nil when it succeeds again.
	Report func(error)
}

// Delivery keeps a client certificate in a Secret, for a program that is not ours.
type Delivery struct {
	options DeliveryOptions
	refresh chan struct{}
	failure string // of the last attempt; empty: it succeeded
}

// NewDelivery returns a Delivery; Run starts it.
func NewDelivery(options DeliveryOptions) *Delivery {
	return &Delivery{options: options, refresh: make(chan struct{}, 1)}
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
	existing := &corev1.Secret{}
	err := d.options.Client.Get(ctx, key, existing)
	switch {
	case client.IgnoreNotFound(err) != nil:
		return fmt.Errorf("read the Secret %s: %w", key, err)
	case err == nil && existing.Labels[labelManagedBy] != managedBy:
		return fmt.Errorf("the Secret %s: %w (no label %s: %s): delete it, the certificate is looked for under its name", key, ErrForeign, labelManagedBy, managedBy)
	}
	wanted, err := d.options.Certificates.ClientCertificate(existing.Data, d.options.Identity)
	if err != nil {
		return fmt.Errorf("client certificate: %w", err)
	}
	if holds(existing.Data, wanted.Data) {
		return nil
	}
	secret := corev1apply.Secret(key.Name, key.Namespace).
		WithLabels(map[string]string{labelManagedBy: managedBy, labelComponent: "client"}).
		WithType(corev1.SecretTypeTLS).WithData(wanted.Data)
	if err := d.options.Client.Apply(ctx, secret, fieldOwner, client.ForceOwnership); err != nil {
		return fmt.Errorf("write the Secret %s: %w", key, err)
	}
	d.options.Log.Info("delivered a client certificate", "object", key.String(), "identity", d.options.Identity, "reason", wanted.Reason)
	return nil
}

// holds reports whether everything wanted is there. What others added stays theirs.
func holds(existing, wanted map[string][]byte) bool {
	for name, value := range wanted {
		if !bytes.Equal(existing[name], value) {
			return false
		}
	}
	return true
}

// report logs every failure, and tells of an outcome once, however often it repeats.
func (d *Delivery) report(err error) {
	failure := ""
	if err != nil {
		failure = err.Error()
		d.options.Log.Error(err, "a client certificate could not be delivered, will retry")
	}
	repeated := d.failure == failure
	d.failure = failure
	if !repeated {
		d.options.Report(err)
	}
}
