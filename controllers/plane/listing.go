package plane

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"

	"github.com/kedify/inference-gateway/controllers/store"
)

const (
	// defaultListPatience is how long a replica waits for kinds that it can do without. It is the
	// progressDeadlineSeconds of a Deployment: a rollout whose new replica cannot list a kind is
	// reported as failed first, while the old replica serves.
	defaultListPatience = 10 * time.Minute
	// listReport is how often the log names the kinds that a replica waits for.
	listReport = 30 * time.Second
)

// need says whether a replica may serve without the objects of a kind.
type need int

const (
	// required kinds are waited for without end.
	required need = iota
	// expendable kinds are waited for with patience: without them only their own objects have no effect.
	expendable
)

func needOf(row store.Row) need {
	if row.Optional && !row.Contextual {
		return expendable
	}
	return required
}

// listed is a kind whose objects are handed over at the start.
type listed struct {
	kind string
	need need
	// done is closed when they were, or the API server does not serve the kind.
	done <-chan struct{}
}

func (l listed) open() bool {
	select {
	case <-l.done:
		return false
	default:
		return true
	}
}

// listing waits until what existed at the start was handed over. An API server may serve a kind
// and fail to list it: a conversion webhook is away, a permission is missing.
type listing struct {
	patience time.Duration
	clock    clock.WithTicker
	log      logr.Logger

	mu    sync.Mutex
	kinds []listed
}

func (l *listing) add(kind string, need need, done <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kinds = append(l.kinds, listed{kind, need, done})
}

// waiting returns the kinds whose objects were not handed over yet.
func (l *listing) waiting() (kinds []string) {
	for _, one := range l.all() {
		if one.open() {
			kinds = append(kinds, one.kind)
		}
	}
	return kinds
}

func (l *listing) all() []listed {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.kinds)
}

// wait returns when all kinds were handed over, or the patience is over and all required kinds
// were. It returns false when the context ended.
func (l *listing) wait(ctx context.Context) bool {
	patience := l.clock.NewTimer(l.patience)
	defer patience.Stop()
	report := l.clock.NewTicker(listReport)
	defer report.Stop()
	kinds, late := l.all(), false
	for {
		next := slices.IndexFunc(kinds, func(one listed) bool { return one.open() && (one.need == required || !late) })
		if next < 0 {
			return true
		}
		select {
		case <-kinds[next].done:
		case <-patience.C():
			late = true
		case <-report.C():
			l.log.Info("Waiting for the API server to list objects", "kinds", l.waiting())
		case <-ctx.Done():
			return false
		}
	}
}

// followLate reports what is missing after wait, and when it came.
func (l *listing) followLate(ctx context.Context) {
	missing := slices.DeleteFunc(l.all(), func(one listed) bool { return !one.open() })
	for _, one := range missing {
		l.log.Info("Serving without the objects of a kind that the API server serves and does not list", "kind", one.kind)
	}
	for _, one := range missing {
		select {
		case <-one.done:
			l.log.Info("Listed the objects of a kind", "kind", one.kind)
		case <-ctx.Done():
			return
		}
	}
}
