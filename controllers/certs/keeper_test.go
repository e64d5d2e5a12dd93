package certs

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"go.uber.org/goleak"
	corev1 "k8s.io/api/core/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func keeper(c client.Client, clock *clocktesting.FakeClock) *Keeper {
	return NewKeeper(Options{Client: c, Namespace: "kedify-system", Name: SecretName, Clock: clock, Log: logr.Discard()})
}

func loaded(t *testing.T, k *Keeper) *Authority {
	t.Helper()
	if err := k.Load(context.Background()); err != nil {
		t.Fatal(err)
	}
	authority, err := k.Authority()
	if err != nil {
		t.Fatal(err)
	}
	return authority
}

func caSecret(t *testing.T, c client.Client) *corev1.Secret {
	t.Helper()
	secret := &corev1.Secret{}
	if err := c.Get(context.Background(), client.ObjectKey{Namespace: "kedify-system", Name: SecretName}, secret); err != nil {
		t.Fatal(err)
	}
	return secret
}

// Replicas that start together end up with one CA.
func TestLoadRace(t *testing.T) {
	c := fake.NewClientBuilder().Build()
	clock := clocktesting.NewFakeClock(epoch)
	authorities := make([]*Authority, 8)
	var wait sync.WaitGroup
	for i := range authorities {
		wait.Go(func() { authorities[i] = loaded(t, keeper(c, clock)) })
	}
	wait.Wait()
	for _, authority := range authorities[1:] {
		if !authority.sameAs(authorities[0]) {
			t.Fatal("two replicas have different CAs")
		}
	}
}

func TestLoadRestoresTheLastGood(t *testing.T) {
	for name, spoil := range map[string]func(client.Client, *corev1.Secret) error{
		"deleted": func(c client.Client, secret *corev1.Secret) error {
			return c.Delete(context.Background(), secret)
		},
		"tampered": func(c client.Client, secret *corev1.Secret) error {
			secret.Data[corev1.TLSPrivateKeyKey] = []byte("garbage")
			return c.Update(context.Background(), secret)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := fake.NewClientBuilder().Build()
			k := keeper(c, clocktesting.NewFakeClock(epoch))
			before := loaded(t, k)
			if err := spoil(c, caSecret(t, c)); err != nil {
				t.Fatal(err)
			}
			if !loaded(t, k).sameAs(before) {
				t.Error("the CA changed")
			}
			written, err := ParseAuthority(caSecret(t, c).Data)
			if err != nil || !written.sameAs(before) {
				t.Errorf("the Secret was not restored: %v", err)
			}
		})
	}
}

func TestLoadReplacesADamagedCA(t *testing.T) {
	secret, err := newAuthority(t, epoch).Secret("kedify-system", SecretName)
	if err != nil {
		t.Fatal(err)
	}
	secret.Data[corev1.TLSCertKey] = []byte("garbage")
	c := fake.NewClientBuilder().WithObjects(secret).Build()
	clock := clocktesting.NewFakeClock(epoch)
	if !loaded(t, keeper(c, clock)).sameAs(loaded(t, keeper(c, clock))) {
		t.Error("the second replica did not take the CA of the first")
	}
}

// A leader announces, waits, promotes; a follower learns all of it from the Secret.
func TestLeadRotates(t *testing.T) {
	writes := 0
	c := interceptor.NewClient(fake.NewClientBuilder().Build(), interceptor.Funcs{
		Update: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.UpdateOption) error {
			writes++
			return c.Update(ctx, object, options...)
		},
	})
	clock := clocktesting.NewFakeClock(epoch)
	leader, follower := keeper(c, clock), keeper(c, clock)
	first := loaded(t, leader)
	rotate := func(since time.Time) {
		t.Helper()
		if err := leader.rotate(context.Background(), since); err != nil {
			t.Fatal(err)
		}
	}
	rotate(epoch)
	if writes != 0 {
		t.Fatalf("%d writes at rest", writes)
	}
	clock.SetTime(epoch.Add(DefaultLifetimes.CA * 2 / 3))
	rotate(epoch)
	if announced := loaded(t, follower); announced.next == nil {
		t.Fatal("the follower has not learnt of the new CA")
	}
	clock.Step(DefaultLifetimes.Overlap + time.Minute)
	rotate(clock.Now().Add(-time.Minute))
	if !loaded(t, follower).signer.certificate.Equal(first.signer.certificate) {
		t.Fatal("a leader of one minute promoted a CA that other replicas may not trust yet")
	}
	rotate(epoch)
	if loaded(t, follower).signer.certificate.Equal(first.signer.certificate) {
		t.Fatal("the new CA does not sign")
	}
	if writes != 2 {
		t.Errorf("%d writes, want 2", writes)
	}
}

func TestRunAndLead(*testing.T) {
	c := fake.NewClientBuilder().Build()
	clock := clocktesting.NewFakeClock(epoch)
	changes := make(chan struct{}, 10)
	k := NewKeeper(Options{
		Client: c, Namespace: "kedify-system", Name: SecretName, Clock: clock,
		Log: logr.Discard(), OnChange: func() { changes <- struct{}{} },
	})
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	wait.Go(func() { _ = k.Run(ctx) })
	wait.Go(func() { _ = k.Lead(ctx) })
	<-changes // made
	clock.SetTime(epoch.Add(DefaultLifetimes.CA * 2 / 3))
	<-changes // announced
	clock.Step(DefaultLifetimes.Overlap)
	<-changes // promoted
	cancel()
	wait.Wait()
}
