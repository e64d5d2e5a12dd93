package scaledobject

import (
	"context"
	"time"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/store"
)

// requestInterval is how long the leader may take to write that a first request came. Until then
// each replica knows it from its own memory.
const requestInterval = 10 * time.Second

// followRequests has the plan of each trigger made anew whose first request came through a proxy
// while foreign objects bypass the proxies.
func (c *Controller) followRequests(ctx context.Context) {
	ticker := c.Clock.NewTicker(requestInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C():
		}
		var scalers v1alpha1.HTTPScalerList
		if err := c.list(ctx, "HTTPScaler", &scalers); err != nil {
			c.Log.Error(err, "Failed to look for first requests, will retry")
			continue
		}
		for i := range scalers.Items {
			scaler := &scalers.Items[i]
			traffic := scaler.Spec.Traffic
			if len(traffic.Bypass) > 0 && !traffic.Seen && c.Requested(store.KeyOf(scaler)) {
				c.touch(scaler.Namespace)
			}
		}
	}
}
