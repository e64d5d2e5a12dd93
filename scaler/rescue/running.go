package rescue

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler"
)

const (
	// runningAge is how long an answer of the API server is good.
	runningAge = 10 * time.Second
	// runningWait bounds how long a caller waits for one: KEDA's caller has 200 ms.
	runningWait = 150 * time.Millisecond
)

// Running knows whether targets have replicas, from the API server, for callers that have
// little time. It is for questions that are rarely asked: each key costs a request per 10 s.
type Running struct {
	scales Scales
	slots  chan struct{}

	mu      sync.Mutex
	answers map[types.NamespacedName]*question
}

// question is under way until done is closed.
type question struct {
	done     chan struct{}
	at       time.Time // of the answer
	err      error
	replicas int32
}

// NewRunning returns one that has asked nothing yet.
func NewRunning(scales Scales) *Running {
	return &Running{scales: scales, slots: make(chan struct{}, writers), answers: map[types.NamespacedName]*question{}}
}

// Of is keda.Options.Running: whether the target of a trigger has replicas; not known when the
// API server fails or is slow. Who asks again later has the answer that came too late.
func (r *Running) Of(of scaler.Scaler) (running, known bool) {
	q := r.ask(of)
	timer := time.NewTimer(runningWait)
	defer timer.Stop()
	select {
	case <-q.done:
		return q.replicas > 0, q.err == nil
	case <-timer.C:
		return false, false
	}
}

// ask returns the question about a key, a new one if there is none that is good.
func (r *Running) ask(of scaler.Scaler) *question {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, q := range r.answers {
		if q.old() {
			delete(r.answers, key)
		}
	}
	if q := r.answers[of.Key]; q != nil {
		return q
	}
	q := &question{done: make(chan struct{})}
	r.answers[of.Key] = q
	go func() {
		defer close(q.done)
		r.slots <- struct{}{}
		defer func() { <-r.slots }()
		ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
		defer cancel()
		scale, err := r.scales.Get(ctx, of.Key.Namespace, of.Spec.Scale.Target)
		if q.at, q.err = time.Now(), err; err == nil {
			q.replicas = scale.Spec.Replicas
		}
	}()
	return q
}

// old says that the question is to be asked again.
func (q *question) old() bool {
	select {
	case <-q.done:
		return q.err != nil || time.Since(q.at) >= runningAge
	default:
		return false
	}
}
