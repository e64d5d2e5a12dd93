package wiring

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	coordinationv1client "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// LeaseName is the lease of the leader.
const LeaseName = "kedify-gateway-wiring"

const (
	leaseDuration = 15 * time.Second
	renewDeadline = 10 * time.Second
	retryPeriod   = 2 * time.Second
)

// Elect runs for leadership until the context ends, and calls leads with each change. To lose
// leadership is no error: a replica without it still moves traffic to safety.
type Elect func(ctx context.Context, leads func(bool)) error

// ByLease elects the holder of a Lease. The identity is the name of this replica.
func ByLease(leases coordinationv1client.LeasesGetter, namespace, identity string, log logr.Logger) Elect {
	return func(ctx context.Context, leads func(bool)) error {
		var mu sync.Mutex // the elector calls OnStartedLeading on a goroutine of its own
		lock := &resourcelock.LeaseLock{Client: leases, LockConfig: resourcelock.ResourceLockConfig{Identity: identity}}
		lock.LeaseMeta.Namespace, lock.LeaseMeta.Name = namespace, LeaseName
		elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
			Lock: lock, LeaseDuration: leaseDuration, RenewDeadline: renewDeadline, RetryPeriod: retryPeriod,
			ReleaseOnCancel: true, Name: LeaseName,
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
