package v1alpha1

// HTTPScalerTokens is the work of the requests of a trigger that scales by tokenRate, in tokens per second: whole
// numbers of two significant digits, 0 below a half. They are written with the rest of the demand, and by themselves
// when one of them differs by more than a tenth from what is shown.
type HTTPScalerTokens struct {
	// InputPerSecond is tokens of prompts per second, without weights, over the window of the metric.
	InputPerSecond int64 `json:"inputPerSecond"`
	// OutputPerSecond is tokens of answers per second, without weights, that the requests of the window are expected
	// to have.
	OutputPerSecond int64 `json:"outputPerSecond"`
	// WeightedPerSecond is what KEDA gets: weighted tokens per second, the sum of level, reserve and backlog.
	WeightedPerSecond int64 `json:"weightedPerSecond"`
	// Level is the mean over the window, in weighted tokens per second.
	Level int64 `json:"level"`
	// Reserve is for bursts, in weighted tokens per second.
	Reserve int64 `json:"reserve"`
	// Backlog is held requests, to be done within the backlogHorizon, in weighted tokens per second.
	Backlog int64 `json:"backlog"`
	// MeanOutputTokens is the tokens of an answer, a mean of the last ones. It is absent until an answer says its usage.
	//
	// +optional
	MeanOutputTokens *int64 `json:"meanOutputTokens,omitempty"`
	// CachedPercent is the part of the tokens of prompts that the model had in its cache, in per cent, a mean of the
	// last answers. It is absent until an answer says its usage.
	//
	// +optional
	CachedPercent *int64 `json:"cachedPercent,omitempty"`
	// MaxPerReplica is the highest level for each ready replica that the leading controller saw in the last 24 hours,
	// in weighted tokens per second. It is what a replica was asked for, not what it can do. These do not count: times
	// in which requests were held, for a window after the number of ready replicas changed, and times in which the
	// time to the first token was more than eight times the shortest. It is absent while there is none: the ready
	// replicas are known of a Deployment, a StatefulSet and an Argo Rollout, and it begins anew with another leader.
	//
	// +optional
	MaxPerReplica *int64 `json:"maxPerReplica,omitempty"`
	// AdvisedTargetValue is 85 % of MaxPerReplica, for the targetValue of the trigger. It is absent unless the maximum
	// was seen under load: the time to the first token (quantile 0.9 of streamed answers) was at least twice the
	// shortest of the 24 hours. It is advice and changes nothing. It is too low if that time rose for another reason,
	// such as longer prompts, and too high if more came than the replicas did.
	//
	// +optional
	AdvisedTargetValue *int64 `json:"advisedTargetValue,omitempty"`
}
