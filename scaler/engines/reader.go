package engines

import (
	"context"
	"net"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"github.com/kedify/inference-gateway/scaler"
)

const (
	// Interval is between two reads of a Pod.
	Interval = 2 * time.Second
	// tick is how often the reader looks which reads are due, and idle how often while no trigger asks for any: a replica
	// at rest costs nothing for them.
	tick = 100 * time.Millisecond
	idle = time.Second
)

// Options of a Reader.
type Options struct {
	// Replica is the name of this replica, unlike all others: its Pod's.
	Replica string
	// Dial connects to a Pod. Nil: a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Clock of this replica. Nil: that of the machine.
	Clock   clock.WithTicker
	Metrics *Metrics
}

// Reader reads the metrics of Pods. It is safe for concurrent use.
type Reader struct {
	options Options
	fetcher *fetcher
	// wake has a value when there is something to read, or a slot for it.
	wake chan struct{}

	mu        sync.Mutex
	complete  bool
	backends  map[types.NamespacedName]*backend
	targets   map[string]*target
	slots     slots
	peers     map[string]struct{}
	followers map[*Follower]struct{}
	// reads counts the reads of this replica that ended.
	reads uint64
	// strays are what other replicas read of Pods that this one does not know yet.
	strays map[string]stray
}

// backend is the Pods of one trigger.
type backend struct {
	pods    *scaler.ModelPods
	targets []*target // of pods.Pods
}

// New returns a Reader of nothing. Run starts it.
func New(options Options) *Reader {
	if options.Clock == nil {
		options.Clock = clock.RealClock{}
	}
	if options.Metrics == nil {
		options.Metrics = NewMetrics()
	}
	return &Reader{
		options: options, fetcher: newFetcher(options.Dial), wake: make(chan struct{}, 1),
		backends: map[types.NamespacedName]*backend{}, targets: map[string]*target{}, slots: newSlots(),
		peers: map[string]struct{}{}, followers: map[*Follower]struct{}{}, strays: map[string]stray{},
	}
}

// Set takes the Pods of a trigger; nil: it does not ask for them any more.
func (r *Reader) Set(key types.NamespacedName, pods *scaler.ModelPods) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.backends[key]
	delete(r.backends, key)
	if pods != nil {
		b := &backend{pods: pods}
		for _, pod := range pods.Pods {
			b.targets = append(b.targets, r.use(key.Namespace, pods, pod))
		}
		r.backends[key] = b
	}
	if before != nil { // after the new ones: what is in both is kept
		for _, t := range before.targets {
			r.unuse(t)
		}
	}
	r.signal()
}

// SetComplete says that the Pods of all triggers that are in force were set. Before, other replicas do not count on this one.
func (r *Reader) SetComplete() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.complete = true
	for f := range r.followers {
		f.signal()
	}
}

// use returns the target of a Pod, with one more user.
func (r *Reader) use(namespace string, pods *scaler.ModelPods, pod scaler.ModelPod) *target {
	id := targetID(pods, pod)
	t := r.targets[id]
	if t == nil {
		t = newTarget(id, namespace, pods, pod)
		t.since = r.options.Clock.Now()
		t.rank = r.rankOf(id)
		r.targets[id] = t
		if early, told := r.strays[id]; told {
			early.tell(t)
			delete(r.strays, id)
		}
	}
	t.users++
	return t
}

func (r *Reader) unuse(t *target) {
	if t.users--; t.users == 0 {
		delete(r.targets, t.id)
	}
}

func (r *Reader) signal() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Run reads until the context ends.
func (r *Reader) Run(ctx context.Context) error {
	var reading sync.WaitGroup
	defer reading.Wait()
	for {
		timer := r.options.Clock.NewTimer(r.begin(ctx, &reading))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C():
		case <-r.wake:
			timer.Stop()
		}
	}
}

// begin starts the reads that are due and have a slot. It returns when to look again, unless something wakes it before.
func (r *Reader) begin(ctx context.Context, reading *sync.WaitGroup) time.Duration {
	now := r.options.Clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range r.targets {
		if !t.queued && !t.reading && !now.Before(t.due()) {
			t.queued = true
			r.slots.queue(t)
		}
	}
	for t := r.slots.next(now); t != nil; t = r.slots.next(now) {
		t.queued = false
		if t.users == 0 || now.Before(t.due()) { // gone, or read by another replica meanwhile
			r.slots.release(t.namespace, 0, now)
			continue
		}
		t.reading, t.attempted = true, now
		reading.Go(func() { r.read(ctx, t, now) })
	}
	for f := range r.followers {
		f.remind(r.reads, now)
	}
	r.dropStrays(now)
	r.slots.tidy(now)
	if len(r.targets) == 0 {
		return idle
	}
	return tick
}

// read reads one Pod, an attempt that begins at a moment.
func (r *Reader) read(ctx context.Context, t *target, at time.Time) {
	numbers, size, err := r.fetcher.read(ctx, t)
	if ctx.Err() != nil {
		return // the replica stops: nothing is known of the Pod
	}
	failure := reasonOf(err)
	r.options.Metrics.count(failure)
	now := r.options.Clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.slots.release(t.namespace, size, now)
	r.reads++
	t.reading, t.own, t.ownAt, t.ownNumbers, t.ownFailure = false, r.reads, at, numbers, failure
	t.take(at, numbers, failure)
	r.signal()
}
