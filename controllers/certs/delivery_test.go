package certs

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/kedify/inference-gateway/controllers/apply"
)

const kedaIdentity = "spiffe://kedify-gateway/keda"

var kedaKey = client.ObjectKey{Namespace: "keda", Name: "kedify-gateway-keda-client"}

// courier is a Delivery to a fake cluster, where it counts.
type courier struct {
	*Delivery
	client  client.Client
	keeper  *Keeper
	clock   *clocktesting.FakeClock
	writes  int
	refuse  error
	reports []string
}

func newCourier(t *testing.T, objects ...client.Object) *courier {
	t.Helper()
	c := &courier{clock: clocktesting.NewFakeClock(epoch)}
	c.client = interceptor.NewClient(fake.NewClientBuilder().WithObjects(objects...).Build(), interceptor.Funcs{
		Apply: func(ctx context.Context, inner client.WithWatch, object runtime.ApplyConfiguration, options ...client.ApplyOption) error {
			if c.refuse != nil {
				return c.refuse
			}
			c.writes++
			return inner.Apply(ctx, object, options...)
		},
	})
	c.keeper = keeper(c.client, c.clock)
	loaded(t, c.keeper)
	c.Delivery = NewDelivery(DeliveryOptions{
		Certificates: c.keeper, Client: c.client, Namespace: kedaKey.Namespace, Name: kedaKey.Name, Identity: kedaIdentity,
		Clock: c.clock, Log: logr.Discard(), Report: func(err error) {
			if err == nil {
				err = errors.New("again")
			}
			c.reports = append(c.reports, err.Error())
		},
	})
	return c
}

// round is one look of the leader. It returns what is there afterwards.
func (c *courier) round(t *testing.T) map[string][]byte {
	t.Helper()
	c.report(c.deliver(context.Background()))
	secret := &corev1.Secret{}
	if err := c.client.Get(context.Background(), kedaKey, secret); client.IgnoreNotFound(err) != nil {
		t.Fatal(err)
	}
	return secret.Data
}

// connects says whether a client with this Secret is admitted where KEDA is expected.
func (c *courier) connects(t *testing.T, data map[string][]byte) error {
	t.Helper()
	_, err := handshake(c.keeper.ServerTLSFor(kedaIdentity, serverName), envoy(t, Certificate{Data: data}, c.clock.Now()))
	return err
}

// KEDA's certificate is made, stays, and is renewed as those of the Envoys are; a change by another client
// of the API server is undone.
func TestDelivery(t *testing.T) {
	c := newCourier(t)
	first := c.round(t)
	if err := c.connects(t, first); err != nil {
		t.Fatal(err)
	}
	c.round(t)
	if c.writes != 1 {
		t.Errorf("%d writes at rest", c.writes)
	}
	for name, spoil := range map[string]func(*corev1.Secret) error{
		"deleted": func(secret *corev1.Secret) error { return c.client.Delete(context.Background(), secret) },
		"no key": func(secret *corev1.Secret) error {
			delete(secret.Data, corev1.TLSPrivateKeyKey)
			return c.client.Update(context.Background(), secret)
		},
		"no CA": func(secret *corev1.Secret) error {
			secret.Data[corev1.ServiceAccountRootCAKey] = []byte("garbage")
			return c.client.Update(context.Background(), secret)
		},
	} {
		secret := &corev1.Secret{}
		if err := errors.Join(c.client.Get(context.Background(), kedaKey, secret), spoil(secret)); err != nil {
			t.Fatal(err)
		}
		if err := c.connects(t, c.round(t)); err != nil {
			t.Errorf("%s: not restored: %v", name, err)
		}
	}
	aging := c.round(t)
	c.clock.Step(DefaultLifetimes.Leaf * 2 / 3)
	renewed := c.round(t)
	if string(renewed[corev1.TLSCertKey]) == string(aging[corev1.TLSCertKey]) {
		t.Error("not renewed after two thirds of its life")
	}
	if err := errors.Join(c.connects(t, aging), c.connects(t, renewed)); err != nil {
		t.Errorf("both are good for a while: %v", err)
	}
	if len(c.reports) > 0 {
		t.Errorf("reports %q", c.reports)
	}
}

// The announcement of a CA reaches KEDA a day before it signs.
func TestDeliveryAnnouncesTheCA(t *testing.T) {
	c := newCourier(t)
	c.round(t)
	c.clock.SetTime(epoch.Add(DefaultLifetimes.CA * 2 / 3))
	c.round(t)
	if err := c.keeper.rotate(context.Background(), epoch); err != nil {
		t.Fatal(err)
	}
	announced := c.round(t)
	c.clock.Step(DefaultLifetimes.Overlap)
	if err := c.keeper.rotate(context.Background(), epoch); err != nil {
		t.Fatal(err)
	}
	if err := c.connects(t, announced); err != nil {
		t.Errorf("the Secret of the announcement no longer does: %v", err)
	}
}

// A failure is told once, and so is its end; nothing else is touched.
func TestDeliveryFails(t *testing.T) {
	c := newCourier(t)
	c.refuse = apierrors.NewNotFound(corev1.Resource("namespaces"), "keda")
	for range 3 {
		c.round(t)
	}
	if len(c.reports) != 1 || !strings.Contains(c.reports[0], `namespaces "keda" not found`) {
		t.Errorf("reports %q", c.reports)
	}
	c.refuse = nil
	c.round(t)
	c.round(t)
	if len(c.reports) != 2 || c.reports[1] != "again" {
		t.Errorf("reports %q", c.reports)
	}
}

func TestDeliveryLeavesForeignSecretsAlone(t *testing.T) {
	foreign := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: kedaKey.Namespace, Name: kedaKey.Name},
		Data: map[string][]byte{"a": []byte("b")}}
	c := newCourier(t, foreign)
	if data := c.round(t); len(data) != 1 || c.writes > 0 {
		t.Errorf("%d writes, data %q", c.writes, data)
	}
	if len(c.reports) != 1 || !strings.Contains(c.reports[0], apply.ErrForeign.Error()) {
		t.Errorf("reports %q", c.reports)
	}
}

// The loop looks at once, at each interval and when it is told to.
func TestDeliveryRun(t *testing.T) {
	c := newCourier(t)
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: kedaKey.Namespace, Name: kedaKey.Name}}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	for _, next := range []func(){func() { c.clock.Step(refreshInterval) }, c.Refresh, func() {}} {
		gomega.NewWithT(t).Eventually(func() error { return c.client.Get(ctx, kedaKey, &corev1.Secret{}) }).
			WithTimeout(10*time.Second).WithPolling(time.Millisecond).Should(gomega.Succeed(), "the Secret was not written")
		if err := c.client.Delete(ctx, secret); err != nil {
			t.Fatal(err)
		}
		next()
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// KEDA's port admits KEDA, and none of the others that our CA signed for.
func TestServerTLSFor(t *testing.T) {
	c := newCourier(t)
	authority := loaded(t, c.keeper)
	as := func(a *Authority, identity string) map[string][]byte {
		made, err := a.ClientCertificate(nil, identity, DefaultLifetimes, epoch)
		if err != nil {
			t.Fatal(err)
		}
		made.Data[corev1.ServiceAccountRootCAKey] = authority.Bundle()
		return made.Data
	}
	if err := c.connects(t, as(authority, kedaIdentity)); err != nil {
		t.Errorf("KEDA is refused: %v", err)
	}
	for _, identity := range []string{"spiffe://kedify-gateway/ns/shop/gateway/web", "spiffe://kedify-gateway/replica", kedaIdentity + "/x"} {
		if err := c.connects(t, as(authority, identity)); !errors.Is(err, ErrIdentity) {
			t.Errorf("%s: %v", identity, err)
		}
	}
	if err := c.connects(t, as(newAuthority(t, epoch), kedaIdentity)); err == nil || errors.Is(err, ErrIdentity) {
		t.Errorf("KEDA's name from another CA: %v", err)
	}
	if err := c.connects(t, map[string][]byte{corev1.ServiceAccountRootCAKey: authority.Bundle()}); err == nil {
		t.Error("a client without a certificate is admitted")
	}
}

// A server that only reads Secrets has a certificate for its names, which stays, follows the names, and is no client's.
func TestServingCertificate(t *testing.T) {
	authority := newAuthority(t, epoch)
	keep := func(existing map[string][]byte, names ...string) Certificate {
		t.Helper()
		kept, err := authority.ServingCertificate(existing, names, DefaultLifetimes, epoch)
		if err != nil {
			t.Fatal(err)
		}
		return kept
	}
	names := []string{"scaler.example.com", "10.0.0.7", "2001:DB8::1", "a.example.com"}
	first := keep(nil, names...)
	if second := keep(first.Data, names...); second.Reason != "" || !maps.EqualFunc(second.Data, first.Data, bytes.Equal) {
		t.Errorf("made again: %s", second.Reason)
	}
	if renamed := keep(first.Data, "b.example.com"); !strings.Contains(renamed.Reason, "it is for") {
		t.Errorf("for other names: %q", renamed.Reason)
	}
	client := clientCertificate(t, authority, first.Data, epoch)
	if client.Reason == "" || keep(client.Data, names...).Reason == "" {
		t.Error("the certificate of a server is taken for that of a client, or the reverse")
	}
	if err := verify(authority, first, epoch); err == nil {
		t.Error("a server is admitted as a client")
	}
}

// A server may be known by an address.
func TestServerTLSOfAnAddress(t *testing.T) {
	c := newCourier(t)
	config := envoy(t, Certificate{Data: c.round(t)}, epoch)
	config.ServerName = "10.0.0.7"
	shown, err := handshake(c.keeper.ServerTLSFor(kedaIdentity, serverName, "10.0.0.7"), config)
	if err != nil || !slices.Equal(shown.DNSNames, []string{serverName}) {
		t.Errorf("%v", err)
	}
}
