package watch

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/onsi/gomega"
	certificatesv1 "k8s.io/api/certificates/v1"
	certificatesv1beta1 "k8s.io/api/certificates/v1beta1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	bundlesV1      = "certificates.k8s.io/v1 ClusterTrustBundle"
	bundlesV1beta1 = "certificates.k8s.io/v1beta1 ClusterTrustBundle"
)

// ServerResourcesForGroupVersionWithContext implements Resources. What is not said to be served is not.
func (c *cluster) ServerResourcesForGroupVersionWithContext(_ context.Context, groupVersion string) (*metav1.APIResourceList, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	switch {
	case c.away != nil:
		return nil, c.away
	case c.served[groupVersion+" ClusterTrustBundle"]:
		return &metav1.APIResourceList{APIResources: []metav1.APIResource{{Kind: "CertificateSigningRequest"}, {Kind: "ClusterTrustBundle"}}}, nil
	case groupVersion == "certificates.k8s.io/v1": // has other kinds
		return &metav1.APIResourceList{APIResources: []metav1.APIResource{{Kind: "CertificateSigningRequest"}}}, nil
	}
	return nil, apierrors.NewNotFound(schema.GroupResource{}, groupVersion)
}

func bundleRow(handler Handler) Row {
	return Row{
		Object: &certificatesv1.ClusterTrustBundle{}, Older: []client.Object{&certificatesv1beta1.ClusterTrustBundle{}},
		Optional: true, Handler: handler,
	}
}

func bundleV1(name string) *certificatesv1.ClusterTrustBundle {
	return &certificatesv1.ClusterTrustBundle{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

func bundleV1beta1(name string) *certificatesv1beta1.ClusterTrustBundle {
	return &certificatesv1beta1.ClusterTrustBundle{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

// round has the watcher go over all rows once more, after a time.
func (c *cluster) round(after time.Duration) {
	c.t.Helper()
	gomega.NewWithT(c.t).Eventually(c.clock.HasWaiters).WithTimeout(timeout).Should(gomega.BeTrue())
	c.clock.Step(after)
	gomega.NewWithT(c.t).Eventually(c.clock.HasWaiters).WithTimeout(timeout).Should(gomega.BeTrue())
}

// A kind of Kubernetes itself is watched in the newest version that the API server serves.
func TestNewestVersion(t *testing.T) {
	for name, served := range map[string][]string{
		"new": {bundlesV1, bundlesV1beta1}, "old": {bundlesV1beta1},
	} {
		t.Run(name, func(t *testing.T) {
			c, calls := newCluster(t), newLog(t)
			for _, version := range served {
				c.serve(version, true)
			}
			c.sourceOf(bundleV1("")).Add(bundleV1("new"))
			c.sourceOf(bundleV1beta1("")).Add(bundleV1beta1("old"))
			synced := c.watcher.Add(bundleRow(calls))
			c.start()
			wait(t, synced)
			calls.expect("add " + name)
			calls.expect("synced")
		})
	}
}

// It may come with a feature gate of a later start of the API server, go, and come back in another version. An API server
// that says once that it is not there, or that is away, takes nothing: the API servers of an upgrade differ.
func TestVersionComesAndGoes(t *testing.T) {
	c, calls := newCluster(t), newLog(t)
	c.sourceOf(bundleV1beta1("")).Add(bundleV1beta1("old"))
	c.sourceOf(bundleV1("")).Add(bundleV1("new"))
	synced := c.watcher.Add(bundleRow(calls))
	c.start()
	wait(t, synced) // missing is an answer
	c.serve(bundlesV1beta1, true)
	c.round(RetryMissing)
	calls.expect("add old", "synced")

	c.serve(bundlesV1beta1, false)
	c.round(RetryMissing)
	c.serve(bundlesV1beta1, true)
	c.round(goneAfter)
	c.mu.Lock()
	c.away = errors.New("connection refused")
	c.mu.Unlock()
	c.round(goneAfter)
	c.mu.Lock()
	c.away = nil
	c.mu.Unlock()
	c.serve(bundlesV1beta1, false)
	c.round(RetryMissing)
	if len(calls.calls) > 0 {
		t.Fatalf("%q before the kind was gone for %s", <-calls.calls, goneAfter)
	}
	c.serve(bundlesV1, true)
	c.round(goneAfter)
	calls.expect("delete old")
	calls.expect("lost")
	c.round(RetryMissing)
	calls.expect("add new", "synced")
}
