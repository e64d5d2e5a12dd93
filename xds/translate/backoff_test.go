package translate

import (
	"testing"
	"time"

	"github.com/kedify/inference-gateway/xds/ir"
)

// TestBackoffStaysADuration: the API takes pauses of 45 years. Ten times that is more than 64 bits of
// nanoseconds: it came out negative, and Envoy refused the table of the whole host.
func TestBackoffStaysADuration(t *testing.T) {
	for _, pause := range []time.Duration{time.Millisecond, time.Second, 25 * time.Hour, 399_996 * time.Hour} {
		policy, err := retryPolicy(&ir.Retry{Attempts: 1, Backoff: pause})
		if err != nil {
			t.Fatal(err)
		}
		longest := policy.GetRetryBackOff().GetMaxInterval()
		if err := longest.CheckValid(); err != nil || longest.AsDuration() < pause {
			t.Errorf("pause %s: the longest is %s (%v)", pause, longest.AsDuration(), err)
		}
	}
}
