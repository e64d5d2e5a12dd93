package replicas

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	autoscalingv1 "k8s.io/api/autoscaling/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// slowScales answers after a while.
type slowScales struct {
	Scales
	mu       sync.Mutex
	takes    time.Duration
	replicas int32
	err      error
	asked    int
}

func (s *slowScales) set(takes time.Duration, replicas int32, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.takes, s.replicas, s.err = takes, replicas, err
}

func (s *slowScales) requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func (s *slowScales) Get(context.Context, string, v1alpha1.HTTPScalerTarget) (*autoscalingv1.Scale, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	takes, scale, err := s.takes, &autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: s.replicas}}, s.err
	s.mu.Unlock()
	time.Sleep(takes)
	s.mu.Lock()
	return scale, err
}

// TestRunning: an answer in time, one that is late, one that is old, and none.
func TestRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		scales := &slowScales{}
		r := NewLive(scales)
		of := func(want, wantKnown bool, within time.Duration, asked int) {
			t.Helper()
			begin := time.Now()
			got, known := r.Running(*triggerOf("apps/v1", "Deployment", "web"))
			took, requests := time.Since(begin), scales.requests()
			if got != want || known != wantKnown || took != within || requests != asked {
				t.Errorf("%v, %v after %v and %d requests; want %v, %v after %v and %d", got, known, took, requests, want, wantKnown, within, asked)
			}
		}
		scales.set(10*ms, 1, nil)
		of(true, true, 10*ms, 1)
		of(true, true, 0, 1)
		scales.set(10*ms, 0, nil)
		time.Sleep(maxAge - time.Second)
		of(true, true, 0, 1)
		time.Sleep(time.Second)
		of(false, true, 10*ms, 2)

		time.Sleep(maxAge)
		scales.set(time.Second, 2, nil)
		of(false, false, maxWait, 3)
		of(false, false, maxWait, 3)
		time.Sleep(time.Second)
		of(true, true, 0, 3)

		time.Sleep(maxAge)
		scales.set(0, 2, errors.New("forbidden"))
		of(false, false, 0, 4)
		of(false, false, 0, 5)
	})
}
