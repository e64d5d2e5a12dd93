package translate

import prioritiesv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/retry/priority/previous_priorities/v3"

const otherPriorityName = "envoy.retry_priorities.previous_priorities"

// otherPriority has a retry use another priority of the endpoints than the attempts before it,
// after as many of them.
func otherPriority(attempts uint32) *prioritiesv3.PreviousPrioritiesConfig {
	return &prioritiesv3.PreviousPrioritiesConfig{UpdateFrequency: int32(attempts)}
}
