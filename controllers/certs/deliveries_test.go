package certs

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/kedify/inference-gateway/controllers/scope"
)

// TestX4CertificatesOfNamespaces: each namespace that counts gets a certificate of its own, which opens no other; it
// goes when the namespace counts no more, and not before that is certain. Secrets of users of the same name stay.
func TestX4CertificatesOfNamespaces(t *testing.T) {
	mine := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "mine", Name: "metrics"}}
	clock := clocktesting.NewFakeClock(epoch)
	api := fake.NewClientBuilder().WithReturnManagedFields().WithObjects(mine).Build()
	made := keeper(api, clock)
	loaded(t, made)
	var wanted []string
	all := true
	identity := func(namespace string) string { return "spiffe://kedify-gateway/ns/" + namespace + "/metrics" }
	failures := 0
	deliveries := NewDeliveries(DeliveriesOptions{
		Each: DeliveryOptions{
			Certificates: made, Client: api, Name: "metrics", Component: "metrics-client", Clock: clock, Log: logr.Discard(),
			Report: func(err error) {
				if err != nil {
					failures++
				}
			},
		},
		Wanted:   func() ([]string, bool) { return wanted, all },
		Identity: identity,
	})
	have := func() (namespaces []string) {
		t.Helper()
		list := &corev1.SecretList{}
		if err := api.List(context.Background(), list, client.MatchingLabels{labelComponent: "metrics-client"}); err != nil {
			t.Fatal(err)
		}
		for _, secret := range list.Items {
			namespaces = append(namespaces, secret.Namespace)
			for _, admits := range []string{"shop", "other"} {
				_, err := handshake(made.ServerTLSFor(identity(admits), serverName), envoy(t, Certificate{Data: secret.Data}, clock.Now()))
				if (err == nil) != (admits == secret.Namespace) {
					t.Errorf("the certificate of %s opens %s: %v", secret.Namespace, admits, err)
				}
			}
		}
		slices.Sort(namespaces)
		return namespaces
	}
	for _, c := range []struct {
		wanted []string
		all    bool
		want   []string
	}{
		{[]string{"other", "shop"}, true, []string{"other", "shop"}},
		{[]string{"shop"}, false, []string{"other", "shop"}},
		{[]string{"shop", "mine"}, true, []string{"shop"}},
		{nil, true, nil},
	} {
		wanted, all = c.wanted, c.all
		deliveries.round(t.Context())
		if got := have(); !slices.Equal(got, c.want) {
			t.Errorf("wanted %q: %q", c.wanted, got)
		}
	}
	if failures != 1 {
		t.Errorf("%d failures were reported, one Secret is a user's", failures)
	}
	if err := api.Get(context.Background(), client.ObjectKeyFromObject(mine), mine); err != nil || len(mine.Data) > 0 {
		t.Errorf("the Secret of the user: %v, %v", mine.Data, err)
	}
}

// TestCertificatesBesideAClosedNamespace: a namespace in which no Secret may be listed keeps no other from being looked at.
func TestCertificatesBesideAClosedNamespace(t *testing.T) {
	clock := clocktesting.NewFakeClock(epoch)
	api := interceptor.NewClient(fake.NewClientBuilder().WithReturnManagedFields().Build(), interceptor.Funcs{
		List: func(ctx context.Context, api client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			var of client.ListOptions
			if of.ApplyOptions(options).Namespace == "closed" {
				return apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "", errors.New("no role permits it"))
			}
			return api.List(ctx, list, options...)
		},
	})
	made := keeper(api, clock)
	loaded(t, made)
	wanted := []string{"shop"}
	deliveries := NewDeliveries(DeliveriesOptions{
		Each: DeliveryOptions{
			Certificates: made, Client: api, Name: "metrics", Component: "metrics-client", Clock: clock, Log: logr.Discard(),
			Report: func(err error) {
				if err != nil {
					t.Error(err)
				}
			},
		},
		Wanted:   func() ([]string, bool) { return wanted, true },
		Watched:  scope.Of("system", []string{"closed", "shop"}),
		Identity: func(namespace string) string { return "spiffe://kedify-gateway/ns/" + namespace + "/metrics" },
	})
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "metrics"}}
	deliveries.round(t.Context())
	if err := api.Get(t.Context(), client.ObjectKeyFromObject(secret), secret); err != nil {
		t.Fatal(err)
	}
	wanted = nil
	deliveries.round(t.Context())
	if err := api.Get(t.Context(), client.ObjectKeyFromObject(secret), secret); !apierrors.IsNotFound(err) {
		t.Errorf("the Secret that is not wanted any more: %v", err)
	}
}
