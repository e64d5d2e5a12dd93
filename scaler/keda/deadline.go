package keda

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kedify/inference-gateway/internal/contain"
)

// answerTime bounds an answer. KEDA sets no deadline of its own: a call that hangs stops the
// loop of its ScaledObject, and five of them every HPA of the cluster.
const answerTime = 200 * time.Millisecond

// within returns what f returns, or Unavailable when it takes longer than the limit. F goes on
// then.
func within[T any](ctx context.Context, limit time.Duration, f func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := contain.Call(f)
		done <- result{value, err}
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	var none T
	select {
	case r := <-done:
		return r.value, r.err
	case <-timer.C:
		return none, status.Errorf(codes.Unavailable, "no answer within %v", limit)
	case <-ctx.Done():
		return none, status.FromContextError(ctx.Err()).Err()
	}
}
