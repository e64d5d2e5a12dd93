// Package work runs a function over keys.
//
// Job: call a function for each key that was added, by a bounded number of workers and never for
// one key twice at a time; again after a backoff when it asks for that. Inputs: keys, added from
// any goroutine, before Run as well. Outputs: calls of Options.Do. Ownership: Run blocks and owns
// the workers; a Queue that is not run is ended by ShutDown.
package work

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"

	"github.com/kedify/inference-gateway/internal/contain"
)

// Options of a Queue of keys K.
type Options[K comparable] struct {
	// Name of the queue in metrics.
	Name string
	// Workers is how many keys are worked on at once.
	Workers int
	// FirstRetry doubles with each failure of a key, up to LastRetry.
	FirstRetry, LastRetry time.Duration
	// Pace is how long a worker rests after each key.
	Pace  time.Duration
	Clock clock.WithTicker
	// Within calls a function when that is permitted, with a context that ends with the permission, and returns false
	// without a call when ctx ends before (lead.Leadership). A key whose work the end of the permission cut off waits
	// for the next one. Nil: it is always permitted.
	Within func(ctx context.Context, work func(context.Context)) bool
	// Do works on a key and tells what follows. A panic is logged and counts as Retry.
	Do  func(ctx context.Context, key K) Next
	Log logr.Logger
}

// Next is what follows a call of Do.
type Next struct {
	retry, again bool
	after        time.Duration
}

// Done says that nothing follows until the key is added again. The backoff of the key starts anew.
func Done() Next { return Next{} }

// Retry says that Do is called again after the backoff of the key.
func Retry() Next { return Next{retry: true} }

// After says that Do is called again after a time. The backoff of the key starts anew.
func After(wait time.Duration) Next { return Next{again: true, after: wait} }

// Queue calls Options.Do.
type Queue[K comparable] struct {
	options Options[K]
	keys    workqueue.TypedRateLimitingInterface[K]
}

// New returns a Queue that collects keys; Run works on them.
func New[K comparable](options Options[K]) *Queue[K] {
	limiter := workqueue.NewTypedItemExponentialFailureRateLimiter[K](options.FirstRetry, options.LastRetry)
	return &Queue[K]{options: options, keys: workqueue.NewTypedRateLimitingQueueWithConfig(limiter,
		workqueue.TypedRateLimitingQueueConfig[K]{Name: options.Name, Clock: options.Clock})}
}

// Add has a key worked on. A key that waits already waits once; one that is worked on follows.
func (q *Queue[K]) Add(key K) { q.keys.Add(key) }

// AddAfter adds a key after a time.
func (q *Queue[K]) AddAfter(key K, wait time.Duration) { q.keys.AddAfter(key, wait) }

// AddNow adds a key without its backoff: there is something new to try.
func (q *Queue[K]) AddNow(key K) {
	q.keys.Forget(key)
	q.keys.Add(key)
}

// Forget starts the backoff of a key anew.
func (q *Queue[K]) Forget(key K) { q.keys.Forget(key) }

// Len is how many keys wait for a worker.
func (q *Queue[K]) Len() int { return q.keys.Len() }

// Retries is how often a key was to be tried again since the last success.
func (q *Queue[K]) Retries(key K) int { return q.keys.NumRequeues(key) }

// ShutDown ends a queue that is not run.
func (q *Queue[K]) ShutDown() { q.keys.ShutDown() }

// Run works until the context ends, and returns when no worker works any more.
func (q *Queue[K]) Run(ctx context.Context) {
	var workers sync.WaitGroup
	for range q.options.Workers {
		workers.Go(func() {
			for q.next(ctx) {
			}
		})
	}
	<-ctx.Done()
	q.keys.ShutDown()
	workers.Wait()
}

func (q *Queue[K]) next(ctx context.Context) bool {
	key, ended := q.keys.Get()
	if ended || ctx.Err() != nil {
		return false
	}
	q.finish(key, q.work(ctx, key))
	if q.options.Pace > 0 {
		select {
		case <-ctx.Done():
		case <-q.options.Clock.After(q.options.Pace):
		}
	}
	return true
}

// work calls Do when that is permitted.
func (q *Queue[K]) work(ctx context.Context, key K) (next Next) {
	if q.options.Within == nil {
		return q.do(ctx, key)
	}
	q.options.Within(ctx, func(permitted context.Context) {
		if next = q.do(permitted, key); permitted.Err() != nil {
			next = After(0)
		}
	})
	return next
}

// do calls Do. A panic ends the work on this key alone.
func (q *Queue[K]) do(ctx context.Context, key K) Next {
	next, err := contain.Call(func() (Next, error) { return q.options.Do(ctx, key), nil })
	if err != nil {
		contain.Log(q.options.Log, err, "Work on a key panicked, will retry", "queue", q.options.Name, "key", fmt.Sprint(key))
		return Retry()
	}
	return next
}

func (q *Queue[K]) finish(key K, next Next) {
	defer q.keys.Done(key)
	if next.retry {
		q.keys.AddRateLimited(key)
		return
	}
	q.keys.Forget(key)
	if next.again {
		q.keys.AddAfter(key, next.after)
	}
}
