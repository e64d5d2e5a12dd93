package certs

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// SecretName is the usual name of the CA Secret.
	SecretName = "kedify-gateway-ca"

	labelManagedBy = "app.kubernetes.io/managed-by"
	labelComponent = "app.kubernetes.io/component"
	managedBy      = "kedify-gateway"

	// refreshInterval bounds how long a change of the CA Secret, or of one that is delivered,
	// goes unnoticed. It is far below Lifetimes.Overlap; a watch would add a permission and gain
	// nothing.
	refreshInterval = 30 * time.Second

	// promotionDelay is how long a new leader waits before it lets an announced CA sign: the
	// leader before it may have died before it told the Envoys.
	promotionDelay = 10 * time.Minute
)

// ErrNotLoaded says that the CA has not been read yet.
var ErrNotLoaded = errors.New("the CA is not loaded yet")

// Options of a Keeper.
type Options struct {
	// Client reads and writes the CA Secret; it must not be a cached reader, which would
	// need the permission to list Secrets.
	Client client.Client
	// Namespace and Name of the CA Secret.
	Namespace, Name string
	// Lifetimes; the zero value means DefaultLifetimes.
	Lifetimes Lifetimes
	Clock     clock.WithTicker
	Log       logr.Logger
	// OnChange is called, from the goroutine of Run or Lead, after the authority changed.
	OnChange func()
}

// Keeper holds the authority of the cluster.
type Keeper struct {
	options Options

	mu        sync.RWMutex
	authority *Authority
}

// NewKeeper returns a Keeper that knows nothing yet; see Load.
func NewKeeper(options Options) *Keeper {
	if options.Lifetimes == (Lifetimes{}) {
		options.Lifetimes = DefaultLifetimes
	}
	if options.OnChange == nil {
		options.OnChange = func() {}
	}
	return &Keeper{options: options}
}

// Load reads the CA, and makes it when there is none. Replicas that start together agree: one
// creates, the others read what it created. A damaged Secret is replaced, by the last good CA
// if this replica has one.
func (k *Keeper) Load(ctx context.Context) error {
	secret := &corev1.Secret{}
	key := client.ObjectKey{Namespace: k.options.Namespace, Name: k.options.Name}
	err := k.options.Client.Get(ctx, key, secret)
	if apierrors.IsNotFound(err) {
		return k.create(ctx)
	}
	if err != nil {
		return fmt.Errorf("read the CA Secret %s: %w", key, err)
	}
	authority, err := ParseAuthority(secret.Data)
	if err != nil {
		k.options.Log.Error(err, "replacing the CA", "kind", "Secret", "object", key.String())
		return k.replace(ctx, secret)
	}
	k.set(authority)
	return nil
}

// Run keeps the authority current until the context ends. Every replica runs it.
func (k *Keeper) Run(ctx context.Context) error {
	return k.every(ctx, k.Load)
}

// Lead rotates the CA until the context ends. Only the leader runs it.
func (k *Keeper) Lead(ctx context.Context) error {
	start := k.options.Clock.Now()
	return k.every(ctx, func(ctx context.Context) error { return k.rotate(ctx, start) })
}

// Authority returns the authority as this replica knows it.
func (k *Keeper) Authority() (*Authority, error) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if k.authority == nil {
		return nil, ErrNotLoaded
	}
	return k.authority, nil
}

// ClientCertificate is Authority.ClientCertificate now.
func (k *Keeper) ClientCertificate(existing map[string][]byte, identity string) (Certificate, error) {
	authority, err := k.Authority()
	if err != nil {
		return Certificate{}, err
	}
	return authority.ClientCertificate(existing, identity, k.options.Lifetimes, k.options.Clock.Now())
}

// ServingCertificate is Authority.ServingCertificate now.
func (k *Keeper) ServingCertificate(existing map[string][]byte, names []string) (Certificate, error) {
	authority, err := k.Authority()
	if err != nil {
		return Certificate{}, err
	}
	return authority.ServingCertificate(existing, names, k.options.Lifetimes, k.options.Clock.Now())
}

// every calls f now and at each interval. An error is logged and tried again: the authority
// that is loaded goes on serving meanwhile.
func (k *Keeper) every(ctx context.Context, f func(context.Context) error) error {
	return rounds(ctx, k.options.Clock, nil, func(ctx context.Context) {
		if err := f(ctx); err != nil && ctx.Err() == nil {
			k.options.Log.Error(err, "the CA could not be kept current")
		}
	})
}

// rounds calls f now, at each interval and at each refresh, until the context ends.
func rounds(ctx context.Context, clock clock.WithTicker, refresh <-chan struct{}, f func(context.Context)) error {
	ticker := clock.NewTicker(refreshInterval)
	defer ticker.Stop()
	for {
		f(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
		case <-refresh:
		}
	}
}

func (k *Keeper) create(ctx context.Context) error {
	authority, err := k.lastGood()
	if err != nil {
		return err
	}
	secret, err := authority.Secret(k.options.Namespace, k.options.Name)
	if err != nil {
		return err
	}
	if err := k.options.Client.Create(ctx, secret); err != nil {
		if apierrors.IsAlreadyExists(err) {
			return k.Load(ctx) // another replica was first
		}
		return fmt.Errorf("create the CA Secret: %w", err)
	}
	k.options.Log.Info("made the CA", "kind", "Secret", "object", client.ObjectKeyFromObject(secret).String())
	k.set(authority)
	return nil
}

func (k *Keeper) replace(ctx context.Context, secret *corev1.Secret) error {
	authority, err := k.lastGood()
	if err != nil {
		return err
	}
	err = k.write(ctx, secret, authority)
	if apierrors.IsConflict(err) {
		return k.Load(ctx) // another replica was first
	}
	return err
}

func (k *Keeper) rotate(ctx context.Context, leaderSince time.Time) error {
	secret := &corev1.Secret{}
	key := client.ObjectKey{Namespace: k.options.Namespace, Name: k.options.Name}
	if err := k.options.Client.Get(ctx, key, secret); err != nil {
		return fmt.Errorf("read the CA Secret %s: %w", key, err)
	}
	authority, err := ParseAuthority(secret.Data)
	if err != nil {
		return err // Run repairs it
	}
	now := k.options.Clock.Now()
	advanced, err := authority.Advance(k.options.Lifetimes, now)
	if err != nil {
		return err
	}
	if advanced == authority {
		return nil
	}
	promoted := !advanced.signer.certificate.Equal(authority.signer.certificate)
	expired := !now.Before(authority.signer.certificate.NotAfter)
	if promoted && !expired && now.Sub(leaderSince) < promotionDelay {
		return nil
	}
	k.options.Log.Info("rotating the CA", "kind", "Secret", "object", key.String(), "signs", promoted)
	return k.write(ctx, secret, advanced)
}

// write replaces the content of the Secret, unless another client has changed it since it was
// read: then the next round looks again.
func (k *Keeper) write(ctx context.Context, secret *corev1.Secret, authority *Authority) error {
	data, err := authority.Data()
	if err != nil {
		return err
	}
	secret.Data = data
	if err := k.options.Client.Update(ctx, secret); err != nil {
		return fmt.Errorf("write the CA Secret: %w", err)
	}
	k.set(authority)
	return nil
}

// lastGood is the authority in memory, or a new one.
func (k *Keeper) lastGood() (*Authority, error) {
	if authority, err := k.Authority(); err == nil {
		return authority, nil
	}
	return NewAuthority(k.options.Lifetimes, k.options.Clock.Now())
}

func (k *Keeper) set(authority *Authority) {
	k.mu.Lock()
	changed := !authority.sameAs(k.authority)
	if changed {
		k.authority = authority
	}
	k.mu.Unlock()
	if changed {
		k.options.OnChange()
	}
}

// Secret returns the CA Secret, as certgen prints it and Keeper creates it.
func (a *Authority) Secret(namespace, name string) (*corev1.Secret, error) {
	data, err := a.Data()
	if err != nil {
		return nil, err
	}
	return &corev1.Secret{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace,
			Name:      name,
			Labels:    map[string]string{labelManagedBy: managedBy, labelComponent: "ca"},
		},
		Type: corev1.SecretTypeTLS,
		Data: data,
	}, nil
}
