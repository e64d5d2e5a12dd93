package lead_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kedify/inference-gateway/controllers/lead"
)

// patience of everything that is waited for.
const patience = 20 * time.Second

var lease = types.NamespacedName{Namespace: "kedify-system", Name: "leader"}

// candidate is a replica that runs for leadership.
type candidate struct {
	mu    sync.Mutex
	leads bool
	stop  func()
}

func (c *candidate) leading() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.leads
}

// TestByLease: one replica leads. When it ends, the next one does not wait for the lease to expire. One that
// cannot renew its lease leads no more, runs on, and leads again when it can.
func TestByLease(t *testing.T) {
	g := NewWithT(t)
	api := fake.NewClientset()
	var away atomic.Bool // the API server
	api.PrependReactor("update", "leases", func(clienttesting.Action) (bool, runtime.Object, error) {
		return away.Load(), nil, errors.New("the API server is away")
	})
	run := func(name string) *candidate {
		ctx, cancel := context.WithCancel(context.Background())
		c, ended := &candidate{}, make(chan error, 1)
		go func() {
			ended <- lead.ByLease(api.CoordinationV1(), lease, name, logr.Discard())(ctx, func(leads bool) {
				c.mu.Lock()
				defer c.mu.Unlock()
				c.leads = leads
			})
		}()
		c.stop = sync.OnceFunc(func() {
			cancel()
			g.Expect(<-ended).NotTo(HaveOccurred())
		})
		t.Cleanup(c.stop)
		return c
	}
	one := run("one")
	g.Eventually(one.leading).WithTimeout(patience).Should(BeTrue())
	two := run("two")
	one.stop()
	g.Expect(one.leading()).To(BeFalse())
	g.Eventually(two.leading).WithTimeout(patience).Should(BeTrue())

	away.Store(true)
	g.Eventually(two.leading).WithTimeout(2*patience).Should(BeFalse(), "a lease that cannot be renewed is lost")
	away.Store(false)
	g.Eventually(two.leading).WithTimeout(2 * patience).Should(BeTrue())
}
