package lead

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"
	coordinationv1client "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

const (
	leaseDuration = 15 * time.Second
	renewDeadline = 10 * time.Second
	retryPeriod   = 2 * time.Second
)

// Elect runs for leadership until the context ends, and calls leads with each change. To lose leadership is no error.
type Elect func(ctx context.Context, leads func(bool)) error

// Alone is the election of a replica without others.
func Alone(ctx context.Context, leads func(bool)) error {
	leads(true)
	<-ctx.Done()
	leads(false)
	return nil
}

// ByLease elects the holder of a Lease. The identity is the name of this replica.
func ByLease(leases coordinationv1client.LeasesGetter, lease types.NamespacedName, identity string, log logr.Logger) Elect {
	return func(ctx context.Context, leads func(bool)) error {
		var mu sync.Mutex // the elector calls OnStartedLeading on a goroutine of its own
		lock := &resourcelock.LeaseLock{Client: leases, LockConfig: resourcelock.ResourceLockConfig{Identity: identity}}
		lock.LeaseMeta.Namespace, lock.LeaseMeta.Name = lease.Namespace, lease.Name
		elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
			Lock: lock, LeaseDuration: leaseDuration, RenewDeadline: renewDeadline, RetryPeriod: retryPeriod,
			ReleaseOnCancel: true, Name: lease.Name,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: func(leading context.Context) {
					mu.Lock()
					defer mu.Unlock()
					if leading.Err() == nil {
						leads(true)
					}
				},
				OnStoppedLeading: func() {
					mu.Lock()
					defer mu.Unlock()
					leads(false)
				},
				OnNewLeader: func(leader string) { log.Info("Observed a leader", "leader", leader) },
			},
		})
		if err != nil {
			return fmt.Errorf("make the election: %w", err)
		}
		for ctx.Err() == nil {
			elector.Run(ctx) // returns when the lease is lost
		}
		return nil
	}
}
