package replicas

import (
	"context"
	"sync"
	"time"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler"
)

const (
	// maxAge is how long an answer of the API server is used.
	maxAge = 10 * time.Second
	// maxWait bounds how long a caller waits for an answer: the server of KEDA's calls has 200 ms.
	maxWait = 150 * time.Millisecond
	// requestTimeout bounds one request to the API server.
	requestTimeout = 5 * time.Second
	// requests bounds those under way.
	requests = 16
)

// Scales reads the live /scale of targets; scale.New returns one that implements it.
type Scales interface {
	Get(ctx context.Context, namespace string, target v1alpha1.HTTPScalerTarget) (*autoscalingv1.Scale, error)
}

// Live asks the API server whether targets have replicas, for callers that have little time. It is
// for kinds without an informer: each trigger costs at most one request in 10 s.
type Live struct {
	scales Scales
	slots  chan struct{}

	mu      sync.Mutex
	answers map[types.NamespacedName]*question
}

// question is one request to the API server; done is closed with its answer.
type question struct {
	done     chan struct{}
	at       time.Time // of the answer
	err      error
	replicas int32
}

// NewLive returns a Live without answers.
func NewLive(scales Scales) *Live {
	return &Live{scales: scales, slots: make(chan struct{}, requests), answers: map[types.NamespacedName]*question{}}
}

// Running reports whether the target of a trigger has replicas, as keda.Options.Running. It is not
// known when the API server fails or is slow; a later call gets the answer that came too late.
func (l *Live) Running(of scaler.Scaler) (running, known bool) {
	q := l.ask(of)
	timer := time.NewTimer(maxWait)
	defer timer.Stop()
	select {
	case <-q.done:
		return q.replicas > 0, q.err == nil
	case <-timer.C:
		return false, false
	}
}

// ask returns the question about the target of a trigger, a new one if the last is old.
func (l *Live) ask(of scaler.Scaler) *question {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, q := range l.answers {
		if q.old() {
			delete(l.answers, key)
		}
	}
	if q := l.answers[of.Key]; q != nil {
		return q
	}
	q := &question{done: make(chan struct{})}
	l.answers[of.Key] = q
	go func() {
		defer close(q.done)
		l.slots <- struct{}{}
		defer func() { <-l.slots }()
		ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
		defer cancel()
		scale, err := l.scales.Get(ctx, of.Key.Namespace, of.Spec.Scale.Target)
		if q.at, q.err = time.Now(), err; err == nil {
			q.replicas = scale.Spec.Replicas
		}
	}()
	return q
}

// old reports whether the answer is too old or an error.
func (q *question) old() bool {
	select {
	case <-q.done:
		return q.err != nil || time.Since(q.at) >= maxAge
	default:
		return false
	}
}
