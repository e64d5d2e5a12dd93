package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/controllers/certs"
)

// registerInterval bounds how long a bundle that another client overwrote stays wrong. A watch would
// add a permission and gain nothing.
const registerInterval = 30 * time.Second

// RegistrarOptions are what a Registrar depends on.
type RegistrarOptions struct {
	// Client reads and writes past the cache.
	Client client.Client
	// Name of the webhook configurations. One that does not exist is not created.
	Name string
	// Authority is certs.Keeper.Authority.
	Authority func() (*certs.Authority, error)
	Clock     clock.WithTicker
	Log       logr.Logger
}

// Registrar keeps our CA in the webhook configurations.
type Registrar struct {
	options RegistrarOptions
	refresh chan struct{}
}

// NewRegistrar returns a Registrar; Run starts it.
func NewRegistrar(options RegistrarOptions) *Registrar {
	return &Registrar{options: options, refresh: make(chan struct{}, 1)}
}

// Refresh has the bundle looked at again: the CA changed. It does not block.
func (r *Registrar) Refresh() {
	select {
	case r.refresh <- struct{}{}:
	default:
	}
}

// Run keeps the bundle current until the context ends. Only the leader runs it.
func (r *Registrar) Run(ctx context.Context) error {
	ticker := r.options.Clock.NewTicker(registerInterval)
	defer ticker.Stop()
	for {
		if err := r.register(ctx); err != nil && ctx.Err() == nil {
			r.options.Log.Error(err, "Failed to update the CA bundle of the webhook configuration; retrying")
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
		case <-r.refresh:
		}
	}
}

func (r *Registrar) register(ctx context.Context) error {
	authority, err := r.options.Authority()
	if err != nil {
		return err
	}
	bundle := authority.Bundle()
	validating := &admissionregistrationv1.ValidatingWebhookConfiguration{}
	mutating := &admissionregistrationv1.MutatingWebhookConfiguration{}
	return errors.Join(
		r.update(ctx, validating, func() (changed bool) {
			for i := range validating.Webhooks {
				changed = set(&validating.Webhooks[i].ClientConfig, bundle) || changed
			}
			return changed
		}),
		r.update(ctx, mutating, func() (changed bool) {
			for i := range mutating.Webhooks {
				changed = set(&mutating.Webhooks[i].ClientConfig, bundle) || changed
			}
			return changed
		}),
	)
}

// update writes a configuration if there is one and it changes.
func (r *Registrar) update(ctx context.Context, object client.Object, change func() bool) error {
	if err := r.options.Client.Get(ctx, client.ObjectKey{Name: r.options.Name}, object); err != nil {
		return client.IgnoreNotFound(err)
	}
	if !change() {
		return nil
	}
	if err := r.options.Client.Update(ctx, object); err != nil {
		return fmt.Errorf("write the CA into %T %s: %w", object, r.options.Name, err)
	}
	r.options.Log.Info("wrote the CA into a webhook configuration", "type", fmt.Sprintf("%T", object), "object", r.options.Name)
	return nil
}

func set(config *admissionregistrationv1.WebhookClientConfig, bundle []byte) bool {
	if bytes.Equal(config.CABundle, bundle) {
		return false
	}
	config.CABundle = bundle
	return true
}
