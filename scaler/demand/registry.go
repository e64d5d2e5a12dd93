package demand

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand/counter"
	"github.com/kedify/inference-gateway/scaler/demand/instant"
	"github.com/kedify/inference-gateway/scaler/demand/metric"
	"github.com/kedify/inference-gateway/scaler/demand/replica"
)

const (
	// DefaultFlush is how often proxies report, see Options.Flush.
	DefaultFlush = time.Second
	// past is how long before the registry began the epoch of its moments is, so that ages do
	// not lead below instant.Never.
	past = 24 * time.Hour
)

// Options of a Registry.
type Options struct {
	// Clock of this replica. Nil: that of the machine.
	Clock clock.WithTickerAndDelayedExecution
	// Catalog says which keys are counted and how. The registry observes it, so it is to be
	// made before the first trigger is set.
	Catalog *scaler.Catalog
	// Flush is how often proxies report (stats_flush_interval of their bootstrap). Zero:
	// DefaultFlush.
	Flush time.Duration
	// Metrics that triggers may ask for. Nil: metric.All.
	Metrics metric.Table
	Log     logr.Logger
}

// Registry adds up what proxies and replicas report. It is safe for concurrent use.
type Registry struct {
	options Options
	epoch   time.Time
	timing  counter.Timing
	metrics metrics
	// unset are the settings of keys that no trigger is in force for.
	unset *settings

	series   sync.Map // types.NamespacedName -> *series
	gateways sync.Map // types.NamespacedName -> *gatewayCounters
	peers    sync.Map // name -> *peer
	// proxies is how many were made: the number of the newest.
	proxies   atomic.Uint64
	followers *replica.Followers
}

// New returns a registry that knows nothing. Run is to be called.
func New(options Options) *Registry {
	if options.Clock == nil {
		options.Clock = clock.RealClock{}
	}
	if options.Flush <= 0 {
		options.Flush = DefaultFlush
	}
	if options.Metrics == nil {
		options.Metrics = metric.All
	}
	r := &Registry{options: options, epoch: options.Clock.Now().Add(-past), metrics: newMetrics()}
	r.timing = counter.Timing{Began: r.now(), Flush: options.Flush}
	r.unset = r.noSettings()
	r.followers = replica.NewFollowers(exchange{r}, options.Clock)
	if options.Catalog != nil {
		options.Catalog.Observe(r.observe)
	}
	return r
}

func (r *Registry) now() instant.Time { return instant.Time(r.options.Clock.Since(r.epoch)) }

// wall returns the moment as people read it; the zero time for instant.Never.
func (r *Registry) wall(at instant.Time) time.Time {
	if at == instant.Never {
		return time.Time{}
	}
	return r.epoch.Add(time.Duration(at))
}

// observe takes a trigger that came into force, changed or, with nil, is gone.
func (r *Registry) observe(key types.NamespacedName, now *scaler.Scaler) {
	next := r.unset
	if now != nil {
		next = r.settingsOf(now)
	}
	s := r.lockedSeries(key)
	defer s.mu.Unlock()
	s.apply(next)
}

// Report takes a message of a proxy that reports to this replica. Reports of one proxy are to
// be handed over in the order in which they arrive.
func (r *Registry) Report(from Report) {
	if from.Time.IsZero() {
		from.Time = r.options.Clock.Now()
	}
	p := r.lockedProxy(from.Proxy)
	if p == nil {
		return
	}
	defer p.mu.Unlock()
	o := counter.Observation{At: r.now(), Time: from.Time.UnixMilli(), Uptime: from.Uptime, Started: from.Started}
	if state := p.state.Load(); state.Stale(o, state.reportedBy == nil, r.timing) {
		r.metrics.stale.Inc()
		return
	}
	r.metrics.fromProxies.Inc()
	st := p.begin(r, o)
	st.own = true
	for key, counts := range from.Counts {
		p.take(&st, key, counts, from.Work[key])
	}
	p.takeAbsent(&st, true)
	p.end(&st, o, nil)
	r.followers.ProxyChanged(p, false)
}

// Gone says that the stream of a proxy to this replica ended.
func (r *Registry) Gone(from Proxy) {
	p := r.proxy(from)
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.removed || p.state.Load().reportedBy != nil {
		return // it reports to another replica by now
	}
	p.leave(r.now())
	r.followers.ProxyChanged(p, true)
}

// Follow returns the deltas for another replica. The caller must call Leave.
func (r *Registry) Follow() *replica.Follower { return r.followers.Follow() }

// Merge takes what another replica tells, in the order in which it was taken from its Follower.
func (r *Registry) Merge(from string, told replica.Delta) { replica.Merge(exchange{r}, from, told) }

// Lost says that the stream of another replica ended. Its proxies are gone until they report
// again, here or there. What it holds counts for a moment, see keepHeld.
func (r *Registry) Lost(name string) { replica.Lost(exchange{r}, name) }

// Run drops what does not count any more, until the context ends. Without it the numbers are
// right as well, and the memory grows.
func (r *Registry) Run(ctx context.Context) error {
	ticker := r.options.Clock.NewTicker(tidyInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
			r.tidy()
		}
	}
}
