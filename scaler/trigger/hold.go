package trigger

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

const (
	minHoldTimeout = time.Second
	maxHoldTimeout = time.Hour
	mostPending    = 1_000_000
)

// hold leaves to the install what the trigger does not say.
func (r *reader) hold() v1alpha1.HTTPScalerHold {
	var hold v1alpha1.HTTPScalerHold
	if timeout := r.duration(keyHoldTimeout, minHoldTimeout, maxHoldTimeout, 0); timeout != 0 {
		hold.Timeout = &metav1.Duration{Duration: timeout}
	}
	if pending := int32(r.whole(keyMaxPending, 1, mostPending, 0)); pending != 0 {
		hold.MaxPending = &pending
	}
	return hold
}
