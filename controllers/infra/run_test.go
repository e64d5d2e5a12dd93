package infra

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/certs"
)

// start runs the applier of the bench until the test ends.
func (b *bench) start() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.applier.Run(ctx) }()
	b.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			b.t.Error(err)
		}
	})
}

func (b *bench) result() Result {
	b.t.Helper()
	select {
	case result := <-b.results:
		return result
	case <-time.After(10 * time.Second):
		b.t.Fatal("no result")
		return Result{}
	}
}

// await polls with a fake clock that moves on: backoffs are on it.
func (b *bench) await(what string, condition func() bool) {
	b.t.Helper()
	gomega.NewWithT(b.t).Eventually(func() bool {
		if condition() {
			return true
		}
		b.clock.Step(firstRetry)
		return false
	}).WithTimeout(10*time.Second).WithPolling(time.Millisecond).Should(gomega.BeTrue(), what)
}

func (b *bench) exists(object client.Object) bool {
	key := client.ObjectKey{Namespace: "shop", Name: "web-kedify"}
	return b.client.Get(context.Background(), key, object) == nil
}

func TestRunAppliesAndDeletes(t *testing.T) {
	b := newBench(t)
	b.applier.Apply(plainSpec()) // before there is a leader
	b.start()
	if result := b.result(); result.Err != nil || result.Generation != 1 {
		t.Fatalf("result %+v", result)
	}
	if !b.exists(&corev1.Service{}) {
		t.Fatal("no Service")
	}
	b.applier.Delete(plainSpec().Gateway)
	b.await("the deletion", func() bool { return !b.exists(&corev1.Service{}) && !b.exists(&corev1.ServiceAccount{}) })
}

func TestRunRetries(t *testing.T) {
	b := newBench(t)
	b.fail = errors.New("the API server is away")
	b.start()
	b.applier.Apply(plainSpec())
	if result := b.result(); !errors.Is(result.Err, b.fail) {
		t.Fatalf("result %+v", result)
	}
	b.await("a retry", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return len(b.writes) > 1
	})
	b.mu.Lock()
	b.fail = nil
	b.mu.Unlock()
	b.await("success", func() bool { return len(b.results) > 0 })
	if result := b.result(); result.Err != nil {
		t.Errorf("result %+v; a repeated failure must not be reported again", result)
	}
}

// Parameters that cannot be built are reported once and not tried again; the next wish is.
func TestRunReportsParameters(t *testing.T) {
	b := newBench(t)
	b.start()
	spec := plainSpec()
	spec.Infrastructure.Parameters = v1alpha1.GatewayParametersSpec{PodTemplate: raw(`[]`)}
	b.applier.Apply(spec)
	var parameters *ParametersError
	if result := b.result(); !errors.As(result.Err, &parameters) {
		t.Fatalf("result %+v", result)
	}
	if retries := b.applier.queue.Retries(spec.Gateway); retries != 0 {
		t.Errorf("%d retries", retries)
	}
	b.applier.Apply(plainSpec())
	if result := b.result(); result.Err != nil {
		t.Errorf("result %+v", result)
	}
}

// The certificate is renewed without a change of any object.
func TestRunRenews(t *testing.T) {
	b := newBench(t)
	b.start()
	b.applier.Apply(plainSpec())
	b.result()
	b.written()
	b.clock.Step(certs.DefaultLifetimes.Leaf * 2 / 3)
	b.await("the renewal", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return len(b.writes) == 1 && b.writes[0] == "apply Secret"
	})
}

// A namespace that is being deleted takes no new objects. That is no error: nothing is logged as
// one, reported or tried again.
func TestRunInTerminatingNamespace(t *testing.T) {
	b := newBench(t)
	refused := apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "web-kedify-xds", errors.New("terminating"))
	refused.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}
	b.fail = refused
	logged := make(chan string, 10)
	b.applier.options.Log = funcr.New(func(_, line string) { logged <- line }, funcr.Options{})
	b.start()
	b.applier.Apply(plainSpec())
	b.await("the attempt", func() bool { return len(b.peek()) > 0 })
	b.mu.Lock()
	b.fail = nil
	b.mu.Unlock()
	other := plainSpec()
	other.Gateway.Name, other.UID = "other", "other"
	b.applier.Apply(other) // its outcome is the first that is reported
	if result := b.result(); result.Gateway != other.Gateway || result.Err != nil {
		t.Errorf("result %+v", result)
	}
	if retries := b.applier.queue.Retries(plainSpec().Gateway); retries != 0 {
		t.Errorf("%d retries", retries)
	}
	for len(logged) > 0 {
		if line := <-logged; strings.Contains(line, `"error"`) {
			t.Errorf("logged %s", line)
		}
	}
}

func (b *bench) peek() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.writes)
}
