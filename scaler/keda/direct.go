package keda

import (
	"errors"
	"fmt"
	"time"

	"github.com/kedify/inference-gateway/scaler"
)

// errDirect is answered to a question for the metric while the requests of a trigger go to the application
// past the proxies.
//
// KEDA counts the errors of a metric towards spec.fallback, and leaves the replicas alone without one. It
// never asks IsActive after such an error, so the stream is what keeps an application from zero: each push
// of true begins KEDA's cooldown again, and starts a workload that is at zero.
var errDirect = errors.New("the demand is unknown")

func direct(of *scaler.Scaler) error {
	if of.Path.Direct {
		return fmt.Errorf("%w: wired Services lead to the application past the proxies, which count nothing then "+
			"(status.wiring.path of the HTTPScaler is Direct)", errDirect)
	}
	return fmt.Errorf("%w: requests went to the application past the proxies until %s, and clients keep their connections; "+
		"the demand is known one cooldownPeriod later", errDirect, of.Path.Until.Format(time.RFC3339))
}

// unseen reports whether the proxies do not see all requests of a trigger.
func unseen(of *scaler.Scaler) bool { return of.Path.Unseen(of.Spec.Scale, time.Now()) }
